//! What every root needs besides its files: /proc, a read-only /sys, a minimal /dev, /tmp.

use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use nix::mount::{MsFlags, mount};

use super::bind::{Taken, make_directory, same_place};
use crate::error::{At, SetupError, Step};

/// Device nodes of the host that a guest gets.
const NODES: [&str; 6] = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty"];

const LINKS: [(&str, &str); 5] = [
    ("/proc/self/fd", "/dev/fd"),
    ("/proc/self/fd/0", "/dev/stdin"),
    ("/proc/self/fd/1", "/dev/stdout"),
    ("/proc/self/fd/2", "/dev/stderr"),
    ("pts/ptmx", "/dev/ptmx"),
];

/// Pieces of the tree before, taken while it is there.
#[derive(Debug)]
pub(crate) struct Pieces {
    proc: Taken,
    sys: Taken,
    nodes: Vec<Taken>,
}

/// Takes the pieces. A /proc of our own is mounted here already: in a user namespace the kernel allows it
/// only while another one is fully visible (mount_namespaces(7), "mount_too_revealing").
pub(crate) fn take(own_proc: bool) -> Result<Pieces, SetupError> {
    if own_proc {
        mount_proc()?;
    }
    let node = |path: &&str| Taken::new(same_place(*path, false), Step::Dev);
    Ok(Pieces {
        proc: Taken::new(same_place("/proc", false), Step::Proc)?,
        sys: Taken::new(same_place("/sys", true), Step::Sys)?,
        nodes: NODES.iter().map(node).collect::<Result<_, _>>()?,
    })
}

impl Pieces {
    /// Puts them into the new root, which this process has entered.
    pub(crate) fn put(&self) -> Result<(), SetupError> {
        for piece in [&self.proc, &self.sys] {
            piece.make_mount_point()?;
            piece.put()?;
        }
        self.make_dev()?;
        make_tmp()
    }

    fn make_dev(&self) -> Result<(), SetupError> {
        make_directory(Path::new("/dev"))?;
        mount_one("tmpfs", "/dev", "mode=755", MsFlags::MS_NOSUID)?;
        for node in &self.nodes {
            node.make_mount_point()?;
            node.put()?;
        }
        make_directory(Path::new("/dev/pts"))?;
        mount_one("devpts", "/dev/pts", "newinstance,ptmxmode=0666,mode=620", NO_PROGRAMS)?;
        make_directory(Path::new("/dev/shm"))?;
        mount_one("tmpfs", "/dev/shm", "mode=1777", MsFlags::MS_NOSUID | MsFlags::MS_NODEV)?;
        for (original, link) in LINKS {
            symlink(original, link).at(Step::Dev, link)?;
        }
        Ok(())
    }
}

const NO_PROGRAMS: MsFlags = MsFlags::MS_NOSUID.union(MsFlags::MS_NOEXEC);

/// A fresh /proc for this process's pid namespace.
pub(crate) fn mount_proc() -> Result<(), SetupError> {
    let flags = NO_PROGRAMS | MsFlags::MS_NODEV;
    mount(Some("proc"), "/proc", Some("proc"), flags, None::<&str>).at(Step::Proc, Path::new("/proc"))
}

fn mount_one(filesystem: &str, target: &str, options: &str, flags: MsFlags) -> Result<(), SetupError> {
    mount(Some(filesystem), target, Some(filesystem), flags, Some(options)).at(Step::Dev, target)
}

/// `std::env::temp_dir` works in a root that has none.
fn make_tmp() -> Result<(), SetupError> {
    let tmp = Path::new("/tmp");
    if fs::symlink_metadata(tmp).is_ok() {
        return Ok(());
    }
    make_directory(tmp)?;
    let sticky = fs::Permissions::from_mode(0o1777);
    File::open(tmp).and_then(|tmp| tmp.set_permissions(sticky)).at(Step::MountPoint, tmp)
}
