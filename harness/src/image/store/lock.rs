//! The locks of what is in the store: each on a file beside it.

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nix::sys::stat::futimens;
use nix::sys::time::TimeSpec;

use super::super::error::Reason;
use super::super::flock;

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

/// None if somebody else has it.
fn take(path: &Path, how: FlockArg) -> Result<Option<Lock>, Reason> {
    let file = flock::take(path, 0o600, how).map_err(|error| Reason::io(path, &error))?;
    Ok(file.map(|file| Lock { file, path: path.to_owned() }))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::MetadataExt;
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
