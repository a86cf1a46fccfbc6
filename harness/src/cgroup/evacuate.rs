//! Makes room in a cgroup of ours: its processes move to a child, so that it may enable controllers.
//!
//! cgroup-v2.rst, "No Internal Process Constraint": a cgroup that holds processes cannot enable controllers
//! for its children. Done only where it is harmless: where nobody lives in the cgroup but ourselves and
//! the processes below us, the zygote first of all. Whoever else lives there has not been asked.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use nix::errno::Errno;

use super::ladder::Room;
use super::layout::Controller;
use super::{files, remove};
use crate::error::{At, Object, SetupError, Step};
use crate::evidence::Process;
use crate::processes;
use crate::sys::process;

/// Why there is no room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Crowded {
    /// Somebody else lives there.
    Company { dir: PathBuf, process: Process },
    /// The kernel refused a step.
    Failed(SetupError),
}

impl From<SetupError> for Crowded {
    fn from(error: SetupError) -> Self {
        Self::Failed(error)
    }
}

/// Moves the processes of `dir`, all of which must be ours, to the child that it answers, and enables every
/// controller that we know for its children. On error everybody is back where they were, unless the child was shared.
pub(super) fn evacuate(dir: &Path, room: &Room<'_>) -> Result<PathBuf, Crowded> {
    let who = room.who;
    if let Some(process) = who.company(&inhabitants(dir)?) {
        return Err(Crowded::Company { dir: dir.to_owned(), process });
    }
    let child = dir.join(&room.name);
    let is_new = make(&child, room)?;
    let done = empty(dir, &child, who).and_then(|()| Ok(enable_all(dir)?));
    done.inspect_err(|_| {
        // Else others live in it.
        if is_new {
            undo(dir, &child);
        }
    })?;
    Ok(child)
}

/// Whether it was not there: one that has a name for all may have been made by another one a moment ago.
fn make(child: &Path, room: &Room<'_>) -> Result<bool, SetupError> {
    match fs::create_dir(child) {
        Err(error) if room.is_shared && error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        made => made.at(Step::MakeRoom, child).map(|()| true),
    }
}

/// What is to be undone when this process ends: by whom, and where.
static MADE: Mutex<Vec<(u32, Undo)>> = Mutex::new(Vec::new());

/// A cgroup whose processes were moved to a child.
#[derive(Debug)]
pub(super) enum Undo {
    /// They go back.
    Return { dir: PathBuf, child: PathBuf },
    /// There was nobody but the zygote, which ends.
    Leave { child: PathBuf },
}

/// Has nothing be left when this process ends. One that is killed leaves an empty leaf of its own, which the next
/// runner sweeps, or systemd removes with its scope.
pub(super) fn undo_at_exit(undo: Undo) {
    MADE.lock().unwrap_or_else(PoisonError::into_inner).push((std::process::id(), undo));
    // Without memory for it, the next runner sweeps.
    let _ = process::at_exit(at_exit);
}

extern "C" fn at_exit() {
    // A thread that dies holding the lock has nothing half done.
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    // The last one first; a copy of this process that a test has made has nothing to undo.
    while let Some((who, undo)) = made.pop() {
        if who == std::process::id() {
            crate::zygote::dismiss();
            undo.carry_out();
        }
    }
}

impl Undo {
    fn carry_out(self) {
        match self {
            Self::Return { dir, child } => undo(&dir, &child),
            // What fails here is removed with the scope.
            Self::Leave { child } => drop(remove::remove_empty(&child, PATIENCE)),
        }
    }
}

/// For the ends of processes; nobody is waiting for anything else then.
const PATIENCE: Duration = Duration::from_secs(1);

/// Whose processes may be moved.
pub(super) trait Movers {
    /// One of these processes that may not.
    fn company(&self, pids: &[i32]) -> Option<Process>;
}

/// Us and everything below us.
pub(super) struct Ourselves;

impl Movers for Ourselves {
    fn company(&self, pids: &[i32]) -> Option<Process> {
        let proc = Path::new("/proc");
        let ours = processes::descendants(proc);
        let is_ours = |pid: i32| {
            pid == std::process::id().cast_signed() || ours.iter().any(|process| process.pid == pid)
        };
        let mut others = pids.iter().copied().filter(|pid| !is_ours(*pid));
        others.find_map(|pid| match pid {
            0 => Some(hidden()),
            pid if processes::has_ended(proc, pid) => None,
            pid => Some(processes::describe(proc, pid).unwrap_or_else(|| Process { pid, ..unknown() })),
        })
    }
}

/// Whoever is there: somebody has said so.
#[cfg(feature = "cli")]
pub(super) struct Everybody;

#[cfg(feature = "cli")]
impl Movers for Everybody {
    fn company(&self, _pids: &[i32]) -> Option<Process> {
        None
    }
}

fn unknown() -> Process {
    Process { pid: 0, comm: "a process that /proc does not show".to_owned(), cmdline: String::new() }
}

/// How v2 writes a process of a pid namespace that we do not see into.
fn hidden() -> Process {
    Process { pid: 0, comm: "a process of another pid namespace".to_owned(), cmdline: String::new() }
}

/// Until nobody is left: a guest of another thread may be born meanwhile.
fn empty(dir: &Path, child: &Path, who: &dyn Movers) -> Result<(), Crowded> {
    const ROUNDS: usize = 1000;
    for _ in 0..ROUNDS {
        let pids = inhabitants(dir)?;
        if pids.is_empty() {
            return Ok(());
        }
        if let Some(process) = who.company(&pids) {
            return Err(Crowded::Company { dir: dir.to_owned(), process });
        }
        pids.iter().try_for_each(|pid| enter(child, *pid))?;
    }
    Err(SetupError::new(Step::MakeRoom, dir, Errno::EBUSY).into())
}

fn inhabitants(dir: &Path) -> Result<Vec<i32>, SetupError> {
    let path = dir.join("cgroup.procs");
    let text = files::read(&path).at(Step::MakeRoom, &path)?;
    Ok(text.split_whitespace().filter_map(|pid| pid.parse().ok()).collect())
}

/// Moves a process; one that has ended meanwhile need not move.
fn enter(dir: &Path, pid: i32) -> Result<(), SetupError> {
    let (path, value) = (dir.join("cgroup.procs"), pid.to_string());
    match files::write(&path, &value) {
        Err(error) if error.raw_os_error() == Some(libc::ESRCH) => Ok(()),
        done => done.at(Step::MakeRoom, Object::Write { path, value }),
    }
}

/// One by one, and what is there: one that is refused must not keep the others away. Memory and pids are
/// what nobody can do without.
fn enable_all(dir: &Path) -> Result<(), SetupError> {
    let path = dir.join("cgroup.subtree_control");
    for controller in Controller::among(&files::words(&dir.join("cgroup.controllers"))) {
        let value = format!("+{}", controller.name());
        match files::write(&path, &value) {
            Err(_) if !matches!(controller, Controller::Memory | Controller::Pids) => {}
            done => done.at(Step::EnableControllers, Object::Write { path: path.clone(), value })?,
        }
    }
    Ok(())
}

/// The first error counts: what cannot be undone is an empty cgroup, which a later runner sweeps.
fn undo(dir: &Path, child: &Path) {
    let _ = disable_all(dir);
    for pid in inhabitants(child).unwrap_or_default() {
        let _ = enter(dir, pid);
    }
    let _ = remove::remove_empty(child, PATIENCE);
}

fn disable_all(dir: &Path) -> io::Result<()> {
    let path = dir.join("cgroup.subtree_control");
    files::words(&path).iter().try_for_each(|name| files::write(&path, &format!("-{name}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_processes_are_no_company() {
        let mut child = std::process::Command::new("sleep").arg("600").spawn().unwrap();
        let us = std::process::id().cast_signed();
        let ours = [us, child.id().cast_signed()];
        assert_eq!(Ourselves.company(&ours), None);
        let parent = std::os::unix::process::parent_id().cast_signed();
        assert_eq!(Ourselves.company(&[us, parent]).map(|process| process.pid), Some(parent));
        assert_eq!(Ourselves.company(&[us, 0]), Some(hidden()));
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Plain files, which keep whoever "enters" in the list: the loop gives up and undoes what it did.
    #[test]
    fn on_error_nothing_is_left() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("cgroup.procs"), std::process::id().to_string()).unwrap();
        let room = || Room { who: &Ourselves, name: "harness.test".to_owned(), is_shared: false };
        let error = evacuate(dir.path(), &room()).unwrap_err();
        // The child, a plain directory, has no cgroup.procs.
        assert!(matches!(error, Crowded::Failed(error) if error.step == Step::MakeRoom), "not MakeRoom");
        assert_eq!(files::children(dir.path()).unwrap(), Vec::<PathBuf>::new());
        fs::write(dir.path().join("cgroup.procs"), "1\n").unwrap();
        let error = evacuate(dir.path(), &room()).unwrap_err();
        assert!(matches!(error, Crowded::Company { process, .. } if process.pid == 1), "not pid 1");
    }
}
