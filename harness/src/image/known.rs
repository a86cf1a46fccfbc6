//! Images that this process has read already: hundreds of tests may name the same one.
//!
//! An image in a file is known by the file, as it is now: everything else is found by its digest. One in a registry
//! is what it was when it was asked for first: all tests of a run see the same. Failures are not kept.

use std::collections::HashMap;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use super::error::Error;
use super::store::digests::is_settled;
use super::{Image, Source, source};
use crate::cache;

/// What an image is known by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    cache: Option<PathBuf>,
    source: PathBuf,
    file: Option<Stamp>,
}

/// A file as it is: device, inode, size, and the nanoseconds of its changes.
type Stamp = (u64, u64, u64, [i64; 4]);

/// The image, read by `read` unless it is known.
pub(super) fn obtain(
    source: &Source<'_>,
    read: impl FnOnce() -> Result<Image, Error>,
) -> Result<Arc<Image>, Error> {
    at(SystemTime::now(), source, read)
}

fn at(
    now: SystemTime,
    source: &Source<'_>,
    read: impl FnOnce() -> Result<Image, Error>,
) -> Result<Arc<Image>, Error> {
    static KNOWN: Mutex<Option<HashMap<Key, Arc<Image>>>> = Mutex::new(None);
    let known = || KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let key = key(source, now);
    let found = key.as_ref().and_then(|key| known().as_ref()?.get(key).cloned());
    if let Some(image) = found.filter(|image| is_there(image)) {
        return Ok(image);
    }
    // Without the lock: others may want other images.
    let image = Arc::new(read()?);
    if let Some(key) = key {
        known().get_or_insert_default().insert(key, Arc::clone(&image));
    }
    Ok(image)
}

/// `harness clean` leaves it alone; who removes the whole cache by hand does not.
fn is_there(image: &Image) -> bool {
    image.layers.first().is_none_or(|layer| layer.directory.exists())
}

/// None where the file cannot be looked at: reading it will say why. Nor where it was changed just now: the next change
/// might have the same time.
fn key(source: &Source<'_>, now: SystemTime) -> Option<Key> {
    let (source, file) = match source {
        Source::Path(path) => {
            let file = leading(&source::locate(path).path).ok().filter(|file| is_settled(file, now))?;
            ((*path).to_owned(), Some(stamp(&file)))
        }
        Source::Registry(reference) => (PathBuf::from(reference), None),
    };
    Some(Key { cache: cache::of_process(), source, file })
}

/// The archive, or what leads to everything in a layout.
fn leading(path: &Path) -> io::Result<Metadata> {
    let metadata = fs::metadata(path)?;
    if metadata.is_dir() { fs::metadata(path.join("index.json")) } else { Ok(metadata) }
}

fn stamp(file: &Metadata) -> Stamp {
    let times = [file.mtime(), file.mtime_nsec(), file.ctime(), file.ctime_nsec()];
    (file.dev(), file.ino(), file.size(), times)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::tests::build::{Bench, Files};
    use super::*;

    #[test]
    fn read_once_and_again_when_the_file_has_changed() {
        let bench = Bench::new();
        let path = Files::hello().into_directory(&bench.path("layout"));
        let source = Source::Path(&path);
        let reads = std::cell::Cell::new(0);
        let at = |now| {
            at(now, &source, || {
                reads.set(reads.get() + 1);
                bench.obtain(&path)
            })
        };
        let read = || at(SystemTime::now() + Duration::from_secs(60));
        assert!(
            !Arc::ptr_eq(&at(SystemTime::now()).unwrap(), &at(SystemTime::now()).unwrap()),
            "just changed"
        );
        reads.set(0);
        let first = read().unwrap();
        assert!(Arc::ptr_eq(&first, &read().unwrap()));
        assert_eq!(reads.get(), 1);
        // The same bytes in another file are looked at again, and so is a cache that somebody has removed.
        let index = path.join("index.json");
        fs::copy(&index, path.join("copy")).and_then(|_| fs::rename(path.join("copy"), index)).unwrap();
        assert!(!Arc::ptr_eq(&first, &read().unwrap()));
        assert_eq!(reads.get(), 2);
        fs::remove_dir_all(bench.path("cache")).unwrap();
        read().unwrap();
        assert_eq!(reads.get(), 3);
    }

    #[test]
    fn a_failure_is_not_kept() {
        let bench = Bench::new();
        let path = bench.file("archive", b"no archive");
        let source = Source::Path(&path);
        let mut tries = 0;
        for _ in 0..2 {
            let failed = obtain(&source, || {
                tries += 1;
                bench.obtain(&path)
            });
            assert!(failed.is_err());
        }
        assert_eq!(tries, 2);
    }
}
