//! A compressed archive of an image: unfolded once into the cache, because its files are read in any order.
//!
//! A root filesystem is not unfolded, but unpacked as it streams by: the first name tells one from the other.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::Path;

use super::compression::{self, Compression};
use super::error::{Error, Reason};
use super::fault::{AtPlace, Fault, Where};
use super::store::Store;
use super::{keep, shelf};

/// No honest image is as large.
const LARGEST: u64 = 64 << 30;
/// gzip cannot do better than 1,032.
const RATIO: u64 = 1_100;
/// Below, no ratio is too good.
const FLOOR: u64 = 64 << 20;

/// The archive uncompressed, if it may be that of an image.
pub(crate) fn image(
    path: &Path,
    given: &str,
    compression: Compression,
    store: &Store,
) -> Result<Option<File>, Error> {
    let whole = Where { archive: given, entry: "" };
    let open = || File::open(path).map_err(|error| whole.error(Reason::io(path, &error)));
    let plain = || {
        let stream = compression::plain(open()?);
        stream.map_err(|error| whole.error(shelf::reason(given, &error)))
    };
    if compression == Compression::None {
        return open().map(Some);
    }
    if !shelf::may_be_image(plain()?, given)? {
        return Ok(None);
    }
    let size = open()?.metadata().map_err(|error| whole.error(Reason::io(path, &error)))?.len();
    let name = format!("{}.tar", store.digest_of(path)?.hex());
    let cache = store.blobs().join("unfolded");
    let copy = Copy { given, cache: &cache };
    let unfolded = keep::keep(&cache, &name, &mut |file| {
        let result = write(file, plain()?, &copy, size);
        if result.is_err() {
            // Nothing to go on with; that it cannot be emptied is not the reason of the failure.
            drop(file.set_len(0));
        }
        result
    })?;
    File::open(&unfolded).map(Some).map_err(|error| whole.error(Reason::io(&unfolded, &error)))
}

fn write(file: &mut File, stream: Box<dyn Read>, copy: &Copy<'_>, compressed: u64) -> Result<(), Error> {
    let whole = Where { archive: copy.given, entry: "" };
    let limit = compressed.saturating_mul(RATIO).clamp(FLOOR, LARGEST);
    let emptied = file.rewind().and_then(|()| file.set_len(0));
    emptied.map_err(|error| whole.error(Reason::io(copy.cache, &error)))?;
    let written = copy.run(file, &mut stream.take(limit + 1)).at(whole)?;
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
