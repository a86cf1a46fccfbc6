//! Signals that the body sends to itself, or that its mistakes bring it.

use harness::isolated;

use crate::raw::{default_action, illegal_instruction, raise, segfault};
use crate::{always, hang};

#[isolated(pid)]
fn sigkill() {
    raise(libc::SIGKILL);
}

#[isolated]
fn sigkill_without_a_namespace() {
    raise(libc::SIGKILL);
}

#[isolated(pid)]
fn sigterm() {
    raise(libc::SIGTERM);
}

#[isolated(pid)]
fn sigint() {
    raise(libc::SIGINT);
}

#[isolated(pid)]
fn sighup() {
    raise(libc::SIGHUP);
}

#[isolated(pid)]
fn sigusr1() {
    raise(libc::SIGUSR1);
}

#[isolated(pid)]
fn a_real_time_signal() {
    raise(libc::SIGRTMIN() + 3);
}

#[isolated(pid)]
fn an_alarm() {
    nix::unistd::alarm::set(1);
    hang();
}

/// Nobody is there who could wake it.
#[isolated(pid)]
fn stops_itself() {
    raise(libc::SIGSTOP);
}

#[isolated(pid)]
fn stops_itself_as_a_terminal_would() {
    default_action(libc::SIGTSTP);
    raise(libc::SIGTSTP);
}

/// Without a pid namespace anybody could wake it: the deadline decides.
#[isolated(timeout = "300ms")]
fn stops_itself_without_a_namespace() {
    raise(libc::SIGSTOP);
}

#[isolated(pid)]
fn stops_itself_and_is_woken_by_a_child() {
    use nix::sys::signal::{Signal, kill};
    let body = nix::unistd::getpid();
    let Some(waker) = crate::raw::fork() else {
        let stat = || std::fs::read_to_string(format!("/proc/{body}/stat")).unwrap_or_default();
        while !stat().contains(") T ") {
            std::thread::yield_now();
        }
        kill(body, Signal::SIGCONT).unwrap();
        crate::raw::exit_now(0);
    };
    raise(libc::SIGSTOP);
    crate::raw::wait(waker);
}

#[isolated(pid)]
fn aborts() {
    std::process::abort();
}

#[isolated(pid)]
fn segfaults() {
    segfault();
}

#[isolated(pid)]
fn sends_itself_sigsegv() {
    raise(libc::SIGSEGV);
}

#[isolated(pid)]
fn an_illegal_instruction() {
    illegal_instruction();
}

#[isolated(pid)]
fn overflows_its_stack() {
    recurse(1);
}

#[isolated(pid)]
fn writes_to_a_closed_pipe_at_default() {
    default_action(libc::SIGPIPE);
    write_to_closed_pipe();
}

/// As std starts programs: an error instead of a signal.
#[isolated(pid)]
fn writes_to_a_closed_pipe() {
    assert_eq!(write_to_closed_pipe(), std::io::ErrorKind::BrokenPipe);
}

#[isolated(pid, tmpfs = "/mnt", rlimit(fsize = "1M"))]
fn writes_a_file_that_is_too_large() {
    std::fs::write("/mnt/large", vec![0; 2 << 20]).unwrap();
}

#[isolated(pid)]
fn a_system_call_that_seccomp_forbids() {
    crate::raw::strict_seccomp();
}

#[isolated(pid)]
fn kills_its_process_group() {
    use nix::sys::signal::{Signal, killpg};
    killpg(nix::unistd::getpgrp(), Signal::SIGKILL).unwrap();
}

/// `kill(-1, ..)` spares the sender and pid 1 (kill(2)): the twin of the one above.
#[isolated(pid)]
fn kills_all_others() {
    use nix::sys::signal::{Signal, kill};
    let mut child = crate::program("ignore_sigterm").spawn().unwrap();
    kill(nix::unistd::Pid::from_raw(-1), Signal::SIGKILL).unwrap();
    assert_eq!(child.wait().unwrap().code(), None);
}

/// Recurses until the stack is full.
pub(crate) fn recurse(level: u64) -> u64 {
    let frame = std::hint::black_box([level; 128]);
    if always() { recurse(level + 1) + frame[7] } else { 0 }
}

fn write_to_closed_pipe() -> std::io::ErrorKind {
    use std::io::Write;
    let (reader, mut writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.write_all(b"x").unwrap_err().kind()
}
