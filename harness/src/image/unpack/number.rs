//! The numbers of a tar header: octal digits, or GNU's base 256; and those of a PAX record, in decimal.

use nix::sys::time::TimeSpec;

use super::super::error::Reason;

/// A field of a header.
pub(super) fn field(what: &str, field: &[u8]) -> Result<i64, Reason> {
    let value = if field.first().is_some_and(|byte| byte & 0x80 != 0) { binary(field) } else { octal(field) };
    value.ok_or_else(|| bad(what))
}

/// A field that is not negative.
pub(super) fn unsigned(what: &str, bytes: &[u8]) -> Result<u64, Reason> {
    u64::try_from(field(what, bytes)?).map_err(|_| bad(what))
}

pub(super) fn bad(what: &str) -> Reason {
    Reason::Corrupt(format!("its {what} is no number that can be meant"))
}

/// Two's complement, the topmost bit being the mark of this form. Twelve bytes at most.
fn binary(field: &[u8]) -> Option<i64> {
    let (first, rest) = field.split_first()?;
    let magnitude = i128::from(first & 0x3f);
    let start = if first & 0x40 == 0 { magnitude } else { magnitude - 0x40 };
    let value = rest.iter().fold(start, |value, byte| value * 256 + i128::from(*byte));
    i64::try_from(value).ok()
}

/// Digits between blanks; nothing is 0.
fn octal(field: &[u8]) -> Option<i64> {
    let is_blank = |byte: &u8| matches!(byte, b' ' | 0);
    let start = field.iter().position(|byte| !is_blank(byte)).unwrap_or(field.len());
    let rest = &field[start..];
    let end = rest.iter().position(is_blank).unwrap_or(rest.len());
    let (digits, rest) = rest.split_at(end);
    if !rest.iter().all(is_blank) {
        return None;
    }
    digits.iter().try_fold(0_i64, |value, byte| match byte {
        b'0'..=b'7' => value.checked_mul(8)?.checked_add(i64::from(byte - b'0')),
        _ => None,
    })
}

/// A whole number of a PAX record.
pub(super) fn decimal(what: &str, text: &[u8]) -> Result<u64, Reason> {
    let digits = std::str::from_utf8(text).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    digits.and_then(|digits| digits.parse().ok()).ok_or_else(|| bad(what))
}

/// Seconds since 1970, possibly negative, possibly with a fraction.
pub(super) fn time(text: &[u8]) -> Result<TimeSpec, Reason> {
    let what = "mtime";
    let text = std::str::from_utf8(text).map_err(|_| bad(what))?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let seconds: i64 = whole.parse().map_err(|_| bad(what))?;
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(bad(what));
    }
    // Digits below a nanosecond are cut off.
    let digits = fraction.bytes().chain(std::iter::repeat(b'0')).take(9);
    let nanoseconds = digits.fold(0_i64, |value, digit| value * 10 + i64::from(digit - b'0'));
    // The kernel counts nanoseconds upwards from the second before.
    match (whole.starts_with('-'), nanoseconds) {
        (true, 1..) => {
            Ok(TimeSpec::new(seconds.checked_sub(1).ok_or_else(|| bad(what))?, 1_000_000_000 - nanoseconds))
        }
        _ => Ok(TimeSpec::new(seconds, nanoseconds)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields() {
        for (bytes, value) in [
            (&b"0000644\0"[..], Some(0o644)),
            (b"    644 ", Some(0o644)),
            (b"\0\0\0\0\0\0\0\0", Some(0)),
            (b"77777777", Some(0o77_777_777)),
            (b"0000648\0", None),
            (b"1 2\0\0\0\0\0", None),
            (b"-1\0\0\0\0\0\0", None),
            (b"\x80\0\0\0\0\0\0\0\0\x20\0\0", Some(0x20_0000)),
            (b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", Some(-1)),
            (b"\x80\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff", None),
            (b"\xbf\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", None),
        ] {
            assert_eq!(field("x", bytes).ok(), value, "{bytes:?}");
        }
        assert!(unsigned("x", b"\xff\xff").is_err());
    }

    #[test]
    fn times() {
        for (text, expected) in [
            ("7", Some((7, 0))),
            ("1.5", Some((1, 500_000_000))),
            ("1.0000000019", Some((1, 1))),
            ("-1.25", Some((-2, 750_000_000))),
            ("-1", Some((-1, 0))),
            ("", None),
            ("1.x", None),
            ("1e9", None),
            ("99999999999999999999", None),
        ] {
            let time = time(text.as_bytes()).ok().map(|time| (time.tv_sec(), time.tv_nsec()));
            assert_eq!(time, expected, "{text}");
        }
        assert!(decimal("x", b"+1").is_err());
        assert!(decimal("x", b"").is_err());
    }
}
