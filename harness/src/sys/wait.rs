//! Waiting for processes: exact wait statuses and rusage.
//!
//! Our own calls, since nix's `WaitStatus` turns a real-time signal into an error.

use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

use nix::errno::Errno;

use super::process::Pid;
use crate::evidence::{Rusage, WaitStatus};

/// Reaps the process of a pidfd (waitid(2) with P_PIDFD, Linux 5.4). Blocks until it has ended.
///
/// `__WALL`: guests have exit signal 0, which a plain wait does not see.
pub(crate) fn reap(pidfd: BorrowedFd<'_>) -> Result<WaitStatus, Errno> {
    let id = pidfd.as_raw_fd().unsigned_abs();
    // SAFETY: an all-zero siginfo_t is valid.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    loop {
        // SAFETY: `info` is valid for writing.
        let result = unsafe { libc::waitid(libc::P_PIDFD, id, &raw mut info, libc::WEXITED | libc::__WALL) };
        match Errno::result(result) {
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
            Ok(_) => break,
        }
    }
    // SAFETY: waitid succeeded, so the SIGCHLD fields of the union are set.
    let status = unsafe { info.si_status() };
    Ok(match info.si_code {
        libc::CLD_EXITED => WaitStatus::Exited(exit_code(status)),
        code => WaitStatus::Signaled { signal: status, core: code == libc::CLD_DUMPED },
    })
}

/// What one wait for any child saw.
#[derive(Debug)]
pub(crate) enum Child {
    /// This child ended.
    Ended { pid: Pid, status: WaitStatus, rusage: Rusage },
    /// This signal stopped this child.
    Stopped { pid: Pid, signal: i32 },
    /// There are children, all running.
    Running,
    /// There is no child.
    None,
}

/// Reaps any child of this process, without blocking. `ended` is told of one that has ended, while it can still be
/// looked at.
pub(crate) fn any_child(mut ended: impl FnMut(Pid)) -> Result<Child, Errno> {
    loop {
        let (pid, has_ended) = match next_child() {
            Err(Errno::ECHILD) => return Ok(Child::None),
            Err(errno) => return Err(errno),
            Ok(None) => return Ok(Child::Running),
            Ok(Some(next)) => next,
        };
        if has_ended {
            ended(pid);
        }
        // One that was stopped may have been continued: then there may be others.
        if let Some(child) = take(pid)? {
            return Ok(child);
        }
    }
}

/// A child that has stopped, or (true) ended, left as it is (waitid(2) with WNOWAIT).
fn next_child() -> Result<Option<(Pid, bool)>, Errno> {
    // SAFETY: an all-zero siginfo_t is valid.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    let options = libc::WEXITED | libc::WSTOPPED | libc::WNOHANG | libc::WNOWAIT | libc::__WALL;
    // SAFETY: `info` is valid for writing.
    Errno::result(unsafe { libc::waitid(libc::P_ALL, 0, &raw mut info, options) })?;
    // SAFETY: waitid succeeded: the field is set, to 0 where there is none.
    let pid = unsafe { info.si_pid() };
    Ok((pid != 0).then(|| (Pid::from_raw(pid), info.si_code != libc::CLD_STOPPED)))
}

/// What `next_child` saw of this child, consumed (wait4(2)).
fn take(pid: Pid) -> Result<Option<Child>, Errno> {
    let mut status = 0;
    // SAFETY: an all-zero rusage is valid.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    let options = libc::WNOHANG | libc::WUNTRACED | libc::__WALL;
    // SAFETY: `status` and `usage` are valid for writing.
    let pid = unsafe { libc::wait4(pid.as_raw(), &raw mut status, options, &raw mut usage) };
    let pid = Errno::result(pid)?;
    Ok((pid != 0).then(|| child(Pid::from_raw(pid), status, &usage)))
}

fn child(pid: Pid, status: i32, usage: &libc::rusage) -> Child {
    if libc::WIFSTOPPED(status) {
        return Child::Stopped { pid, signal: libc::WSTOPSIG(status) };
    }
    let status = if libc::WIFSIGNALED(status) {
        WaitStatus::Signaled { signal: libc::WTERMSIG(status), core: libc::WCOREDUMP(status) }
    } else {
        WaitStatus::Exited(exit_code(libc::WEXITSTATUS(status)))
    };
    Child::Ended { pid, status, rusage: rusage(usage) }
}

/// The kernel keeps eight bits of an exit code.
fn exit_code(status: i32) -> u8 {
    u8::try_from(status & 0xff).unwrap_or(u8::MAX)
}

fn rusage(usage: &libc::rusage) -> Rusage {
    let count = |value: libc::c_long| u64::try_from(value).unwrap_or(0);
    Rusage {
        user: duration(usage.ru_utime),
        system: duration(usage.ru_stime),
        maxrss: count(usage.ru_maxrss) * 1024,
        minor_faults: count(usage.ru_minflt),
        major_faults: count(usage.ru_majflt),
        blocks_in: count(usage.ru_inblock),
        blocks_out: count(usage.ru_oublock),
        voluntary_switches: count(usage.ru_nvcsw),
        involuntary_switches: count(usage.ru_nivcsw),
    }
}

fn duration(time: libc::timeval) -> Duration {
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let micros = u64::try_from(time.tv_usec).unwrap_or(0);
    Duration::from_secs(seconds) + Duration::from_micros(micros)
}
