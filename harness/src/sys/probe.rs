//! System calls that are made only to see whether they work.

use std::os::fd::{AsFd, FromRawFd, OwnedFd};

use nix::errno::Errno;

use super::clone::{Request, Side, clone};
use super::{process, wait};

/// Opens a pidfd of this process (pidfd_open(2), Linux 5.3).
pub(crate) fn pidfd_open() -> Result<(), Errno> {
    // SAFETY: pidfd_open(2) takes two integers.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, std::process::id(), 0) };
    let fd = libc::c_int::try_from(Errno::result(fd)?).map_err(|_| Errno::EOVERFLOW)?;
    // SAFETY: the kernel has just opened it for us.
    drop(unsafe { OwnedFd::from_raw_fd(fd) });
    Ok(())
}

/// Calls clone3(2) with arguments of no size: a kernel that knows it, and no filter before it, says EINVAL.
pub(crate) fn clone3_is_known() -> Result<(), Errno> {
    let nothing = std::ptr::null::<u8>();
    // SAFETY: the kernel refuses a size below CLONE_ARGS_SIZE_VER0 before it reads anything.
    let result = unsafe { libc::syscall(libc::SYS_clone3, nothing, 0usize) };
    match Errno::result(result) {
        Ok(_) | Err(Errno::EINVAL) => Ok(()),
        Err(errno) => Err(errno),
    }
}

/// Calls unshare(2) without a flag, which does nothing: only a seccomp filter refuses that.
pub(crate) fn unshare_is_let_through() -> Result<(), Errno> {
    nix::sched::unshare(nix::sched::CloneFlags::empty())
}

/// Calls mount(2) without a target: the kernel says EFAULT before it asks who may, a filter something else.
pub(crate) fn mount_is_let_through() -> Result<(), Errno> {
    let nothing = std::ptr::null();
    // SAFETY: null pointers are the kernel's to refuse.
    let result = unsafe { libc::mount(nothing, nothing, nothing, 0, std::ptr::null()) };
    match Errno::result(result) {
        Ok(_) | Err(Errno::EFAULT) => Ok(()),
        Err(errno) => Err(errno),
    }
}

/// Attaches to a child as a tracer (ptrace(2), PTRACE_SEIZE). For the body of a guest, which has one thread.
pub(crate) fn traces_a_child() -> Result<(), Errno> {
    let Side::Parent { pid, pidfd } = clone(Request::default())? else {
        // Killed by the parent, or with it.
        if process::die_with_parent().is_err() {
            process::exit_now(1);
        }
        loop {
            nix::unistd::pause();
        }
    };
    let nothing = std::ptr::null::<u8>();
    // SAFETY: PTRACE_SEIZE without options reads no memory of ours.
    let seized = unsafe { libc::ptrace(libc::PTRACE_SEIZE, pid.as_raw(), nothing, nothing) };
    let seized = Errno::result(seized).map(drop);
    process::signal(pidfd.as_fd(), libc::SIGKILL)?;
    wait::reap(pidfd.as_fd())?;
    seized
}

/// Maps memory, asks for huge pages in it (madvise(2), MADV_HUGEPAGE), touches it, and calls `look`.
pub(crate) fn with_huge_page(look: impl FnOnce() -> bool) -> Result<bool, Errno> {
    // Two of the largest common size: one of them is aligned.
    const SIZE: usize = 4 << 20;
    let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    // SAFETY: a new mapping, where the kernel chooses.
    let memory = unsafe { libc::mmap(std::ptr::null_mut(), SIZE, access, kind, -1, 0) };
    if memory == libc::MAP_FAILED {
        return Err(Errno::last());
    }
    // SAFETY: the mapping made above.
    let advised = Errno::result(unsafe { libc::madvise(memory, SIZE, libc::MADV_HUGEPAGE) });
    let found = advised.map(|_| {
        // SAFETY: writable memory of that size, that nobody else knows.
        unsafe { std::ptr::write_bytes(memory.cast::<u8>(), 1, SIZE) };
        look()
    });
    // SAFETY: the mapping made above; nothing points into it any more.
    Errno::result(unsafe { libc::munmap(memory, SIZE) })?;
    found
}
