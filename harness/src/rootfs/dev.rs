//! A minimal /dev: a tmpfs of the guest's own with six device nodes, pts, shm and the usual links.
//!
//! The nodes are made, so that a guest that changes their mode or owner changes its own. Who may not make any (a user
//! namespace, a container without CAP_MKNOD) gets the host's, bound read-only: a device takes what is written to it
//! all the same.

use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::symlink;
use std::path::Path;

use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sys::stat::{Mode, SFlag, makedev, mknodat, umask};

use super::bind::{Taken, make_directory, same_place};
use crate::error::{At, SetupError, Step};
use crate::sys::mount::{Filesystem, NOSUID, attach_tree_following};

/// Name, major and minor number (Documentation/admin-guide/devices.txt).
const NODES: [(&str, u64, u64); 6] =
    [("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9), ("tty", 5, 0)];

/// Where each leads, and its name.
const LINKS: [(&str, &str); 5] = [
    ("/proc/self/fd", "/dev/fd"),
    ("/proc/self/fd/0", "/dev/stdin"),
    ("/proc/self/fd/1", "/dev/stdout"),
    ("/proc/self/fd/2", "/dev/stderr"),
    ("pts/ptmx", "/dev/ptmx"),
];

/// What there is of it before the new root is entered.
#[derive(Debug)]
pub(super) struct Dev {
    /// The tmpfs, mounted nowhere; none where only the old way of mounting is permitted.
    tree: Option<OwnedFd>,
    /// The host's nodes, where none could be made in it.
    nodes: Vec<Taken>,
}

impl Dev {
    /// Makes the nodes, or takes the host's while they are there.
    pub(super) fn make() -> Result<Self, SetupError> {
        let tree = match tmpfs() {
            Err(Errno::ENOSYS | Errno::EPERM) => None,
            tree => Some(tree.at(Step::Dev, PLACE)?),
        };
        let nodes = match tree.as_ref().map_or(Err(Errno::EPERM), make_nodes) {
            Err(Errno::EPERM) => NODES.iter().map(|(name, ..)| take_node(name)).collect::<Result<_, _>>()?,
            made => made.map(|()| Vec::new()).at(Step::Dev, PLACE)?,
        };
        Ok(Self { tree, nodes })
    }

    /// Mounts it in the new root, which this process has entered, and fills it.
    pub(super) fn put(&self) -> Result<(), SetupError> {
        make_directory(Path::new(PLACE))?;
        match &self.tree {
            Some(tree) => attach_tree_following(tree.as_fd(), c"/dev").at(Step::Dev, PLACE)?,
            None => mount_one("tmpfs", PLACE, "mode=755", MsFlags::MS_NOSUID)?,
        }
        for node in &self.nodes {
            node.make_mount_point()?;
            node.put()?;
        }
        make_directory(Path::new("/dev/pts"))?;
        let no_programs = MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC;
        mount_one("devpts", "/dev/pts", "newinstance,ptmxmode=0666,mode=620", no_programs)?;
        make_directory(Path::new("/dev/shm"))?;
        mount_one("tmpfs", "/dev/shm", "mode=1777", MsFlags::MS_NOSUID | MsFlags::MS_NODEV)?;
        LINKS.iter().try_for_each(|(original, link)| symlink(original, link).at(Step::Dev, *link))
    }
}

const PLACE: &str = "/dev";

fn tmpfs() -> Result<OwnedFd, Errno> {
    let filesystem = Filesystem::open(c"tmpfs")?;
    filesystem.set(c"mode", "755")?;
    filesystem.mount(NOSUID)
}

/// For everybody, as udev has them, whatever the caller's umask, which the body is to have.
fn make_nodes(tree: &OwnedFd) -> Result<(), Errno> {
    let for_all = Mode::from_bits_truncate(0o666);
    let before = umask(Mode::empty());
    let make = |(name, major, minor): &(&str, u64, u64)| {
        mknodat(tree, *name, SFlag::S_IFCHR, for_all, makedev(*major, *minor))
    };
    let made = NODES.iter().try_for_each(make);
    umask(before);
    made
}

fn take_node(name: &str) -> Result<Taken, SetupError> {
    Taken::new(same_place(Path::new(PLACE).join(name), true), Step::Dev)
}

fn mount_one(filesystem: &str, target: &str, options: &str, flags: MsFlags) -> Result<(), SetupError> {
    mount(Some(filesystem), target, Some(filesystem), flags, Some(options)).at(Step::Dev, target)
}
