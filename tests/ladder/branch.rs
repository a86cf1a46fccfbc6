//! A branch of the v2 tree for runners to live in, made by root.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use harness_tests::skip::skip;
use harness_tests::{outside, pen, sys, users};

/// Dropped, it is removed; whatever a runner left in it is a failure.
#[derive(Debug)]
pub(crate) struct Branch {
    pub(crate) top: PathBuf,
}

impl Branch {
    /// One that has the memory controller for itself; none where the test is skipped.
    pub(crate) fn new(test: &str) -> Option<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        match place() {
            Ok(parent) => {
                // Named as a unit of systemd, below others of these.
                let top = parent.join(format!("harness-branch-{}-{number}.scope", std::process::id()));
                fs::create_dir(&top).unwrap();
                let branch = Self { top };
                branch.mark("1");
                Some(branch)
            }
            Err(found) => {
                skip(&format!("ladder::{test}"), "root and a cgroup v2 tree with memory", &found);
                None
            }
        }
    }

    /// As systemd marks its units: `1` for those with `Delegate=yes`.
    pub(crate) fn mark(&self, delegated: &str) {
        for name in [c"trusted.delegate", c"user.delegate"] {
            sys::set_xattr(&self.top, name, delegated.as_bytes()).unwrap();
        }
    }

    /// A cgroup of this name in it.
    pub(crate) fn child(&self, name: &str) -> PathBuf {
        let child = self.top.join(name);
        fs::create_dir(&child).unwrap();
        child
    }

    /// Lets its children have controllers.
    pub(crate) fn enable(&self) {
        fs::write(self.top.join("cgroup.subtree_control"), "+memory").unwrap();
    }

    /// Gives a cgroup to nobody, as `Delegate=yes` does (cgroup-v2.rst, "Model of Delegation").
    pub(crate) fn give_away(directory: &Path) {
        let files = fs::read_to_string("/sys/kernel/cgroup/delegate").unwrap();
        let files = files.split_whitespace().map(|file| directory.join(file)).filter(|file| file.exists());
        for path in files.chain([directory.to_owned()]) {
            std::os::unix::fs::chown(path, Some(users::NOBODYS_ID), Some(users::NOBODYS_ID)).unwrap();
        }
    }
}

fn place() -> Result<PathBuf, String> {
    let own = pen::own().map_err(|error| error.to_string())?;
    match own.is_v1 {
        true => Err("the memory controller is on cgroup v1".to_owned()),
        // A leaf has a directory in each hierarchy: which rung is meant would not be clear.
        false if outside::mounts().contains(" - cgroup ") => Err("a hierarchy of cgroup v1, too".to_owned()),
        false if !nix::unistd::geteuid().is_root() => Err("not root".to_owned()),
        false => pen::hands_memory_on(&own).map_err(|error| error.to_string()),
    }
}

impl Drop for Branch {
    fn drop(&mut self) {
        // What the test itself made.
        for child in ["session", "inner/session", "inner", "harness.command"].map(|name| self.top.join(name))
        {
            let _ = fs::remove_dir(child);
        }
        let removed = fs::remove_dir(&self.top);
        // A test that has failed already has said more than this.
        if !std::thread::panicking() {
            removed.unwrap_or_else(|error| panic!("{}: {error}", self.top.display()));
        }
    }
}

/// What a shell does to enter a cgroup.
pub(crate) fn enter(directory: &Path) -> String {
    format!("echo 0 >{}/cgroup.procs", directory.display())
}

/// Somebody else who lives in a cgroup. Dropped, it ends.
#[derive(Debug)]
pub(crate) struct Neighbour(Child);

impl Neighbour {
    pub(crate) fn of(directory: &Path) -> Self {
        let mut command = Command::new("sh");
        command.args(["-euc", &format!("{}\necho\nexec cat", enter(directory))]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut [0]).unwrap();
        Self(child)
    }

    /// Where it lives now.
    pub(crate) fn lives_in(&self) -> String {
        fs::read_to_string(format!("/proc/{}/cgroup", self.0.id())).unwrap()
    }
}

impl Drop for Neighbour {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        self.0.wait().unwrap();
    }
}
