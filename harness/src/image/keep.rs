//! A file of the cache that one process makes while the others wait, and that nobody sees before it is whole.
//!
//! What is not whole has another name, and a lock while somebody works at it: whoever comes after a killed process
//! goes on with what that one left.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use nix::errno::Errno;
use nix::fcntl::FlockArg;

use super::error::{Error, Reason};
use super::flock;

/// The file `name` in `directory`. Unless it is there, `fill` writes it, into a file that may hold what an earlier
/// attempt has written.
pub(crate) fn keep(
    directory: &Path,
    name: &str,
    fill: &mut dyn FnMut(&mut File) -> Result<(), Error>,
) -> Result<PathBuf, Error> {
    let path = directory.join(name);
    if is_there(&path) {
        return Ok(path);
    }
    make(directory, &path, name, fill)?;
    Ok(path)
}

/// Writes a note that may be there already: whoever reads it at the same time sees all of the old or of the new one.
pub(crate) fn note(path: &Path, text: &str) -> io::Result<()> {
    let thread = format!("{:?}", std::thread::current().id());
    let own = path.with_extension(format!("{}-{thread}", std::process::id()));
    let noted = fs::write(&own, text).and_then(|()| fs::rename(&own, path));
    noted.inspect_err(|_| {
        // The first error is the one to tell.
        drop(fs::remove_file(&own));
    })
}

/// For whoever else uses the cache, as far as the umask allows.
const READABLE: u32 = 0o666;

/// What [`keep`] does where the file was not there.
fn make(
    directory: &Path,
    path: &Path,
    name: &str,
    fill: &mut dyn FnMut(&mut File) -> Result<(), Error>,
) -> Result<(), Error> {
    let failed = |error: io::Error| Error::new(path.to_string_lossy(), Reason::io(directory, &error));
    fs::create_dir_all(directory).map_err(failed)?;
    let partial = directory.join(format!(".partial-{name}"));
    let file = flock::take(&partial, READABLE, FlockArg::LockExclusive).map_err(failed)?;
    let mut file = file.ok_or_else(|| failed(Errno::EWOULDBLOCK.into()))?;
    // Whoever had the lock may have made it: then this one is new and empty, and ours to remove.
    if is_there(path) {
        return fs::remove_file(&partial).map_err(failed);
    }
    fill(&mut file).inspect_err(|error| give_back(error, &partial))?;
    fs::rename(&partial, path).map_err(failed)
}

/// On a full file system there is nothing to go on with: what was written is in everybody's way.
fn give_back(error: &Error, partial: &Path) {
    if let Reason::NoSpace { .. } = error.reason {
        // The first error is the one to tell.
        drop(fs::remove_file(partial));
    }
}

/// Whether it is there; then it is in use, which `harness clean` goes by.
fn is_there(path: &Path) -> bool {
    let Ok(file) = File::open(path) else { return false };
    // Of another user, perhaps: it is there all the same.
    drop(file.set_modified(SystemTime::now()));
    true
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Seek, Write};
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn one_of_many_makes_it() {
        const MAKERS: usize = 8;
        let directory = tempfile::tempdir().unwrap();
        let made = AtomicUsize::new(0);
        let start = Barrier::new(MAKERS);
        std::thread::scope(|scope| {
            for _ in 0..MAKERS {
                scope.spawn(|| {
                    start.wait();
                    let path = keep(directory.path(), "blob", &mut |file| {
                        made.fetch_add(1, Ordering::Relaxed);
                        file.write_all(b"whole").unwrap();
                        Ok(())
                    });
                    assert_eq!(fs::read(path.unwrap()).unwrap(), b"whole");
                });
            }
        });
        assert_eq!(made.into_inner(), 1);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_note_is_whole_or_not_there() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("note");
        note(&path, "one").unwrap();
        note(&path, "two").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "two");
        // Where it cannot have its name, nothing is left of it.
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        note(&path, "three").unwrap_err();
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    /// What a test of a race between threads meets by chance only.
    #[test]
    fn who_waited_for_the_maker_leaves_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = keep(directory.path(), "blob", &mut |_| Ok(())).unwrap();
        // The waiter has looked for it before it was there.
        assert_eq!(make(directory.path(), &path, "blob", &mut |_| panic!("it is there")), Ok(()));
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_has_no_space_gives_back_what_it_took() {
        let directory = tempfile::tempdir().unwrap();
        let failure = Error::new("x", Reason::NoSpace { cache: directory.path().to_owned() });
        let failed = keep(directory.path(), "blob", &mut |file| {
            file.write_all(b"who").unwrap();
            Err(failure.clone())
        });
        assert_eq!(failed, Err(failure));
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_failed_attempt_is_not_seen_and_is_gone_on_with() {
        let directory = tempfile::tempdir().unwrap();
        let failure = Error::new("x", Reason::Truncated);
        let failed = keep(directory.path(), "blob", &mut |file| {
            file.write_all(b"who").unwrap();
            Err(failure.clone())
        });
        assert_eq!(failed, Err(failure));
        assert!(!directory.path().join("blob").exists());
        let path = keep(directory.path(), "blob", &mut |file| {
            let mut before = String::new();
            file.read_to_string(&mut before).unwrap();
            assert_eq!(before, "who");
            file.seek(io::SeekFrom::End(0)).unwrap();
            file.write_all(b"le").unwrap();
            Ok(())
        });
        assert_eq!(fs::read(path.unwrap()).unwrap(), b"whole");
    }
}
