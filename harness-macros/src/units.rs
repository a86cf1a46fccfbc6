//! Sizes, durations and cores, from text. Pure; the caller adds the span and an example.
//!
//! No float is involved: a decimal is its digits and a power of ten, and what does not come out whole is
//! a mistake, not rounded.

use crate::guess::did_you_mean;
use std::time::Duration;

/// Bytes, of `"100M"`, `"1.5GiB"`, `"4096"`.
pub(crate) fn size(text: &str) -> Result<u64, String> {
    u64::try_from(SIZE.read(text)?).map_err(|_| too_large(text))
}

/// A duration, of `"5s"`, `"250ms"`, `"1.5h"`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let nanos = DURATION.read(text)?;
    let seconds = u64::try_from(nanos / NANOS_PER_SECOND);
    let rest = u32::try_from(nanos % NANOS_PER_SECOND);
    match (seconds, rest) {
        (Ok(seconds), Ok(rest)) => Ok(Duration::new(seconds, rest)),
        _ => Err(too_large(text)),
    }
}

/// Thousandths of a core, of `0.5` or `2`.
pub(crate) fn millicores(text: &str) -> Result<u32, String> {
    u32::try_from(CORES.read(text)?).map_err(|_| too_large(text))
}

/// The units of one quantity.
struct Scale {
    /// Name and multiplier; the empty name is a number without a unit.
    units: &'static [(&'static str, u128)],
    /// What people write for a unit, in lower case, and what they should.
    aliases: &'static [(&'static str, &'static str)],
    /// What a value must be a whole number of.
    whole: &'static str,
}

/// The short binary units are what the kernel and `docker -m` read them as.
const SIZE: Scale = Scale {
    units: &[
        ("", 1),
        ("K", 1 << 10),
        ("M", 1 << 20),
        ("G", 1 << 30),
        ("T", 1 << 40),
        ("KiB", 1 << 10),
        ("MiB", 1 << 20),
        ("GiB", 1 << 30),
        ("TiB", 1 << 40),
        ("kB", 1_000),
        ("MB", 1_000_000),
        ("GB", 1_000_000_000),
        ("TB", 1_000_000_000_000),
    ],
    aliases: &[
        ("b", "bytes are written without a unit"),
        ("kb", "did you mean `K` (1024) or `kB` (1000)?"),
        ("mb", "did you mean `M` (1024 K) or `MB` (1000 kB)?"),
        ("gb", "did you mean `G` (1024 M) or `GB` (1000 MB)?"),
        ("tb", "did you mean `T` (1024 G) or `TB` (1000 GB)?"),
    ],
    whole: "bytes",
};

const NANOS_PER_SECOND: u128 = 1_000_000_000;

const DURATION: Scale = Scale {
    units: &[
        ("us", 1_000),
        ("ms", 1_000_000),
        ("s", NANOS_PER_SECOND),
        ("min", 60 * NANOS_PER_SECOND),
        ("h", 3600 * NANOS_PER_SECOND),
    ],
    aliases: &[
        ("m", "did you mean `min` or `ms`?"),
        ("sec", "did you mean `s`?"),
        ("secs", "did you mean `s`?"),
        ("second", "did you mean `s`?"),
        ("seconds", "did you mean `s`?"),
        ("minute", "did you mean `min`?"),
        ("minutes", "did you mean `min`?"),
        ("hour", "did you mean `h`?"),
        ("hours", "did you mean `h`?"),
    ],
    whole: "nanoseconds",
};

const CORES: Scale = Scale { units: &[("", 1000)], aliases: &[], whole: "thousandths of a core" };

impl Scale {
    /// The number before the unit times what the unit stands for.
    fn read(&self, text: &str) -> Result<u128, String> {
        let is_number = |c: char| c.is_ascii_digit() || c == '.' || c == '_';
        let end = text.find(|c| !is_number(c)).unwrap_or(text.len());
        let (number, unit) = text.split_at(end);
        let (digits, scale) = decimal(text, number)?;
        let multiplier = self.multiplier(text, unit)?;
        let product = digits.checked_mul(multiplier).ok_or_else(|| too_large(text))?;
        if product % scale == 0 {
            Ok(product / scale)
        } else {
            Err(format!("`{text}` is not a whole number of {}", self.whole))
        }
    }

    fn multiplier(&self, text: &str, unit: &str) -> Result<u128, String> {
        let found = self.units.iter().find(|(name, _)| *name == unit);
        found.map(|(_, multiplier)| *multiplier).ok_or_else(|| match unit {
            "" => format!("`{text}` has no unit"),
            _ if unit.trim() != unit => format!("there is a space in `{text}`"),
            _ => format!("there is no unit `{unit}`{}", self.guess(unit)),
        })
    }

    fn guess(&self, unit: &str) -> String {
        let lower = unit.to_lowercase();
        match self.aliases.iter().find(|(alias, _)| *alias == lower) {
            Some((_, hint)) => format!("; {hint}"),
            None => {
                let names = self.units.iter().map(|(name, _)| *name);
                did_you_mean(unit, names.filter(|name| !name.is_empty()))
            }
        }
    }
}

/// `1.25` as 125 and 100.
fn decimal(text: &str, number: &str) -> Result<(u128, u128), String> {
    match text.chars().next() {
        None => return Err("the string is empty".to_owned()),
        Some('-') => return Err(format!("`{text}` is negative")),
        Some(first) if !first.is_ascii_digit() => {
            return Err(format!("`{text}` does not start with a number"));
        }
        Some(_) => {}
    }
    let number = number.replace('_', "");
    let (whole, fraction) = number.split_once('.').unwrap_or((&number, "0"));
    if fraction.is_empty() || fraction.contains('.') {
        return Err(format!("`{number}` is not a number"));
    }
    let fraction = fraction.trim_end_matches('0');
    let digits = format!("{whole}{fraction}").parse();
    let places = u32::try_from(fraction.len()).ok();
    match (digits, places.and_then(|places| 10_u128.checked_pow(places))) {
        (Ok(digits), Some(scale)) => Ok((digits, scale)),
        _ => Err(too_large(text)),
    }
}

fn too_large(text: &str) -> String {
    format!("`{text}` is too large")
}

#[cfg(test)]
mod tests {
    use super::{duration, millicores, size};
    use std::time::Duration;

    #[test]
    fn sizes() {
        for (text, bytes) in [
            ("0", 0),
            ("4096", 4096),
            ("4_096", 4096),
            ("1K", 1024),
            ("1kB", 1000),
            ("100M", 100 << 20),
            ("100MiB", 100 << 20),
            ("100MB", 100_000_000),
            ("1.5G", 3 << 29),
            ("1.50G", 3 << 29),
            ("0.5K", 512),
            ("2T", 2 << 40),
            ("16777215T", 16_777_215 << 40),
            ("18446744073709551615", u64::MAX),
        ] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn sizes_that_are_none() {
        for (text, says) in [
            ("", "empty"),
            ("-5M", "negative"),
            ("M", "start with a number"),
            (".5M", "start with a number"),
            ("5.M", "not a number"),
            ("1.2.3M", "not a number"),
            ("100 M", "space"),
            ("1.5", "whole number of bytes"),
            ("0.0001K", "whole number of bytes"),
            ("16777216T", "too large"),
            ("18446744073709551616", "too large"),
            ("999999999999999999999999999999999999999999", "too large"),
            ("100mb", "`MB`"),
            ("100KB", "`kB`"),
            ("100B", "without a unit"),
            ("100m", "mean `M`"),
            ("100Mi", "mean `M"),
            ("100parsec", "no unit `parsec`"),
        ] {
            let error = size(text).expect_err(text);
            assert!(error.contains(says), "{text}: {error}");
        }
    }

    #[test]
    fn durations() {
        for (text, expected) in [
            ("5s", Duration::from_secs(5)),
            ("250ms", Duration::from_millis(250)),
            ("100us", Duration::from_micros(100)),
            ("2min", Duration::from_secs(120)),
            ("1h", Duration::from_secs(3600)),
            ("1.5s", Duration::from_millis(1500)),
            ("0.0000015s", Duration::from_nanos(1500)),
        ] {
            assert_eq!(duration(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn durations_that_are_none() {
        for (text, says) in [
            ("", "empty"),
            ("5", "no unit"),
            ("5m", "`min` or `ms`"),
            ("5sec", "mean `s`"),
            ("5 s", "space"),
            ("-1s", "negative"),
            ("soon", "start with a number"),
            ("0.0001us", "whole number of nanoseconds"),
            ("99999999999999999999h", "too large"),
        ] {
            let error = duration(text).expect_err(text);
            assert!(error.contains(says), "{text}: {error}");
        }
    }

    #[test]
    fn cores() {
        for (text, expected) in [("0.5", 500), ("2", 2000), ("0.001", 1), ("1.25", 1250)] {
            assert_eq!(millicores(text), Ok(expected), "{text}");
        }
        for text in ["0.0005", "half", "1M", "9999999999"] {
            assert!(millicores(text).is_err(), "{text}");
        }
    }
}
