//! The floor: the system calls that an isolated test with a memory limit cannot do without, and nothing
//! else: no zygote, no read-back, no report, no evidence.
#![expect(unsafe_code, reason = "bare system calls")]

use std::ffi::CString;
use std::fs;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::calls::{clone, wait};

/// Makes the leaf, the pipes, pid 1, the body; waits; removes the leaf.
pub(crate) fn run() -> Duration {
    let start = Instant::now();
    let leaf = Leaf::make();
    let pipes: Vec<_> = (0..4).map(|_| pipe()).collect();
    let flags = libc::CLONE_NEWPID | libc::CLONE_NEWNS | libc::CLONE_NEWUTS;
    match clone(u64::from(flags.unsigned_abs()), None) {
        0 => pid1(&leaf),
        child => wait(child),
    }
    drop(pipes);
    leaf.remove();
    start.elapsed()
}

/// The hierarchies that the library uses on this machine: v1 memory and pids, and v2.
struct Leaf {
    directories: Vec<PathBuf>,
    /// `tasks` of the v1 ones.
    tasks: Vec<fs::File>,
    /// The v2 directory, which the body is born in.
    v2: Option<fs::File>,
}

impl Leaf {
    fn make() -> Self {
        let directories: Vec<_> = hierarchies().into_iter().map(|parent| parent.join("bare")).collect();
        for directory in &directories {
            fs::create_dir(directory).expect("a cgroup can be made");
        }
        for file in ["memory.max", "memory.swap.max", "memory.limit_in_bytes", "memory.memsw.limit_in_bytes"]
        {
            for directory in directories.iter().filter(|directory| directory.join(file).exists()) {
                let value = if file == "memory.swap.max" { "0" } else { "104857600" };
                fs::write(directory.join(file), value).expect("the limit is taken");
            }
        }
        let open = |directory: &PathBuf| fs::File::options().write(true).open(directory.join("tasks")).ok();
        let tasks = directories.iter().filter_map(open).collect();
        let v2 = directories.iter().find(|directory| !directory.join("tasks").exists());
        let v2 = v2.map(|directory| fs::File::open(directory).expect("a directory"));
        Self { directories, tasks, v2 }
    }

    fn enter(&self) {
        for tasks in &self.tasks {
            // SAFETY: one byte of a static string to an open descriptor.
            unsafe { libc::write(tasks.as_raw_fd(), c"0".as_ptr().cast(), 1) };
        }
    }

    fn remove(self) {
        drop((self.tasks, self.v2));
        for directory in self.directories {
            while fs::remove_dir(&directory).is_err() {
                std::thread::yield_now();
            }
        }
    }
}

fn hierarchies() -> Vec<PathBuf> {
    let own = fs::read_to_string("/proc/self/cgroup").expect("a readable /proc");
    let path = |controller: &str| {
        let line = own.lines().find_map(|line| line.split_once(&format!(":{controller}:")));
        line.map(|(_, path)| path.trim_start_matches('/').to_owned())
    };
    let v1 =
        ["memory", "pids"].map(|name| Some(PathBuf::from("/sys/fs/cgroup").join(name).join(path(name)?)));
    let root = PathBuf::from("/sys/fs/cgroup");
    let unified = if root.join("unified").exists() { root.join("unified") } else { root };
    let v2 = path("").map(|path| unified.join(path));
    v1.into_iter().flatten().chain(v2).collect()
}

fn pipe() -> (OwnedFd, OwnedFd) {
    let (read, write) = std::io::pipe().expect("a pipe");
    (read.into(), write.into())
}

/// The init: private mounts, /proc, the body, its end.
fn pid1(leaf: &Leaf) -> ! {
    let (root, proc) = (CString::from(c"/"), CString::from(c"/proc"));
    let private = libc::MS_REC | libc::MS_PRIVATE;
    let null = std::ptr::null();
    // SAFETY: NUL-terminated strings, no data.
    unsafe { libc::mount(null, root.as_ptr(), null, private, null.cast()) };
    // SAFETY: as above.
    unsafe { libc::mount(c"proc".as_ptr(), proc.as_ptr(), c"proc".as_ptr(), 0, null.cast()) };
    match clone(0, leaf.v2.as_ref()) {
        0 => leaf.enter(),
        body => wait(body),
    }
    // SAFETY: ends this process.
    unsafe { libc::_exit(0) }
}
