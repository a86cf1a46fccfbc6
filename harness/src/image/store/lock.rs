//! Locks that end with their process: flock(2) on a file beside what is locked.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nix::sys::stat::futimens;
use nix::sys::time::TimeSpec;

use super::super::error::Reason;

/// A lock that is held.
#[derive(Debug)]
pub(in super::super) struct Lock {
    file: Flock<File>,
    path: PathBuf,
}

/// The place of the lock of this.
pub(super) fn beside(path: &Path) -> PathBuf {
    suffixed(path, "lock")
}

/// `PATH.SUFFIX`.
pub(super) fn suffixed(path: &Path, suffix: &str) -> PathBuf {
    let mut whole = OsString::from(path);
    whole.push(".");
    whole.push(suffix);
    whole.into()
}

impl Lock {
    /// With others who share it; waits for one that is alone.
    pub(super) fn shared(path: &Path) -> Result<Self, Reason> {
        take(path, FlockArg::LockShared)?.ok_or_else(|| Reason::errno(path, Errno::EWOULDBLOCK))
    }

    /// Without others, if there are none now.
    pub(super) fn alone_now(path: &Path) -> Result<Option<Self>, Reason> {
        take(path, FlockArg::LockExclusiveNonblock)
    }

    /// Sets the file's time to now.
    pub(super) fn touch(&self) -> Result<(), Reason> {
        let now = TimeSpec::UTIME_NOW;
        futimens(&*self.file, &now, &now).map_err(|errno| Reason::errno(&self.path, errno))
    }

    /// Removes the file: those who wait for it take a new one.
    pub(super) fn remove(self) -> Result<(), Reason> {
        std::fs::remove_file(&self.path).map_err(|error| Reason::io(&self.path, &error))
    }
}

/// None if somebody else has it. A file that was removed while we waited is not the lock any more.
fn take(path: &Path, how: FlockArg) -> Result<Option<Lock>, Reason> {
    let failed = |error| Reason::io(path, &error);
    loop {
        let file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path);
        let file = match lock(file.map_err(failed)?, how) {
            Ok(file) => file,
            Err(Errno::EWOULDBLOCK) => return Ok(None),
            Err(errno) => return Err(Reason::errno(path, errno)),
        };
        let ours = file.metadata().map_err(failed)?;
        let is_there =
            path.metadata().is_ok_and(|there| (there.dev(), there.ino()) == (ours.dev(), ours.ino()));
        if is_there {
            return Ok(Some(Lock { file, path: path.to_owned() }));
        }
    }
}

fn lock(mut file: File, how: FlockArg) -> Result<Flock<File>, Errno> {
    loop {
        file = match Flock::lock(file, how) {
            Ok(locked) => return Ok(locked),
            // A signal while waiting.
            Err((file, Errno::EINTR)) => file,
            Err((_, errno)) => return Err(errno),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::{Duration, Instant};

    use super::*;

    /// Whether somebody waits for the lock of this file (proc_locks(5)).
    fn is_waited_for(inode: u64) -> bool {
        let locks = fs::read_to_string("/proc/locks").unwrap();
        locks.lines().any(|line| line.contains("-> FLOCK") && line.contains(&format!(":{inode} ")))
    }

    #[test]
    fn who_waited_for_a_lock_that_was_removed_takes_a_new_one() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lock");
        let first = Lock::alone_now(&path).unwrap().unwrap();
        let inode = first.file.metadata().unwrap().ino();
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| Lock::shared(&path).unwrap());
            let deadline = Instant::now() + Duration::from_secs(60);
            while !is_waited_for(inode) && Instant::now() < deadline {
                std::thread::yield_now();
            }
            first.remove().unwrap();
            let second = waiter.join().unwrap();
            // Whoever comes now, meets it.
            assert!(path.exists() && Lock::alone_now(&path).unwrap().is_none());
            drop(second);
        });
        assert!(Lock::alone_now(&path).unwrap().is_some());
    }
}
