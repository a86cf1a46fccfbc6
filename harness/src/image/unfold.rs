//! A compressed archive of an image: unfolded once into the cache, because its files are read in any order.
//!
//! A root filesystem is not unfolded, but unpacked as it streams by: the first name tells one from the other.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::Path;

use super::compression::{self, Compression};
use super::digest::Checked;
use super::error::{Error, Reason};
use super::fault::{AtPlace, Fault, Where};
use super::store::Store;
use super::unpack::limits::{Limits, RATIO_FLOOR};
use super::{keep, shelf};

/// The archive uncompressed, if it may be that of an image.
pub(crate) fn image(
    path: &Path,
    given: &str,
    compression: Compression,
    store: &Store,
) -> Result<Option<File>, Error> {
    let whole = Where { archive: given, entry: "" };
    let open = || File::open(path).map_err(|error| whole.error(Reason::io(path, &error)));
    let failed = |error: io::Error| whole.error(shelf::reason(given, &error));
    if compression == Compression::None {
        return open().map(Some);
    }
    if !shelf::may_be_image(compression::plain(open()?).map_err(failed)?) {
        return Ok(None);
    }
    let digest = store.digest_of(path)?;
    let cache = store.blobs().join("unfolded");
    let copy = Copy { given, cache: &cache };
    let unfolded = keep::keep(&cache, &format!("{}.tar", digest.hex()), &mut |file| {
        let archive = open()?;
        let size = archive.metadata().map_err(|error| whole.error(Reason::io(path, &error)))?.len();
        // Between the two looks at it a build may have put another one there.
        let stream = compression::plain(Checked::new(archive, digest)).map_err(failed)?;
        let result = write(file, stream, &copy, largest(size, store.limits()));
        if result.is_err() {
            // Nothing to go on with; that it cannot be emptied is not the reason of the failure.
            drop(file.set_len(0));
        }
        result
    });
    let unfolded = unfolded.map_err(|error| super::changed(path, given, digest, store).unwrap_or(error))?;
    File::open(&unfolded).map(Some).map_err(|error| whole.error(Reason::io(&unfolded, &error)))
}

/// As large as an archive of this size may become: its layers are compressed as a layer may be, and it has several.
fn largest(compressed: u64, limits: Limits) -> u64 {
    compressed.saturating_mul(limits.ratio).max(RATIO_FLOOR).min(limits.bytes.saturating_mul(LAYERS))
}

/// More that are as large as a layer may be are in no image.
const LAYERS: u64 = 4;

fn write(file: &mut File, stream: Box<dyn Read>, copy: &Copy<'_>, limit: u64) -> Result<(), Error> {
    let whole = Where { archive: copy.given, entry: "" };
    let emptied = file.rewind().and_then(|()| file.set_len(0));
    emptied.map_err(|error| whole.error(Reason::io(copy.cache, &error)))?;
    let written = copy.run(file, &mut stream.take(limit.saturating_add(1))).at(whole)?;
    if written > limit { Err(Fault::TooLarge { limit }).at(whole) } else { Ok(()) }
}

/// What is copied, and where it goes: a failure is that of one or of the other.
struct Copy<'a> {
    given: &'a str,
    cache: &'a Path,
}

impl Copy<'_> {
    fn run(&self, file: &mut File, stream: &mut dyn Read) -> Result<u64, Reason> {
        let mut buffer = vec![0; 128 << 10];
        let mut written = 0;
        loop {
            match stream.read(&mut buffer) {
                Ok(0) => return Ok(written),
                Ok(length) => {
                    file.write_all(&buffer[..length]).map_err(|error| Reason::io(self.cache, &error))?;
                    written += u64::try_from(length).unwrap_or(u64::MAX);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(shelf::reason(self.given, &error)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_full_is_the_cache() {
        let copy = Copy { given: "/a.tar.gz", cache: Path::new("/cache") };
        let mut full = File::options().write(true).open("/dev/full").unwrap();
        let found = copy.run(&mut full, &mut &b"bytes"[..]);
        assert_eq!(found, Err(Reason::NoSpace { cache: "/cache".into() }));
        let mut null = File::options().write(true).open("/dev/null").unwrap();
        assert_eq!(copy.run(&mut null, &mut &b"bytes"[..]), Ok(5));
        let unreadable = copy.run(&mut null, &mut File::open("/").unwrap());
        assert!(
            matches!(&unreadable, Err(Reason::Io { path, .. }) if path == Path::new("/a.tar.gz")),
            "{unreadable:?}"
        );
    }
}
