//! A memory cgroup of the test's own, for whole runners to be started in: an ancestor of their leaves,
//! whose counters the test reads by itself.
//!
//! On v2 controllers go down only through cgroups without processes (cgroup-v2.rst, "No Internal Process
//! Constraint"): the pen stands below the nearest cgroup that hands memory on, hands it on itself, and its
//! runners start in a cgroup of their own below, as under `harness scope`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::{outside, sys};

/// The cgroup. Dropped, it is removed; a runner that left something there is seen by that.
#[derive(Debug)]
pub struct Pen {
    directory: PathBuf,
    is_v1: bool,
}

impl Pen {
    /// Makes one, with this limit in bytes.
    ///
    /// # Errors
    /// Why this machine does not let us.
    pub fn new(limit: Option<u64>) -> io::Result<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let own = own()?;
        let parent = if own.is_v1 { own.directory } else { hands_memory_on(&own)? };
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        // On v2 named and marked as a delegated unit of systemd: there its runners need no scope from elsewhere.
        let directory = parent.join(format!("harness-pen-{}-{number}.scope", std::process::id()));
        fs::create_dir(&directory)?;
        let pen = Self { directory, is_v1: own.is_v1 };
        if !pen.is_v1 {
            sys::set_xattr(&pen.directory, c"user.delegate", b"1")?;
            fs::create_dir(pen.runners())?;
            fs::write(pen.directory.join("cgroup.subtree_control"), "+memory")?;
        }
        if let Some(limit) = limit {
            let file = if pen.is_v1 { "memory.limit_in_bytes" } else { "memory.max" };
            fs::write(pen.directory.join(file), limit.to_string())?;
        }
        Ok(pen)
    }

    /// Whether it is one of cgroup v1.
    pub fn is_v1(&self) -> bool {
        self.is_v1
    }

    /// The last component of its path, in whatever view.
    ///
    /// # Panics
    /// Never: it has one.
    pub fn name(&self) -> String {
        self.directory.file_name().expect("made by us").to_string_lossy().into_owned()
    }

    /// By its name the runner knows that the pen is its own to make leaves in (cgroup/domain.rs).
    fn runners(&self) -> PathBuf {
        if self.is_v1 { self.directory.clone() } else { self.directory.join("harness.runners") }
    }

    /// What a shell does to enter.
    pub fn entrance(&self) -> String {
        format!("echo 0 >{}", self.runners().join("cgroup.procs").display())
    }

    /// How often its own limit was hit: on v1 by any charge that had to wait for memory, on v2 by one that
    /// called the OOM killer.
    ///
    /// # Panics
    /// When the kernel does not say.
    pub fn hits(&self) -> u64 {
        if self.is_v1 {
            let text = fs::read_to_string(self.directory.join("memory.failcnt"));
            return text.expect("memory.failcnt").trim().parse().expect("a number");
        }
        keyed(&self.directory.join("memory.events.local"), "oom").expect("memory.events.local")
    }

    /// How many processes were killed in it and below; v1 counts those in the pen itself only.
    ///
    /// # Panics
    /// When the kernel does not say.
    pub fn kills(&self) -> u64 {
        kills_in(&self.directory, self.is_v1)
    }
}

impl Drop for Pen {
    fn drop(&mut self) {
        for directory in [self.runners(), self.directory.clone()] {
            let removed = remove(&directory);
            // A test that has failed already has said more than this.
            if !std::thread::panicking() {
                assert!(removed.is_ok(), "{}: {removed:?}", directory.display());
            }
        }
    }
}

/// A process that has ended is in its cgroup for a moment longer than /proc shows its environment.
fn remove(directory: &Path) -> io::Result<()> {
    let patience = Instant::now() + Duration::from_secs(10);
    loop {
        match fs::remove_dir(directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy && Instant::now() < patience => {
                std::thread::yield_now();
            }
            done => return done,
        }
    }
}

/// A cgroup in the hierarchy that has the memory controller.
#[derive(Debug)]
pub struct Memory {
    /// Its directory.
    pub directory: PathBuf,
    /// Where its hierarchy is mounted.
    pub point: PathBuf,
    /// Whether this is cgroup v1.
    pub is_v1: bool,
}

impl Memory {
    /// How many processes were killed here and below.
    ///
    /// # Panics
    /// When the kernel does not say.
    pub fn kills(&self) -> u64 {
        if self.is_v1 {
            let below =
                fs::read_dir(&self.directory).expect("our cgroup").flatten().map(|entry| entry.path());
            let below: u64 = below.filter(|path| path.is_dir()).map(|path| kills_in(&path, true)).sum();
            return below + kills_in(&self.directory, true);
        }
        kills_in(&self.directory, false)
    }
}

fn kills_in(directory: &Path, is_v1: bool) -> u64 {
    let path = directory.join(if is_v1 { "memory.oom_control" } else { "memory.events" });
    keyed(&path, "oom_kill").unwrap_or_else(|| panic!("no oom_kill in {}", path.display()))
}

fn keyed(path: &Path, key: &str) -> Option<u64> {
    let text = fs::read_to_string(path).ok()?;
    text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' ')?.parse().ok())
}

/// Our own cgroup in the memory hierarchy (cgroups(7)): that of v1 where memory is there.
///
/// # Errors
/// There is none, or it is not mounted.
pub fn own() -> io::Result<Memory> {
    let groups = fs::read_to_string("/proc/self/cgroup")?;
    let v1 = groups.lines().find_map(|line| {
        let (_, rest) = line.split_once(':')?;
        let (controllers, path) = rest.split_once(':')?;
        controllers.split(',').any(|name| name == "memory").then_some(path)
    });
    let v2 = || groups.lines().find_map(|line| line.strip_prefix("0::"));
    let path = v1.or_else(v2).ok_or_else(|| io::Error::other("no memory hierarchy"))?;
    let mounts = outside::mounts();
    let shown = mounts.lines().find_map(|line| shown_by(line, path, v1.is_some()));
    let (point, directory) = shown.ok_or_else(|| io::Error::other("our memory cgroup is not mounted"))?;
    Ok(Memory { directory, point, is_v1: v1.is_some() })
}

/// Mount point and directory of a cgroup that this line of mountinfo shows (proc_pid_mountinfo(5)).
fn shown_by(line: &str, path: &str, is_v1: bool) -> Option<(PathBuf, PathBuf)> {
    let (mount, filesystem) = line.split_once(" - ")?;
    let mut fields = filesystem.split(' ');
    let (kind, options) = (fields.next()?, fields.nth(1)?);
    let is_it = match kind {
        "cgroup" => is_v1 && options.split(',').any(|option| option == "memory"),
        "cgroup2" => !is_v1,
        _ => false,
    };
    let mut fields = mount.split(' ').skip(3);
    let (root, point) = (fields.next()?, PathBuf::from(fields.next()?));
    let below = Path::new(path).strip_prefix(root).ok().filter(|_| is_it)?;
    Some((point.clone(), point.join(below)))
}

/// The nearest v2 cgroup at or above ours whose children have memory; the root is made to.
///
/// # Errors
/// There is none, and the root refuses.
pub fn hands_memory_on(own: &Memory) -> io::Result<PathBuf> {
    let has_memory = |directory: &Path| {
        let list = fs::read_to_string(directory.join("cgroup.subtree_control")).unwrap_or_default();
        list.split_whitespace().any(|name| name == "memory")
    };
    let mut above = own.directory.ancestors().take_while(|directory| directory.starts_with(&own.point));
    if let Some(directory) = above.find(|directory| has_memory(directory)) {
        return Ok(directory.to_owned());
    }
    fs::write(own.point.join("cgroup.subtree_control"), "+memory")?;
    Ok(own.point.clone())
}
