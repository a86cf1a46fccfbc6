//! The bytes of an archive, counted, hashed and bounded while they pass.

use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use super::super::digest::{Digest, Hashing};
use super::super::error::{Error, Reason};
use super::limits::{Limits, RATIO_FLOOR};

/// The unit of a tar archive.
pub(super) const BLOCK: usize = 512;
/// Large enough that a file of a usual size is one write.
const BUFFER: usize = 256 << 10;

/// An archive that is being read.
#[derive(Debug)]
pub(super) struct Stream<R> {
    inner: BufReader<Hashing<R>>,
    /// What messages call it.
    archive: String,
    compressed: u64,
    limits: Limits,
}

impl<R: Read> Stream<R> {
    pub(super) fn new(inner: Hashing<R>, archive: &str, compressed: u64, limits: Limits) -> Self {
        let inner = BufReader::with_capacity(BUFFER, inner);
        Self { inner, archive: archive.to_owned(), compressed, limits }
    }

    /// What is there, at least a byte; empty at the end.
    pub(super) fn fill(&mut self) -> Result<&[u8], Reason> {
        loop {
            match self.inner.fill_buf() {
                Ok(_) => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(read_error(&self.archive, &error)),
            }
        }
        self.within_bounds()?;
        Ok(self.inner.buffer())
    }

    pub(super) fn consume(&mut self, length: usize) {
        self.inner.consume(length);
    }

    fn within_bounds(&self) -> Result<(), Reason> {
        let count = self.inner.get_ref().count();
        let Limits { bytes, ratio, .. } = self.limits;
        if count > RATIO_FLOOR && count > self.compressed.saturating_mul(ratio) {
            return Err(Reason::Ratio { compressed: self.compressed, limit: ratio });
        }
        // An archive has headers beside its files: twice their bytes are no honest one.
        if count > bytes.saturating_mul(2) { Err(Reason::TooLarge { limit: bytes }) } else { Ok(()) }
    }

    /// The next block; none at the end of the stream.
    pub(super) fn block(&mut self) -> Result<Option<[u8; BLOCK]>, Reason> {
        let mut block = [0; BLOCK];
        let mut filled = 0;
        while filled < BLOCK {
            let there = self.fill()?;
            let length = there.len().min(BLOCK - filled);
            block[filled..filled + length].copy_from_slice(&there[..length]);
            self.consume(length);
            match (length, filled) {
                (0, 0) => return Ok(None),
                (0, _) => return Err(Reason::Truncated),
                _ => filled += length,
            }
        }
        Ok(Some(block))
    }

    /// Hands that many bytes to `take`, piece by piece.
    pub(super) fn pass(
        &mut self,
        mut length: u64,
        mut take: impl FnMut(&[u8]) -> Result<(), Reason>,
    ) -> Result<(), Reason> {
        while length > 0 {
            let there = self.fill()?;
            if there.is_empty() {
                return Err(Reason::Truncated);
            }
            let piece = there.len().min(usize::try_from(length).unwrap_or(usize::MAX));
            take(&there[..piece])?;
            self.consume(piece);
            length -= u64::try_from(piece).unwrap_or(length);
        }
        Ok(())
    }

    /// Passes over what fills the last block of that many bytes.
    pub(super) fn padding(&mut self, length: u64) -> Result<(), Reason> {
        self.pass(length.next_multiple_of(512) - length, |_| Ok(()))
    }

    /// The whole data of an entry that is part of a header.
    pub(super) fn data(&mut self, length: u64, limit: u64) -> Result<Vec<u8>, Reason> {
        if length > limit {
            return Err(Reason::TooLong { length, limit });
        }
        let mut data = Vec::new();
        self.pass(length, |piece| {
            data.extend_from_slice(piece);
            Ok(())
        })?;
        self.padding(length)?;
        Ok(data)
    }

    /// Reads to the end: whether only zeros were left.
    pub(super) fn drain(&mut self) -> Result<bool, Reason> {
        let mut is_blank = true;
        loop {
            let there = self.fill()?;
            if there.is_empty() {
                return Ok(is_blank);
            }
            is_blank = is_blank && there.iter().all(|byte| *byte == 0);
            let length = there.len();
            self.consume(length);
        }
    }

    /// The digest of all that was read.
    pub(super) fn digest(self) -> Option<Digest> {
        self.inner.into_inner().digest()
    }
}

/// A failed read: of a file, by the format of its compression, or as whoever gives us the bytes says it.
fn read_error(archive: &str, error: &io::Error) -> Reason {
    if let Some(ours) = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        return ours.reason.clone();
    }
    match error.kind() {
        io::ErrorKind::UnexpectedEof => Reason::Truncated,
        _ if error.raw_os_error().is_some() => Reason::io(Path::new(archive), error),
        _ => Reason::Corrupt(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An archive that is all headers, or goes on for ever after its end, has no file whose bytes are counted.
    #[test]
    fn more_than_twice_the_bytes_of_files_is_no_archive() {
        let limits = Limits { bytes: 1_000, entries: 1, ratio: u64::MAX };
        let drained = |length| {
            let bytes = Hashing::counting(io::repeat(0).take(length));
            Stream::new(bytes, "a", 1, limits).drain()
        };
        assert_eq!(drained(2_000), Ok(true));
        assert_eq!(drained(2_001), Err(Reason::TooLarge { limit: 1_000 }));
    }
    /// Also of an archive that ends: a mistake here is a failure, and not a test that never ends.
    #[test]
    fn what_was_compressed_too_well_is_no_archive() {
        let limits = Limits { bytes: u64::MAX, entries: 1, ratio: 10 };
        let drained = |length, compressed| {
            let bytes = Hashing::counting(io::repeat(0).take(length));
            Stream::new(bytes, "a", compressed, limits).drain()
        };
        let more = RATIO_FLOOR + 1;
        assert_eq!(drained(more, 1), Err(Reason::Ratio { compressed: 1, limit: 10 }));
        assert_eq!(drained(RATIO_FLOOR, 1), Ok(true));
        assert_eq!(drained(more, more.div_ceil(10)), Ok(true));
    }
}
