//! The digest of an archive, remembered: reading a gigabyte for every run is no option.
//!
//! A file is known by its path, device, inode, size and times. One that was changed within the last seconds is not
//! remembered: a change to come could have the same time.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::super::digest::{Digest, Hashing};
use super::super::error::Reason;
use super::super::keep;

/// Coarser than the clock of any file system.
const SETTLED: Duration = Duration::from_secs(3);

/// The digest of the file; `memory` is where they are remembered.
pub(super) fn of(path: &Path, memory: &Path) -> Result<Digest, Reason> {
    let failed = |error| Reason::io(path, &error);
    let file = File::open(path).map_err(failed)?;
    let before = file.metadata().map_err(failed)?;
    let note = memory.join(key(path, &before).hex());
    if let Some(known) = fs::read_to_string(&note).ok().and_then(|text| text.parse().ok()) {
        return Ok(known);
    }
    let started = SystemTime::now();
    let digest = read(&file).map_err(failed)?;
    let after = file.metadata().map_err(failed)?;
    if key(path, &after) == key(path, &before) && is_settled(&after, started) {
        keep::note(&note, &digest.to_string()).map_err(|error| Reason::io(&note, &error))?;
    }
    Ok(digest)
}

fn read(file: &File) -> io::Result<Digest> {
    let mut reader = Hashing::new(file);
    let mut buffer = vec![0; 256 << 10];
    while io::Read::read(&mut reader, &mut buffer)? > 0 {}
    reader.digest().ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// What a file is known by.
fn key(path: &Path, file: &Metadata) -> Digest {
    let numbers = [
        i128::from(file.dev()),
        i128::from(file.ino()),
        i128::from(file.size()),
        i128::from(file.mtime()),
        i128::from(file.mtime_nsec()),
        i128::from(file.ctime()),
        i128::from(file.ctime_nsec()),
    ];
    let mut text = path.as_os_str().as_bytes().to_vec();
    for number in numbers {
        text.extend_from_slice(&[0]);
        text.extend_from_slice(number.to_string().as_bytes());
    }
    Digest::of(&text)
}

/// Whether it was changed so long ago that a change since would show.
pub(in super::super) fn is_settled(file: &Metadata, now: SystemTime) -> bool {
    let changed = u64::try_from(file.ctime()).map(|seconds| UNIX_EPOCH + Duration::from_secs(seconds));
    changed.is_ok_and(|changed| now.duration_since(changed).is_ok_and(|age| age >= SETTLED))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn aged(directory: &Path, text: &str) -> std::path::PathBuf {
        let path = directory.join("archive");
        fs::write(&path, text).unwrap();
        path
    }

    #[test]
    fn a_file_that_was_just_changed_is_read_again() {
        let directory = tempfile::tempdir().unwrap();
        let memory = directory.path().join("memory");
        fs::create_dir(&memory).unwrap();
        let path = aged(directory.path(), "one");
        assert_eq!(of(&path, &memory), Ok(Digest::of(b"one")));
        assert_eq!(fs::read_dir(&memory).unwrap().count(), 0);
        fs::write(&path, "two").unwrap();
        assert_eq!(of(&path, &memory), Ok(Digest::of(b"two")));
    }

    #[test]
    fn an_old_file_is_read_once() {
        let directory = tempfile::tempdir().unwrap();
        // Old on every machine, and nobody's to change.
        let path = directory.path().join("link");
        symlink("/bin/sh", &path).unwrap();
        let digest = of(&path, directory.path()).unwrap();
        assert_eq!(digest, Digest::of(&fs::read("/bin/sh").unwrap()));
        let note = directory.path().join(key(&path, &fs::metadata(&path).unwrap()).hex());
        assert_eq!(fs::read_to_string(&note).unwrap(), digest.to_string());
        // It is the note that is believed.
        fs::write(&note, Digest::of(b"noted").to_string()).unwrap();
        assert_eq!(of(&path, directory.path()), Ok(Digest::of(b"noted")));
        // And not one that is none.
        fs::write(&note, "nonsense").unwrap();
        assert_eq!(of(&path, directory.path()), Ok(digest));
    }
}
