//! The mount calls of Linux 5.2 and later that nix does not have: open_tree(2), move_mount(2),
//! mount_setattr(2).

use std::ffi::CStr;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use nix::errno::Errno;

/// `OPEN_TREE_CLONE` and `OPEN_TREE_CLOEXEC` of linux/mount.h, `AT_RECURSIVE` of linux/fcntl.h.
const OPEN_TREE_CLONE: u32 = 1;
const OPEN_TREE_CLOEXEC: u32 = libc::O_CLOEXEC.cast_unsigned();
const RECURSIVE: u32 = 0x8000;
/// `MOVE_MOUNT_F_EMPTY_PATH` of linux/mount.h.
const MOVE_FROM_EMPTY_PATH: u32 = 4;

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

/// Attaches a detached tree at `target`.
pub(crate) fn attach_tree(tree: BorrowedFd<'_>, target: &CStr) -> Result<(), Errno> {
    // SAFETY: both strings are NUL-terminated.
    let result = unsafe {
        libc::syscall(
            libc::SYS_move_mount,
            tree.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_FDCWD,
            target.as_ptr(),
            MOVE_FROM_EMPTY_PATH,
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

/// `MOUNT_ATTR_RDONLY` of linux/mount.h.
const RDONLY: u64 = 1;

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
