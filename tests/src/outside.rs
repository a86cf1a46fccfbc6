//! What can be seen of a run from outside: processes, cgroup leaves, mounts, files.

use std::collections::BTreeMap;
use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::sys;

/// A process, as /proc shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// As this process sees it.
    pub pid: i32,
    /// Its name.
    pub comm: String,
}

/// The processes that carry `variable=value` in the environment that they were started with: copies of
/// one that does carry it, too.
pub fn carrying(variable: &str, value: &str) -> Vec<Process> {
    let wanted = format!("{variable}={value}").into_bytes();
    let carries = |pid: &i32| {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|entry| entry == wanted)
    };
    pids().into_iter().filter(carries).filter_map(describe).collect()
}

/// The processes whose parent is this one.
pub fn children(parent: i32) -> Vec<Process> {
    let is_child = |pid: &i32| field(*pid, "PPid:").is_some_and(|found| found == parent.to_string());
    pids().into_iter().filter(is_child).filter_map(describe).collect()
}

/// A field of /proc/PID/status.
pub fn field(pid: i32, name: &str) -> Option<String> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix(name)).map(|value| value.trim().to_owned())
}

fn pids() -> Vec<i32> {
    let entries = fs::read_dir("/proc").expect("a readable /proc").flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

fn describe(pid: i32) -> Option<Process> {
    let comm = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
    Some(Process { pid, comm: comm.trim_end().to_owned() })
}

/// Waits until no process carries the variable any more.
///
/// # Panics
/// With the processes that do not end.
pub fn until_none_carries(variable: &str, value: &str) {
    // Twice: a process in the middle of exec shows no environment.
    let mut clean = 0;
    while clean < 2 {
        let alive = carrying(variable, value);
        match alive.first() {
            Some(first) => {
                if !sys::ends(first.pid) {
                    alive.iter().for_each(kill);
                    panic!("still running: {alive:?}");
                }
                clean = 0;
            }
            None => clean += 1,
        }
    }
}

/// Looks until something is so: what other processes do is seen, not waited for by the clock.
///
/// # Panics
/// With `what`, when it never becomes so.
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + sys::patience_in_all();
    while !is_so() {
        assert!(Instant::now() < deadline, "never: {what}");
        // The others need the processor.
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// What a failing test has found must not stay, either.
fn kill(process: &Process) {
    // ESRCH: it ended with another one.
    let _ =
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(process.pid), nix::sys::signal::Signal::SIGKILL);
}

/// The cgroup leaves of a runner, in every hierarchy. A cgroup that it has moved itself or its zygote to is
/// none.
pub fn leaves(runner: i32) -> Vec<PathBuf> {
    let is_its = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.starts_with("harness.") && name.split('.').nth(3) == Some(&runner.to_string())
    };
    let zygotes = children(runner).into_iter().filter(|child| child.comm == "harness-zygote");
    let movers: Vec<_> =
        zygotes.map(|zygote| zygote.pid).chain([runner]).map(|pid| pid.to_string()).collect();
    let is_room = |path: &PathBuf| {
        let pids = fs::read_to_string(path.join("cgroup.procs")).unwrap_or_default();
        pids.lines().any(|pid| movers.iter().any(|mover| mover == pid))
    };
    let all = hierarchies().into_iter().flat_map(|root| directories(&root));
    all.filter(|path| is_its(path) && !is_room(path)).collect()
}

/// The mount points of every cgroup hierarchy.
fn hierarchies() -> Vec<PathBuf> {
    let is_cgroup =
        |line: &&str| line.split_once(" - ").is_some_and(|(_, filesystem)| filesystem.starts_with("cgroup"));
    let mounts = mounts();
    mounts.lines().filter(is_cgroup).filter_map(|line| line.split(' ').nth(4).map(PathBuf::from)).collect()
}

fn directories(root: &Path) -> Vec<PathBuf> {
    let mut found = vec![root.to_owned()];
    let mut next = 0;
    while let Some(directory) = found.get(next).cloned() {
        next += 1;
        // It may have been removed since its name was read.
        let entries = fs::read_dir(directory).into_iter().flatten().flatten();
        found.extend(
            entries
                .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
                .map(|entry| entry.path()),
        );
    }
    found
}

/// The mounts of this process's mount namespace.
pub fn mounts() -> String {
    fs::read_to_string("/proc/self/mountinfo").expect("a readable /proc")
}

/// Everything below a directory: owner, mode, size, times and content of each entry.
pub fn fingerprint(directory: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut left = vec![directory.to_owned()];
    while let Some(path) = left.pop() {
        let entries = fs::read_dir(&path).into_iter().flatten().flatten();
        if !path.is_symlink() {
            left.extend(entries.map(|entry| entry.path()));
        }
        found.insert(path.clone(), fingerprint_of(&path));
    }
    found
}

/// Owner, mode, size, times and content of one file or directory.
///
/// # Panics
/// When it is not there.
pub fn fingerprint_of(path: &Path) -> String {
    let metadata = fs::symlink_metadata(path).expect("an entry of the directory");
    let times = (metadata.mtime(), metadata.mtime_nsec(), metadata.ctime(), metadata.ctime_nsec());
    let ids = (metadata.uid(), metadata.gid(), metadata.permissions().mode());
    format!("{ids:?} {times:?} {} {:016x}", metadata.size(), content(path))
}

fn content(path: &Path) -> u64 {
    let mut hasher = DefaultHasher::new();
    match fs::read_link(path) {
        Ok(target) => target.hash(&mut hasher),
        Err(_) => fs::read(path).unwrap_or_default().hash(&mut hasher),
    }
    hasher.finish()
}
