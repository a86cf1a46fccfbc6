//! One process: its pid, its parent's death, its end.

use nix::errno::Errno;

pub(crate) use nix::unistd::Pid;

/// Kills this process when its parent ends (`PR_SET_PDEATHSIG`, prctl(2)).
///
/// The kernel forgets it when the process changes its user id: call it again after that.
pub(crate) fn die_with_parent() -> Result<(), Errno> {
    hear_of_parents_end(libc::SIGKILL)
}

/// Sends this process a signal when its parent ends (the same), which it may heed.
pub(crate) fn hear_of_parents_end(signal: i32) -> Result<(), Errno> {
    // SAFETY: PR_SET_PDEATHSIG takes an integer and touches no memory of ours.
    let result = unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, signal) };
    Errno::result(result).map(drop)
}

/// Orphans below this process become its children (`PR_SET_CHILD_SUBREAPER`, prctl(2)).
pub(crate) fn adopt_orphans() -> Result<(), Errno> {
    // SAFETY: PR_SET_CHILD_SUBREAPER takes an integer and touches no memory of ours.
    let result = unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1) };
    Errno::result(result).map(drop)
}

/// Sets the name that `ps` and /proc show (at most 15 bytes; `PR_SET_NAME`, prctl(2)).
pub(crate) fn set_name(name: &std::ffi::CStr) {
    // SAFETY: the kernel reads at most 16 bytes of a NUL-terminated string.
    unsafe { libc::prctl(libc::PR_SET_NAME, name.as_ptr()) };
}

/// Ends this process at once: no destructors, no `atexit`.
pub(crate) fn exit_now(code: i32) -> ! {
    // SAFETY: _exit(2) does not return and has no precondition.
    unsafe { libc::_exit(code) }
}

/// Ends this process as `main` does: `atexit` handlers and coverage counters run.
pub(crate) fn exit(code: i32) -> ! {
    // SAFETY: called once, from the guest's only frame that owns the process's end (guest.rs).
    unsafe { libc::exit(code) }
}

/// Number of threads of this process, without reading a directory: the link count of
/// /proc/self/task is two more than its entries. `None` without /proc.
pub(crate) fn threads() -> Option<u64> {
    let stat = nix::sys::stat::stat("/proc/self/task").ok()?;
    Some(stat.st_nlink.saturating_sub(2))
}

/// Sends a signal to the process of a pidfd (pidfd_send_signal(2), Linux 5.1).
pub(crate) fn signal(pidfd: std::os::fd::BorrowedFd<'_>, signal: i32) -> Result<(), Errno> {
    use std::os::fd::AsRawFd;
    let info = std::ptr::null::<libc::siginfo_t>();
    let fd = pidfd.as_raw_fd();
    // SAFETY: a null siginfo means "as kill(2) does".
    let result = unsafe { libc::syscall(libc::SYS_pidfd_send_signal, fd, signal, info, 0) };
    Errno::result(result).map(drop)
}

/// Has this function called when the process ends by `exit` (atexit(3)). False when there is no memory.
pub(crate) fn at_exit(function: extern "C" fn()) -> bool {
    // SAFETY: the function lives as long as the program, and does not unwind.
    unsafe { libc::atexit(function) == 0 }
}
