//! The unsafe calls that the tests need and that nix does not have.
#![expect(unsafe_code, reason = "system calls without a safe wrapper")]

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitStatus};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// Nothing that a test waits for takes this long, on however loaded a machine.
const PATIENCE: u16 = 60_000;

/// Waits until something can be read (or never will); false when nothing comes.
pub fn readable(fd: BorrowedFd<'_>) -> bool {
    let mut fds = [PollFd::new(fd, PollFlags::POLLIN)];
    loop {
        match poll(&mut fds, PollTimeout::from(PATIENCE)) {
            Err(Errno::EINTR) => {}
            answer => return answer.is_ok_and(|count| count > 0),
        }
    }
}

/// Waits until a process has ended; false when it does not. One that is gone already has.
pub fn ends(pid: i32) -> bool {
    match pidfd(pid) {
        Some(pidfd) => readable(pidfd.as_fd()),
        None => true,
    }
}

fn pidfd(pid: i32) -> Option<OwnedFd> {
    // SAFETY: pidfd_open(2) takes two integers.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    let fd = i32::try_from(fd).ok().filter(|fd| *fd >= 0)?;
    // SAFETY: the kernel has just opened it for us.
    Some(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// How a child ended, and the largest resident set (in bytes) that it or a child of its ever had.
#[derive(Debug, Clone, Copy)]
pub struct Ended {
    /// Its wait status.
    pub status: ExitStatus,
    /// Bytes.
    pub maxrss: u64,
}

/// Reaps a child of this process.
///
/// # Errors
/// It is no child of this process.
pub fn reap(pid: i32) -> io::Result<Ended> {
    let mut status = 0;
    // SAFETY: an all-zero rusage is valid.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: `status` and `usage` are valid for writing.
    let result = unsafe { libc::wait4(pid, &raw mut status, 0, &raw mut usage) };
    Errno::result(result)?;
    let maxrss = u64::try_from(usage.ru_maxrss).unwrap_or(0) * 1024;
    Ok(Ended { status: ExitStatus::from_raw(status), maxrss })
}

/// Runs `set_up` in the child, between fork and exec. It must not allocate: the child is a copy of a
/// process with threads.
pub fn before_exec(command: &mut Command, set_up: impl FnMut() -> io::Result<()> + Send + Sync + 'static) {
    // SAFETY: every `set_up` in these tests makes system calls only.
    unsafe { command.pre_exec(set_up) };
}

/// From now on a system call answers with this errno, in this process and all that come from it
/// (seccomp(2), SECCOMP_MODE_FILTER): always, or with a `mask` where its first argument has one of these
/// bits.
///
/// # Errors
/// The kernel's.
pub fn refuse(call: libc::c_long, mask: Option<i32>, errno: i32) -> io::Result<()> {
    const ANSWER: u32 = 0x0005_0000; // SECCOMP_RET_ERRNO
    const ALLOW: u32 = 0x7fff_0000; // SECCOMP_RET_ALLOW
    // Offsets in seccomp_data: the number of the call and the low half of its first argument.
    const NUMBER: u32 = 0;
    const ARGUMENT: u32 = 16;
    let load = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
    let answer = libc::BPF_RET | libc::BPF_K;
    let number = u32::try_from(call).map_err(|_| Errno::EINVAL)?;
    let (test, bits) = mask.map_or((libc::BPF_JGE, 0), |mask| (libc::BPF_JSET, mask.cast_unsigned()));
    let mut filter = [
        line(load, 0, 0, NUMBER),
        line(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 3, number),
        line(load, 0, 0, ARGUMENT),
        line(libc::BPF_JMP | test | libc::BPF_K, 0, 1, bits),
        line(answer, 0, 0, ANSWER | errno.unsigned_abs()),
        line(answer, 0, 0, ALLOW),
    ];
    let program = libc::sock_fprog { len: 6, filter: filter.as_mut_ptr() };
    // SAFETY: PR_SET_NO_NEW_PRIVS takes integers.
    Errno::result(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) })?;
    // SAFETY: the kernel copies the program, which is valid during the call.
    Errno::result(unsafe { libc::prctl(libc::PR_SET_SECCOMP, 2, &raw const program) })?;
    Ok(())
}

fn line(code: u32, jt: u8, jf: u8, k: u32) -> libc::sock_filter {
    // Every code is a few bits.
    libc::sock_filter { code: u16::try_from(code).unwrap_or(0), jt, jf, k }
}

/// As a container's seccomp profile does: clone3, whose flags a filter cannot see, is unknown; clone and
/// unshare make no namespaces.
///
/// # Errors
/// The kernel's.
pub fn refuse_namespaces() -> io::Result<()> {
    let namespaces = libc::CLONE_NEWUSER | libc::CLONE_NEWPID | libc::CLONE_NEWNS | libc::CLONE_NEWUTS;
    refuse(libc::SYS_clone3, None, libc::ENOSYS)?;
    refuse(libc::SYS_clone, Some(namespaces), libc::EPERM)?;
    refuse(libc::SYS_unshare, None, libc::EPERM)
}

/// A System V message queue of this key: made if it is not there.
///
/// # Errors
/// The kernel's.
pub fn make_queue(key: i32) -> io::Result<i32> {
    // SAFETY: msgget(2) takes two integers.
    Ok(Errno::result(unsafe { libc::msgget(key, libc::IPC_CREAT | 0o600) })?)
}

/// Whether there is a System V message queue of this key.
pub fn has_queue(key: i32) -> bool {
    // SAFETY: as above.
    unsafe { libc::msgget(key, 0) >= 0 }
}

/// Removes a System V message queue.
pub fn remove_queue(id: i32) {
    // SAFETY: IPC_RMID does not look at its third argument.
    unsafe { libc::msgctl(id, libc::IPC_RMID, std::ptr::null_mut()) };
}

/// Closes a descriptor by number, and whether it was open.
pub fn close(number: i32) -> bool {
    // SAFETY: only for descriptors that no object of the caller owns.
    unsafe { libc::close(number) == 0 }
}

/// Makes `number` a copy of a descriptor that outlives exec.
///
/// # Errors
/// The kernel's.
pub fn copy_to(fd: BorrowedFd<'_>, number: i32) -> io::Result<()> {
    // SAFETY: the caller chooses a number that is not in use.
    Errno::result(unsafe { libc::dup2(fd.as_raw_fd(), number) })?;
    Ok(())
}

/// Forks; the child calls `child` and exits. Only where one thread runs: in the body of a guest.
///
/// # Errors
/// The kernel's, at a limit of processes.
pub fn fork(child: impl FnOnce()) -> Result<i32, Errno> {
    // SAFETY: the body of a guest has one thread here.
    let pid = Errno::result(unsafe { libc::fork() })?;
    if pid == 0 {
        child();
        // SAFETY: _exit(2) has no precondition; nothing of the copied process may run.
        unsafe { libc::_exit(0) };
    }
    Ok(pid)
}

/// Sets a variable of this process's environment.
///
/// # Safety
/// Not unsafe only because each caller has its process to itself.
pub fn set_variable(name: &str, value: &str) {
    // SAFETY: the callers run alone in a process whose other threads do not touch the environment.
    unsafe { std::env::set_var(name, value) };
}
