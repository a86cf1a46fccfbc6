//! Descriptor tables: what a guest inherits.

use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd};

use nix::errno::Errno;

/// Makes `source` the descriptor `number` (0, 1 or 2), without close-on-exec.
pub(crate) fn install(source: BorrowedFd<'_>, number: i32) -> Result<(), Errno> {
    // SAFETY: dup2 of an open descriptor; whoever owned `number` is this process itself, which is
    // being set up (guest.rs, zygote.rs) and uses the standard streams only by number.
    let result = unsafe { libc::dup2(source.as_raw_fd(), number) };
    Errno::result(result).map(drop)
}

/// Closes every descriptor above 2 except `keep`.
///
/// For a fresh copy of the process that has not run any user code: nothing in it owns these.
pub(crate) fn close_all_but(keep: &[BorrowedFd<'_>]) {
    let mut kept: Vec<u32> = keep.iter().map(|fd| fd.as_raw_fd().unsigned_abs()).collect();
    kept.sort_unstable();
    let mut first = 3;
    for number in kept {
        if first < number {
            close_range(first, number - 1);
        }
        first = first.max(number + 1);
    }
    close_range(first, u32::MAX);
}

/// close_range(2) (Linux 5.9), or one close for each possible descriptor.
fn close_range(first: u32, last: u32) {
    // SAFETY: see `close_all_but`: no object in this process owns these descriptors.
    let result = unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) };
    if result == 0 {
        return;
    }
    // SAFETY: sysconf has no precondition.
    let limit = unsafe { libc::sysconf(libc::_SC_OPEN_MAX) };
    for number in first..=last.min(u32::try_from(limit).unwrap_or(1024)) {
        // SAFETY: as above. EBADF for a number that is not open is expected.
        unsafe { libc::close(number.cast_signed()) };
    }
}

/// A duplicate with a number of at least `least`, close-on-exec.
pub(crate) fn duplicate_above(fd: BorrowedFd<'_>, least: i32) -> Result<OwnedFd, Errno> {
    let raw = nix::fcntl::fcntl(fd, nix::fcntl::FcntlArg::F_DUPFD_CLOEXEC(least))?;
    // SAFETY: the kernel has just opened it for us.
    Ok(unsafe { OwnedFd::from_raw_fd(raw) })
}

/// Gives a descriptor to the process itself: it stays open until exec or exit.
pub(crate) fn keep_open(fd: OwnedFd) -> BorrowedFd<'static> {
    let raw = fd.into_raw_fd();
    // SAFETY: nobody closes it any more, so it is open for ever.
    unsafe { BorrowedFd::borrow_raw(raw) }
}
