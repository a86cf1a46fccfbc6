//! The mount calls of Linux 5.2 and later that nix does not have: open_tree(2), move_mount(2),
//! mount_setattr(2), fsopen(2) and its relatives.

use std::ffi::{CStr, CString, OsStr};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use nix::errno::Errno;

/// `OPEN_TREE_CLONE` and `OPEN_TREE_CLOEXEC` of linux/mount.h, `AT_RECURSIVE` of linux/fcntl.h.
const OPEN_TREE_CLONE: u32 = 1;
const OPEN_TREE_CLOEXEC: u32 = libc::O_CLOEXEC.cast_unsigned();
const RECURSIVE: u32 = 0x8000;
/// `MOVE_MOUNT_F_EMPTY_PATH` and `MOVE_MOUNT_T_SYMLINKS` of linux/mount.h.
const MOVE_FROM_EMPTY_PATH: u32 = 4;
const MOVE_TO_LINKED: u32 = 0x10;

/// A detached copy of the mount tree at `path`, as `mount --rbind` would show it (Linux 5.2).
///
/// Taken before anything is mounted over the path, attached after `pivot_root`.
pub(crate) fn clone_tree(path: &CStr) -> Result<OwnedFd, Errno> {
    let flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | RECURSIVE;
    // SAFETY: `path` is NUL-terminated.
    let fd = unsafe { libc::syscall(libc::SYS_open_tree, libc::AT_FDCWD, path.as_ptr(), flags) };
    let fd = i32::try_from(Errno::result(fd)?).map_err(|_| Errno::EBADF)?;
    // SAFETY: the kernel has just opened it for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Attaches a detached tree at `target`, which is no symlink.
pub(crate) fn attach_tree(tree: BorrowedFd<'_>, target: &CStr) -> Result<(), Errno> {
    attach(tree, target, MOVE_FROM_EMPTY_PATH)
}

/// The same where `target` leads to, as mount(2) does: in a root that has been entered it leads nowhere else.
pub(crate) fn attach_tree_following(tree: BorrowedFd<'_>, target: &CStr) -> Result<(), Errno> {
    attach(tree, target, MOVE_FROM_EMPTY_PATH | MOVE_TO_LINKED)
}

fn attach(tree: BorrowedFd<'_>, target: &CStr, flags: u32) -> Result<(), Errno> {
    // SAFETY: both strings are NUL-terminated.
    let result = unsafe {
        libc::syscall(
            libc::SYS_move_mount,
            tree.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_FDCWD,
            target.as_ptr(),
            flags,
        )
    };
    Errno::result(result).map(drop)
}

/// `struct mount_attr` of linux/mount.h.
#[repr(C)]
struct MountAttr {
    set: u64,
    clear: u64,
    propagation: u64,
    userns_fd: u64,
}

/// `MOUNT_ATTR_RDONLY` and `MOUNT_ATTR_NOSUID` of linux/mount.h.
const RDONLY: u64 = 1;
pub(crate) const NOSUID: u64 = 2;

/// Makes the mount at `path` read-only, and with `recursive` every mount below it (Linux 5.12; ENOSYS
/// before).
pub(crate) fn make_readonly(path: &CStr, recursive: bool) -> Result<(), Errno> {
    let attr = MountAttr { set: RDONLY, clear: 0, propagation: 0, userns_fd: 0 };
    let flags = if recursive { RECURSIVE } else { 0 };
    // SAFETY: `path` is NUL-terminated and `attr` valid for reading, with its size.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            libc::AT_FDCWD,
            path.as_ptr(),
            flags,
            &raw const attr,
            size_of::<MountAttr>(),
        )
    };
    Errno::result(result).map(drop)
}

/// `FSOPEN_CLOEXEC`, `FSMOUNT_CLOEXEC` and `enum fsconfig_command` of linux/mount.h.
const FSOPEN_CLOEXEC: u32 = 1;
const FSMOUNT_CLOEXEC: u32 = 1;
const SET_FLAG: u32 = 0;
const SET_STRING: u32 = 1;
const CREATE: u32 = 6;

/// A filesystem that is being configured: fsopen(2), fsconfig(2), fsmount(2) (Linux 5.2).
#[derive(Debug)]
pub(crate) struct Filesystem(OwnedFd);

impl Filesystem {
    /// One of this type.
    pub(crate) fn open(kind: &CStr) -> Result<Self, Errno> {
        // SAFETY: `kind` is NUL-terminated.
        let fd = unsafe { libc::syscall(libc::SYS_fsopen, kind.as_ptr(), FSOPEN_CLOEXEC) };
        let fd = i32::try_from(Errno::result(fd)?).map_err(|_| Errno::EBADF)?;
        // SAFETY: the kernel has just opened it for us.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// Sets an option to a text of at most 255 bytes.
    pub(crate) fn set(&self, key: &CStr, value: impl AsRef<OsStr>) -> Result<(), Errno> {
        let value = CString::new(value.as_ref().as_bytes()).map_err(|_| Errno::EINVAL)?;
        self.configure(SET_STRING, Some(key), Some(&value))
    }

    /// Sets an option without a value.
    pub(crate) fn set_flag(&self, key: &CStr) -> Result<(), Errno> {
        self.configure(SET_FLAG, Some(key), None)
    }

    /// Makes it, and a detached mount of it with these attributes.
    pub(crate) fn mount(&self, attributes: u64) -> Result<OwnedFd, Errno> {
        self.configure(CREATE, None, None)?;
        // SAFETY: no pointer is passed.
        let fd = unsafe { libc::syscall(libc::SYS_fsmount, self.0.as_raw_fd(), FSMOUNT_CLOEXEC, attributes) };
        let fd = i32::try_from(Errno::result(fd)?).map_err(|_| Errno::EBADF)?;
        // SAFETY: the kernel has just opened it for us.
        Ok(unsafe { OwnedFd::from_raw_fd(fd) })
    }

    fn configure(&self, command: u32, key: Option<&CStr>, value: Option<&CStr>) -> Result<(), Errno> {
        let pointer = |text: Option<&CStr>| text.map_or(std::ptr::null(), CStr::as_ptr);
        // SAFETY: both strings are NUL-terminated or absent, as the command wants them.
        let result = unsafe {
            libc::syscall(libc::SYS_fsconfig, self.0.as_raw_fd(), command, pointer(key), pointer(value), 0)
        };
        Errno::result(result).map(drop)
    }
}
