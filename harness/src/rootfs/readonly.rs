//! Read-only mounts: one call since Linux 5.12, mount by mount before.

use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sys::statvfs::{FsFlags, statvfs};

use super::bind::c_path;
use super::overlay::{MADE_ANEW, mounts};
use crate::error::{At, Cause, SetupError, Step};
use crate::mountinfo::Mount;
use crate::sys::mount::make_readonly;

/// Every mount of this namespace.
pub(crate) fn everything() -> Result<(), SetupError> {
    tree_at(Path::new("/"))
}

/// The root and whatever else of it is shown: a view of the host is made of many mounts. What was made anew
/// (system.rs) stays as it is.
pub(crate) fn view() -> Result<(), SetupError> {
    let is_anew = |mount: &Mount| MADE_ANEW.iter().any(|made| mount.point.starts_with(made));
    let shown = mounts()?.into_iter().filter(|mount| !is_anew(mount));
    shown.map(|mount| mount.point).try_for_each(|point| if_visible(mount_at(&point)))
}

/// The mount at `path` alone.
fn mount_at(path: &Path) -> Result<(), SetupError> {
    match make_readonly(&c_path(path).at(Step::Readonly, path)?, false) {
        Err(Errno::ENOSYS) => remount(path),
        answer => answer.at(Step::Readonly, path),
    }
}

/// The mount at `path` and those below it.
pub(crate) fn tree_at(path: &Path) -> Result<(), SetupError> {
    match make_readonly(&c_path(path).at(Step::Readonly, path)?, true) {
        Err(Errno::ENOSYS) => below(path)?.iter().try_for_each(|mount| if_visible(remount(mount))),
        answer => answer.at(Step::Readonly, path),
    }
}

/// The list of mounts has their places without symlinks.
fn below(path: &Path) -> Result<Vec<PathBuf>, SetupError> {
    let real = path.canonicalize().at(Step::Readonly, path)?;
    let points = mounts()?.into_iter().map(|mount| mount.point);
    let found: Vec<_> = points.filter(|point| point.starts_with(&real)).collect();
    // Without /proc, say: what is said to be read-only must be.
    if found.contains(&real) { Ok(found) } else { Err(SetupError::new(Step::Readonly, path, Errno::ENOENT)) }
}

/// mountinfo lists mounts that another one covers, too: their paths lead nowhere, or to what is no mount.
fn if_visible(answer: Result<(), SetupError>) -> Result<(), SetupError> {
    match answer {
        Err(SetupError { cause: Cause::Errno(Errno::ENOENT | Errno::ENOTDIR | Errno::EINVAL), .. }) => Ok(()),
        answer => answer,
    }
}

/// `MS_REMOUNT | MS_BIND` sets exactly the flags given: those that are set already must be repeated, and
/// in a user namespace they are locked (mount_namespaces(7)).
fn remount(path: &Path) -> Result<(), SetupError> {
    let set = statvfs(path).at(Step::Readonly, path)?.flags();
    let kept = [
        (FsFlags::ST_NOSUID, MsFlags::MS_NOSUID),
        (FsFlags::ST_NODEV, MsFlags::MS_NODEV),
        (FsFlags::ST_NOEXEC, MsFlags::MS_NOEXEC),
        (FsFlags::ST_NOATIME, MsFlags::MS_NOATIME),
        (FsFlags::ST_NODIRATIME, MsFlags::MS_NODIRATIME),
        (FsFlags::ST_RELATIME, MsFlags::MS_RELATIME),
    ];
    let kept = kept.iter().filter(|(has, _)| set.contains(*has)).map(|(_, flag)| *flag);
    let flags = kept.fold(MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_RDONLY, MsFlags::union);
    let none = None::<&Path>;
    mount(none, path, none, flags, none).at(Step::Readonly, path)
}
