//! What a blob's content is known by: its SHA-256, written `sha256:` and 64 hexadecimal digits.

use std::fmt;
use std::io::{self, Read};
use std::str::FromStr;

use sha2::{Digest as _, Sha256};

use super::error::Reason;

/// The SHA-256 of some bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Digest([u8; 32]);

const PREFIX: &str = "sha256:";

impl Digest {
    /// The digest of these bytes.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Its 64 digits alone: a name for a file.
    pub(crate) fn hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", self.hex())
    }
}

impl FromStr for Digest {
    type Err = Reason;

    /// Upper-case digits are refused, as the OCI specification has it: a digest is also a file's name.
    fn from_str(text: &str) -> Result<Self, Reason> {
        let bad = || Reason::BadDigest(text.to_owned());
        let digits = text.strip_prefix(PREFIX).ok_or_else(bad)?.as_bytes();
        let mut bytes = [0; 32];
        if digits.len() != 2 * bytes.len() {
            return Err(bad());
        }
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = digit(pair[0]).zip(digit(pair[1])).map(|(high, low)| high << 4 | low).ok_or_else(bad)?;
        }
        Ok(Self(bytes))
    }
}

fn digit(letter: u8) -> Option<u8> {
    match letter {
        b'0'..=b'9' => Some(letter - b'0'),
        b'a'..=b'f' => Some(letter - b'a' + 10),
        _ => None,
    }
}

/// A reader that counts what passes, and takes its digest if asked to.
pub(crate) struct Hashing<R> {
    inner: R,
    hasher: Option<Sha256>,
    count: u64,
}

impl<R> fmt::Debug for Hashing<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hashing").field("count", &self.count).finish_non_exhaustive()
    }
}

impl<R> Hashing<R> {
    /// Counts, and takes the digest.
    pub(crate) fn new(inner: R) -> Self {
        Self { inner, hasher: Some(Sha256::new()), count: 0 }
    }

    /// Counts only.
    pub(crate) fn counting(inner: R) -> Self {
        Self { inner, hasher: None, count: 0 }
    }

    /// The bytes that have passed.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// The digest of what has passed; none if it was not asked for.
    pub(crate) fn digest(self) -> Option<Digest> {
        self.hasher.map(|hasher| Digest(hasher.finalize().into()))
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&buffer[..length]);
        }
        self.count += u64::try_from(length).unwrap_or(u64::MAX);
        Ok(length)
    }
}

/// A stream that ends well only if its digest is this. Otherwise in an error without words: whoever opened it looks
/// again at where it came from.
pub(crate) struct Checked<R> {
    inner: Option<Hashing<R>>,
    wanted: Digest,
}

impl<R> Checked<R> {
    pub(crate) fn new(inner: R, wanted: Digest) -> Self {
        Self { inner: Some(Hashing::new(inner)), wanted }
    }
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(inner) = &mut self.inner else { return Ok(0) };
        let length = inner.read(buffer)?;
        if length == 0 && !buffer.is_empty() {
            let found = self.inner.take().and_then(Hashing::digest);
            if found != Some(self.wanted) {
                return Err(io::ErrorKind::InvalidData.into());
            }
        }
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn text_and_back() {
        let digest: Digest = EMPTY.parse().unwrap();
        assert_eq!(digest, Digest::of(b""));
        assert_eq!(digest.to_string(), EMPTY);
        assert_ne!(digest, Digest::of(b"a"));
    }

    #[test]
    fn anything_else_is_no_digest() {
        let hex = &EMPTY[PREFIX.len()..];
        for bad in [
            "",
            hex,
            "sha512:00",
            &EMPTY[..EMPTY.len() - 1],
            &format!("{EMPTY}0"),
            &EMPTY.to_uppercase(),
            &EMPTY.replace('b', "/"),
            &format!("sha256:{}", "é".repeat(32)),
        ] {
            assert_eq!(bad.parse::<Digest>(), Err(Reason::BadDigest(bad.to_owned())));
        }
    }

    #[test]
    fn other_bytes_than_promised_do_not_end_well() {
        let read = |text: &'static str| io::read_to_string(Checked::new(text.as_bytes(), Digest::of(b"one")));
        assert_eq!(read("one").unwrap(), "one");
        assert_eq!(read("two").unwrap_err().kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn what_passes_is_counted_and_hashed() {
        let mut reader = Hashing::new(&b"hello"[..]);
        io::copy(&mut reader, &mut io::sink()).unwrap();
        assert_eq!((reader.count(), reader.digest()), (5, Some(Digest::of(b"hello"))));
        assert_eq!(Hashing::counting(&b""[..]).digest(), None);
    }
}
