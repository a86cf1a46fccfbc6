//! Emptying and removing a leaf: kill, then rmdir, again until the kernel agrees.
//!
//! A killed process counts until it is gone, and rmdir(2) says EBUSY until then. An empty leaf, the
//! usual case, costs one rmdir a directory and no look inside.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::files;
use crate::error::{At, SetupError, Step};
use crate::evidence::Process;
use crate::processes;

/// How long killed processes may take; a process in uninterruptible sleep can outlast it.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

/// Removes these directories with every cgroup and process in them; the first failure is the answer,
/// but the others are removed all the same.
pub(super) fn remove(dirs: &[PathBuf], patience: Duration) -> Result<(), SetupError> {
    let give_up = Instant::now() + patience;
    let mut pause = Duration::from_millis(1);
    let mut failed = None;
    let mut left = dirs.to_vec();
    loop {
        let late = Instant::now() >= give_up;
        left.retain(|dir| match remove_tree(dir) {
            Ok(()) => false,
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy && !late => true,
            Err(error) => {
                failed.get_or_insert((dir.clone(), error));
                false
            }
        });
        if left.is_empty() {
            return failed.map_or(Ok(()), |(dir, error)| Err(error).at(Step::RemoveLeaf, &dir));
        }
        left.iter().for_each(|dir| kill_all(dir));
        thread::sleep(pause);
        pause = LONGEST_PAUSE.min(pause * 2);
    }
}

/// Removes a cgroup that nobody is to live in any more, and kills nobody: one of its processes may be ours.
///
/// # Errors
/// EBUSY when somebody does.
pub(super) fn remove_empty(dir: &Path, patience: Duration) -> io::Result<()> {
    let give_up = Instant::now() + patience;
    let mut pause = Duration::from_millis(1);
    loop {
        match rmdir(dir) {
            // A process that has just ended counts for a moment.
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy && Instant::now() < give_up => {
                thread::sleep(pause);
                pause = LONGEST_PAUSE.min(pause * 2);
            }
            done => return done,
        }
    }
}

/// rmdir, and only where that is not enough, descendants first.
fn remove_tree(dir: &Path) -> io::Result<()> {
    match rmdir(dir) {
        Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {
            files::tree(dir)?.iter().rev().try_for_each(|dir| rmdir(dir))
        }
        done => done,
    }
}

/// A directory that is gone already is as good: the guest, or a sweep, was faster.
fn rmdir(dir: &Path) -> io::Result<()> {
    match fs::remove_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

/// Sends SIGKILL to everything in this cgroup and below.
///
/// What fails here is not lost: rmdir then goes on to say EBUSY.
fn kill_all(dir: &Path) {
    // Since Linux 5.14, v2 only; catches processes that are being forked, too.
    if files::write(&dir.join("cgroup.kill"), "1").is_ok() {
        return;
    }
    for dir in files::tree(dir).unwrap_or_default() {
        for pid in pids(&dir) {
            // ESRCH: it was faster.
            let _ = kill(pid, Signal::SIGKILL);
        }
    }
}

/// Who is in these cgroups and below, but for those who are dying anyway.
pub(super) fn inhabitants(dirs: &[PathBuf]) -> Vec<Process> {
    let proc = Path::new("/proc");
    // What cannot be read is not named; removal then says that it is not empty.
    let dirs = dirs.iter().flat_map(|dir| files::tree(dir).unwrap_or_default());
    let mut all: Vec<i32> = dirs.flat_map(|dir| pids(&dir)).map(Pid::as_raw).collect();
    all.sort_unstable();
    all.dedup();
    let alive = all.into_iter().filter(|pid| !processes::is_dying(proc, *pid));
    alive.filter_map(|pid| processes::describe(proc, pid)).collect()
}

/// Who is in a cgroup. Never 0, which is how v2 writes a process of another pid namespace and would mean
/// our own process group, and never ourselves.
fn pids(dir: &Path) -> Vec<Pid> {
    let list = files::words(&dir.join("cgroup.procs"));
    let found = list.iter().filter_map(|word| word.parse().ok()).filter(|pid| *pid > 0);
    found.map(Pid::from_raw).filter(|pid| *pid != Pid::this()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_ourselves_nor_our_group() {
        let dir = tempfile::tempdir().unwrap();
        let us = Pid::this();
        fs::write(dir.path().join("cgroup.procs"), format!("0\n-1\n{us}\n4711\n")).unwrap();
        assert_eq!(pids(dir.path()), [Pid::from_raw(4711)]);
    }

    #[test]
    fn one_failure_does_not_keep_the_others() {
        let dir = tempfile::tempdir().unwrap();
        let [full, empty, gone] = ["full", "empty", "gone"].map(|name| dir.path().join(name));
        fs::create_dir_all(full.join("below")).unwrap();
        fs::create_dir(&empty).unwrap();
        let error = remove(&[full.clone(), empty.clone(), gone], PATIENCE).unwrap_err();
        assert_eq!(error, SetupError::new(Step::RemoveLeaf, &full, nix::errno::Errno::ENOTEMPTY));
        assert!(!empty.exists());
    }
}
