//! The guest's mounts: a list of steps in a new mount namespace.
//!
//! ```text
//! lowerdirs (the host's /, or layers)   ─┐
//! upperdir, workdir on a private tmpfs  ─┴─ overlay = new_root ─ pivot_root ─ /proc /sys /dev ─ binds, tmpfs, files
//! ```
//!
//! Nothing is ever written to a lowerdir. The tmpfs belongs to the guest: what it writes there is
//! charged to its memory limit, and all of it is gone with the namespace: there is nothing to clean up.
//! With `upper = "disk"` upperdir and workdir are in a directory that the runner made and removes.
//!
//! Every source is taken (`open_tree`) before the first mount and put in place after `pivot_root`: no
//! stage covers a source, and no symlink inside a foreign root leads a mount or a `mkdir` to the host.

mod bind;
pub(crate) mod changes;
mod copy;
mod dev;
mod file;
pub(crate) mod lower;
mod overlay;
mod readonly;
pub(crate) mod stage;
mod system;
pub(crate) mod upper;

use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::mount::{MsFlags, mount};

use crate::error::{At, SetupError, Step};
use crate::wire::codec::{choice, record};
use bind::Taken;
#[cfg(test)]
pub(crate) use stage::Mark;
pub(crate) use stage::{Seen, UpperDir};

/// What the guest's tree is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tree {
    pub(crate) root: Root,
    pub(crate) upper: Upper,
    /// A fresh /proc, with a new pid namespace.
    pub(crate) proc: bool,
    /// In a user namespace the overlay keeps its marks in `user.*` attributes (Linux 5.11).
    pub(crate) userxattr: bool,
    pub(crate) readonly: bool,
    /// Host paths that stay visible in a foreign root.
    pub(crate) visible: Vec<BindMount>,
    pub(crate) binds: Vec<BindMount>,
    pub(crate) tmpfs: Vec<TmpfsMount>,
    pub(crate) files: Vec<NewFile>,
    /// Whether the runner is to see what the guest writes.
    pub(crate) changes: bool,
}
record! { Tree { root, upper, proc, userxattr, readonly, visible, binds, tmpfs, files, changes } }

/// Where the root comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Root {
    /// The host's own, as it is.
    Keep,
    /// A copy-on-write view of the host's.
    Host,
    /// A copy-on-write view of directories, each over the ones before it.
    Layers(Vec<PathBuf>),
}
choice! { Root { 1 Keep, 2 Host, 3 Layers(paths) } }

/// Where upperdirs are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Upper {
    /// On the tmpfs of the stage.
    Tmpfs,
    /// In this directory of the host.
    Disk(PathBuf),
    /// Nowhere: the root is a copy.
    Copy,
}
choice! { Upper { 1 Tmpfs, 2 Disk(directory), 3 Copy } }

/// A file that is made for the guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewFile {
    pub(crate) target: PathBuf,
    pub(crate) content: String,
}
record! { NewFile { target, content } }

/// A bind mount, submounts included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BindMount {
    pub(crate) source: PathBuf,
    pub(crate) target: PathBuf,
    pub(crate) readonly: bool,
}
record! { BindMount { source, target, readonly } }

/// A fresh tmpfs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TmpfsMount {
    pub(crate) target: PathBuf,
    pub(crate) size: Option<u64>,
}
record! { TmpfsMount { target, size } }

/// Makes the tree and moves this process into it. In a new mount namespace, in the pid namespace that
/// /proc is to show. Gives the upperdirs for the runner, where it is to see them.
pub(crate) fn enter(tree: &Tree) -> Result<Vec<UpperDir>, SetupError> {
    keep_mounts_private()?;
    let visible = bind::take(&tree.visible, Step::KeepVisible)?;
    let mut binds = bind::take(&tree.binds, Step::Bind)?;
    binds.extend(file::take(&tree.files, tree.readonly)?);
    if tree.root == Root::Keep {
        in_place(tree, &binds)?;
        return Ok(Vec::new());
    }
    let pieces = system::take(tree.proc)?;
    let uppers = enter_root(tree)?;
    pieces.put()?;
    in_new_root(tree, &visible, &binds)?;
    uppers.into_iter().map(UpperDir::note_what_is_there).collect()
}

fn enter_root(tree: &Tree) -> Result<Vec<UpperDir>, SetupError> {
    match (&tree.root, &tree.upper) {
        (Root::Layers(paths), Upper::Copy) => copy::enter(paths).map(|()| Vec::new()),
        (Root::Layers(paths), _) => overlay::enter_layers(paths, tree),
        (Root::Host | Root::Keep, _) => overlay::enter_host(tree),
    }
}

/// No mount of the guest's reaches the host, and none of the host's comes in later.
fn keep_mounts_private() -> Result<(), SetupError> {
    let none = None::<&Path>;
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none).at(Step::Propagation, "/")
}

/// The host's own tree, with /proc and the mounts that were asked for on top. Nothing is created in it:
/// it is the host's.
fn in_place(tree: &Tree, binds: &[Taken]) -> Result<(), SetupError> {
    if tree.readonly {
        // Before /proc, tmpfs and binds: they stay as they were asked for.
        readonly::everything()?;
    }
    if tree.proc {
        system::mount_proc()?;
    }
    tree.tmpfs.iter().try_for_each(mount_tmpfs)?;
    binds.iter().try_for_each(Taken::put)
}

/// The mount points are made first (in the overlay's upper layer), then the root may become read-only.
fn in_new_root(tree: &Tree, visible: &[Taken], binds: &[Taken]) -> Result<(), SetupError> {
    visible.iter().chain(binds).try_for_each(Taken::make_mount_point)?;
    tree.tmpfs.iter().try_for_each(|tmpfs| bind::make_directory(&tmpfs.target))?;
    if tree.readonly {
        readonly::view()?;
    }
    tree.tmpfs.iter().try_for_each(mount_tmpfs)?;
    // After the tmpfs: a test binary below a fresh /tmp stays visible.
    visible.iter().chain(binds).try_for_each(|taken| taken.put_making(tree.readonly))
}

fn mount_tmpfs(tmpfs: &TmpfsMount) -> Result<(), SetupError> {
    let size = tmpfs.size.map(|size| format!("size={size}"));
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    let target = tmpfs.target.as_path();
    match mount(Some("tmpfs"), target, Some("tmpfs"), flags, size.as_deref()) {
        Err(Errno::ENOENT) => Err(SetupError::new(Step::MountPoint, target, Errno::ENOENT)),
        answer => answer.at(Step::Tmpfs, target),
    }
}
