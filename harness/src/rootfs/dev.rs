//! A minimal /dev: a tmpfs of the guest's own with six device nodes, pts, shm and the usual links.
//!
//! The nodes are made, so that a guest that changes their mode or owner changes its own. Who may not make any (a user
//! namespace, a container without CAP_MKNOD) gets the host's, bound read-only: a device takes what is written to it
//! all the same.

use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::mount::{MsFlags, mount};
use nix::sys::stat::{Mode, SFlag, makedev, mkdirat, mknodat, umask};
use nix::unistd::symlinkat;

use super::bind::{Taken, make_directory, same_place};
use crate::error::{At, SetupError, Step};
use crate::sys::mount::{Filesystem, NOSUID, attach_tree_following};

/// Name, major and minor number (Documentation/admin-guide/devices.txt).
const NODES: [(&str, u64, u64); 6] =
    [("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9), ("tty", 5, 0)];

/// Where each leads, and its name.
const LINKS: [(&str, &str); 5] = [
    ("/proc/self/fd", "fd"),
    ("/proc/self/fd/0", "stdin"),
    ("/proc/self/fd/1", "stdout"),
    ("/proc/self/fd/2", "stderr"),
    ("pts/ptmx", "ptmx"),
];

/// Mount points.
const DIRECTORIES: [&str; 2] = ["pts", "shm"];

/// One that is mounted nowhere yet.
#[derive(Debug)]
pub(super) struct Dev {
    tree: OwnedFd,
    /// The host's, where none could be made.
    nodes: Vec<Taken>,
}

impl Dev {
    /// Fills a tmpfs, while the host's nodes are there to be taken.
    pub(super) fn make() -> Result<Self, SetupError> {
        let tree = tmpfs().at(Step::Dev, PLACE)?;
        // Nodes are for everybody, whatever the caller's umask, which the body is to have.
        let before = umask(Mode::empty());
        let nodes = fill(&tree);
        umask(before);
        Ok(Self { nodes: nodes?, tree })
    }

    /// Mounts it in the new root, which this process has entered.
    pub(super) fn put(&self) -> Result<(), SetupError> {
        make_directory(Path::new(PLACE))?;
        attach_tree_following(self.tree.as_fd(), c"/dev").at(Step::Dev, PLACE)?;
        self.nodes.iter().try_for_each(Taken::put)?;
        let no_programs = MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC;
        mount_one("devpts", "/dev/pts", "newinstance,ptmxmode=0666,mode=620", no_programs)?;
        mount_one("tmpfs", "/dev/shm", "mode=1777", MsFlags::MS_NOSUID | MsFlags::MS_NODEV)
    }
}

const PLACE: &str = "/dev";

fn tmpfs() -> Result<OwnedFd, Errno> {
    let filesystem = Filesystem::open(c"tmpfs")?;
    filesystem.set(c"mode", OsStr::new("755"))?;
    filesystem.mount(NOSUID)
}

/// All that is in it; gives the host's nodes, where they are to be bound.
fn fill(tree: &OwnedFd) -> Result<Vec<Taken>, SetupError> {
    let nodes = match NODES.iter().try_for_each(|node| make_node(tree, node)) {
        Err(Errno::EPERM) => {
            NODES.iter().map(|(name, ..)| take_node(tree, name)).collect::<Result<_, _>>()?
        }
        answer => answer.map(|()| Vec::new()).at(Step::Dev, PLACE)?,
    };
    for name in DIRECTORIES {
        mkdirat(tree, name, Mode::from_bits_truncate(0o755)).at(Step::Dev, name)?;
    }
    for (original, name) in LINKS {
        symlinkat(original, tree, name).at(Step::Dev, name)?;
    }
    Ok(nodes)
}

/// With what is permitted to all, as udev does it.
const FOR_ALL: Mode = Mode::from_bits_truncate(0o666);

fn make_node(tree: &OwnedFd, (name, major, minor): &(&str, u64, u64)) -> Result<(), Errno> {
    mknodat(tree, *name, SFlag::S_IFCHR, FOR_ALL, makedev(*major, *minor))
}

/// The host's node, and a file for it to be bound over.
fn take_node(tree: &OwnedFd, name: &str) -> Result<Taken, SetupError> {
    let path = Path::new(PLACE).join(name);
    let flags = OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_WRONLY | OFlag::O_CLOEXEC;
    openat(tree, name, flags, FOR_ALL).map(File::from).map(drop).at(Step::Dev, &path)?;
    Taken::new(same_place(path, true), Step::Dev)
}

fn mount_one(filesystem: &str, target: &str, options: &str, flags: MsFlags) -> Result<(), SetupError> {
    mount(Some(filesystem), target, Some(filesystem), flags, Some(options)).at(Step::Dev, target)
}
