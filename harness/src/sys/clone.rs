//! Making processes: the zygote, the guest and the body.
//!
//! All three copies are made while the caller has one thread, so the child may allocate, lock and
//! start threads. Raw clone3 bypasses glibc's fork: the thread id that glibc caches is refreshed by the
//! kernel itself (`CLONE_CHILD_SETTID` at the address of `PR_GET_TID_ADDRESS`), as fork does.

use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use nix::errno::Errno;

use super::process::Pid;

/// Which side of a clone this is.
#[derive(Debug)]
pub(crate) enum Side {
    /// The new process.
    Child,
    /// The caller, with the child's pid and pidfd.
    Parent { pid: Pid, pidfd: OwnedFd },
}

/// What a clone is asked for.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Request<'fd> {
    /// `CLONE_NEW*` and `CLONE_PARENT`.
    pub(crate) flags: u64,
    /// Signal to the parent at the child's end; 0 hides the child from a plain wait(2).
    pub(crate) exit_signal: i32,
    /// A v2 cgroup directory for `CLONE_INTO_CGROUP` (Linux 5.7).
    pub(crate) cgroup: Option<BorrowedFd<'fd>>,
}

/// Copies this process (clone3(2), Linux 5.3; clone(2) where seccomp answers ENOSYS, as Docker's
/// profile and valgrind do).
///
/// # Errors
/// The kernel's errno: EPERM without privilege, ENOSPC at `max_*_namespaces`, EAGAIN at a pids limit.
pub(crate) fn clone(request: Request<'_>) -> Result<Side, Errno> {
    debug_assert!(super::process::threads().is_none_or(|count| count <= 1), "clone with threads");
    match clone3(request) {
        Err(Errno::ENOSYS) if request.cgroup.is_none() => old_clone(request),
        answer => answer,
    }
}

/// Copies this process with the C library's fork: right on musl too, where a raw clone leaves a stale
/// thread id. For the body.
pub(crate) fn fork() -> Result<Option<Pid>, Errno> {
    // SAFETY: the caller (init.rs) has one thread, so the child may do anything.
    let pid = Errno::result(unsafe { libc::fork() })?;
    Ok((pid != 0).then(|| Pid::from_raw(pid)))
}

/// The kernel's `struct clone_args` up to `cgroup` (Linux 5.7, CLONE_ARGS_SIZE_VER2).
#[repr(C)]
#[derive(Default)]
struct CloneArgs {
    flags: u64,
    pidfd: u64,
    child_tid: u64,
    parent_tid: u64,
    exit_signal: u64,
    stack: u64,
    stack_size: u64,
    tls: u64,
    set_tid: u64,
    set_tid_size: u64,
    cgroup: u64,
}

/// `CLONE_ARGS_SIZE_VER0`: what a 5.3 kernel knows; enough without a cgroup.
const VERSION_0: usize = 64;

fn clone3(request: Request<'_>) -> Result<Side, Errno> {
    let mut pidfd: libc::c_int = -1;
    let mut args = CloneArgs {
        flags: request.flags | libc::CLONE_PIDFD as u64,
        pidfd: address(&raw mut pidfd),
        exit_signal: u64::from(request.exit_signal.unsigned_abs()),
        ..CloneArgs::default()
    };
    if let Some(tid) = cached_tid() {
        args.flags |= (libc::CLONE_CHILD_SETTID | libc::CLONE_CHILD_CLEARTID) as u64;
        args.child_tid = tid;
    }
    let mut size = VERSION_0;
    if let Some(cgroup) = request.cgroup {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = u64::from(cgroup.as_raw_fd().unsigned_abs());
        size = size_of::<CloneArgs>();
    }
    // SAFETY: `args` outlives the call and names only memory of ours; without a stack of its own the
    // child goes on here, on a copy of this stack, in a process with one thread (checked by `clone`).
    let pid = unsafe { libc::syscall(libc::SYS_clone3, &raw const args, size) };
    side(pid, pidfd)
}

/// `CLONE_INTO_CGROUP` of linux/sched.h; the libc crate's constant overflows its type.
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;

fn old_clone(request: Request<'_>) -> Result<Side, Errno> {
    let mut pidfd: libc::c_int = -1;
    let flags = request.flags | libc::CLONE_PIDFD as u64 | u64::from(request.exit_signal.unsigned_abs());
    // clone(2) orders (ptid, ctid, tls) differently by architecture; only ptid, in the same place
    // everywhere, is used: with CLONE_PIDFD it takes the pidfd.
    // SAFETY: a null stack means a copy of this one; `pidfd` outlives the call.
    let pid = unsafe { libc::syscall(libc::SYS_clone, flags, 0usize, &raw mut pidfd, 0usize, 0usize) };
    side(pid, pidfd)
}

fn side(pid: libc::c_long, pidfd: libc::c_int) -> Result<Side, Errno> {
    match Errno::result(pid)? {
        0 => Ok(Side::Child),
        pid => {
            // SAFETY: the kernel has just opened it for us (CLONE_PIDFD).
            let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
            let pid = libc::pid_t::try_from(pid).map_err(|_| Errno::EOVERFLOW)?;
            Ok(Side::Parent { pid: Pid::from_raw(pid), pidfd })
        }
    }
}

/// Where glibc caches the thread id of the main thread; the kernel knows since `set_tid_address`.
/// `None` on musl (its cache lies elsewhere) and on kernels without CONFIG_CHECKPOINT_RESTORE.
fn cached_tid() -> Option<u64> {
    if !cfg!(target_env = "gnu") {
        return None;
    }
    let mut tid: u64 = 0;
    // SAFETY: PR_GET_TID_ADDRESS writes one pointer to `tid`.
    let result = unsafe { libc::prctl(PR_GET_TID_ADDRESS, &raw mut tid) };
    (result == 0 && tid != 0).then_some(tid)
}

/// `PR_GET_TID_ADDRESS` of linux/prctl.h.
const PR_GET_TID_ADDRESS: libc::c_int = 40;

fn address<T>(pointer: *mut T) -> u64 {
    pointer.addr() as u64
}
