//! Bind mounts: a tree is taken from the host first and put in place later.

use std::ffi::{CStr, CString};
use std::fs::{self, File};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;

use super::{BindMount, readonly};
use crate::error::{At, Object, SetupError, Step};
use crate::sys;

/// A detached copy of a host's mount tree, and where it goes.
#[derive(Debug)]
pub(crate) struct Taken {
    tree: OwnedFd,
    mount: BindMount,
    is_directory: bool,
    step: Step,
}

/// Takes every source; `step` names the purpose in errors.
pub(crate) fn take(mounts: &[BindMount], step: Step) -> Result<Vec<Taken>, SetupError> {
    mounts.iter().map(|mount| Taken::new(mount.clone(), step)).collect()
}

impl Taken {
    /// A detached copy of the tree at the mount's source.
    pub(crate) fn new(mount: BindMount, step: Step) -> Result<Self, SetupError> {
        let is_directory = fs::metadata(&mount.source).at(step, &mount.source)?.is_dir();
        let source = c_path(&mount.source).at(step, &mount.source)?;
        let tree = sys::mount::clone_tree(&source).at(step, &mount.source)?;
        Ok(Self { tree, mount, is_directory, step })
    }

    /// Makes the mount point, with the directories above it.
    pub(crate) fn make_mount_point(&self) -> Result<(), SetupError> {
        let target = &self.mount.target;
        if self.is_directory {
            return make_directory(target);
        }
        if let Some(parent) = target.parent() {
            make_directory(parent)?;
        }
        if fs::symlink_metadata(target).is_ok() {
            return Ok(());
        }
        File::create_new(target).map(drop).at(Step::MountPoint, target)
    }

    /// Attaches the tree at its mount point, or where a symlink there leads to.
    pub(crate) fn put(&self) -> Result<(), SetupError> {
        self.attach(&self.mount.target, sys::mount::attach_tree_following)
    }

    /// Attaches the tree at its mount point below a root that has not been entered yet.
    pub(crate) fn put_below(&self, root: &Path) -> Result<(), SetupError> {
        let target = &self.mount.target;
        let place = root.join(target.strip_prefix("/").unwrap_or(target));
        self.attach(&place, sys::mount::attach_tree)
    }

    fn attach(&self, target: &Path, attach: Attach) -> Result<(), SetupError> {
        let path = c_path(target).at(self.step, target)?;
        match attach(self.tree.as_fd(), &path) {
            // The source is in our hands: it is the target that is missing.
            Err(Errno::ENOENT) => return Err(SetupError::new(Step::MountPoint, target, Errno::ENOENT)),
            answer => answer.at(self.step, self.object())?,
        }
        if self.mount.readonly { readonly::tree_at(target) } else { Ok(()) }
    }

    /// As [`Taken::put`], after making the mount point again where a fresh tmpfs has covered it; on a
    /// read-only root it can only be missing below such a tmpfs.
    pub(crate) fn put_making(&self, root_is_readonly: bool) -> Result<(), SetupError> {
        if !root_is_readonly || !self.mount.target.exists() {
            self.make_mount_point()?;
        }
        self.put()
    }

    fn object(&self) -> Object {
        Object::Mount { source: self.mount.source.clone(), target: self.mount.target.clone() }
    }
}

/// One of sys/mount.rs.
type Attach = fn(BorrowedFd<'_>, &CStr) -> Result<(), Errno>;

/// Makes a directory and those above it; one that is there already is fine.
pub(crate) fn make_directory(path: &Path) -> Result<(), SetupError> {
    fs::create_dir_all(path).at(Step::MountPoint, path)
}

/// A path for a system call; one with a NUL byte names no file.
pub(crate) fn c_path(path: &Path) -> Result<CString, Errno> {
    CString::new(path.as_os_str().as_bytes()).map_err(|_| Errno::EINVAL)
}

/// The same path at the same place, for a piece of the host's tree.
pub(crate) fn same_place(path: impl Into<PathBuf>, readonly: bool) -> BindMount {
    let path = path.into();
    BindMount { source: path.clone(), target: path, readonly }
}
