//! The unsafe calls that the tests need and that nix does not have.
#![expect(unsafe_code, reason = "system calls without a safe wrapper")]

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// Nothing that a test waits for takes this long, on however loaded a machine: in milliseconds.
///
/// `HARNESS_PATIENCE=10` makes it ten times as long, where a processor is emulated.
fn patience() -> PollTimeout {
    let factor = std::env::var("HARNESS_PATIENCE").ok().and_then(|factor| factor.parse().ok());
    PollTimeout::try_from(60_000_i32.saturating_mul(factor.unwrap_or(1))).unwrap_or(PollTimeout::MAX)
}

/// The same, for those who do not poll(2).
pub(crate) fn patience_in_all() -> Duration {
    patience().as_millis().map_or(Duration::MAX, |milliseconds| Duration::from_millis(milliseconds.into()))
}

/// Waits until something can be read (or never will); false when nothing comes.
pub fn readable(fd: BorrowedFd<'_>) -> bool {
    let mut fds = [PollFd::new(fd, PollFlags::POLLIN)];
    loop {
        match poll(&mut fds, patience()) {
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

/// Loads a seccomp filter for this thread and all that comes from it (seccomp(2)).
///
/// # Errors
/// The kernel's; EINVAL for a program that is none.
pub fn load_filter(program: &[libc::sock_filter]) -> io::Result<()> {
    let len = u16::try_from(program.len()).map_err(|_| Errno::EINVAL)?;
    // The kernel only reads it, whatever the type says.
    let program = libc::sock_fprog { len, filter: program.as_ptr().cast_mut() };
    // SAFETY: PR_SET_NO_NEW_PRIVS takes integers.
    Errno::result(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) })?;
    // SAFETY: the kernel copies the program, which is valid during the call.
    Errno::result(unsafe { libc::prctl(libc::PR_SET_SECCOMP, 2, &raw const program) })?;
    Ok(())
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

/// Sets an extended attribute (setxattr(2)).
///
/// # Errors
/// The kernel's.
pub fn set_xattr(path: &std::path::Path, name: &std::ffi::CStr, value: &[u8]) -> io::Result<()> {
    let path = std::ffi::CString::new(path.as_os_str().as_encoded_bytes())?;
    let (name, bytes) = (name.as_ptr(), value.as_ptr().cast());
    // SAFETY: two NUL-terminated strings, and a value that is valid for its own length.
    Errno::result(unsafe { libc::setxattr(path.as_ptr(), name, bytes, value.len(), 0) })?;
    Ok(())
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

/// The value of an extended attribute of what stands there, a link not followed (lgetxattr(2)); none without it.
pub fn xattr(path: &Path, name: &CStr) -> Option<Vec<u8>> {
    let path = CString::new(path.as_os_str().as_bytes()).ok()?;
    let mut value = vec![0_u8; 256];
    // SAFETY: two NUL-terminated strings, and a buffer that is valid for its own length.
    let length =
        unsafe { libc::lgetxattr(path.as_ptr(), name.as_ptr(), value.as_mut_ptr().cast(), value.len()) };
    value.truncate(usize::try_from(length).ok()?);
    Some(value)
}

/// Whether the dynamic loader finds this library.
pub fn loads(library: &CStr) -> bool {
    // SAFETY: a NUL-terminated string; a library's constructors are its own affair.
    let handle = unsafe { libc::dlopen(library.as_ptr(), libc::RTLD_NOW) };
    !handle.is_null()
}

/// Whether libc can convert text between these encodings.
pub fn converts(from: &CStr, to: &CStr) -> bool {
    // SAFETY: NUL-terminated strings.
    let descriptor = unsafe { libc::iconv_open(to.as_ptr(), from.as_ptr()) };
    // What it answers in place of a descriptor.
    descriptor.addr() != usize::MAX
}
