//! Signals of a guest reach the guest, and those of the runner's terminal leave no trace in it.

use harness::isolated;
use harness_tests::{outside, sys};
use nix::sys::signal::{SigHandler, Signal, kill, signal};
use nix::unistd::{Pid, getpgrp, getpid};

/// Its own group: neither init nor runner is in it.
#[isolated(pid, expect = signal(SIGTERM))]
fn a_signal_to_its_group_reaches_the_body_only() {
    assert_eq!(getpgrp(), getpid());
    kill(Pid::from_raw(0), Signal::SIGTERM).unwrap();
}

#[isolated(expect = signal(SIGTERM))]
fn a_signal_to_its_group_without_a_pid_namespace() {
    kill(Pid::from_raw(0), Signal::SIGTERM).unwrap();
}

/// All but the init and itself, as the kernel does it: this test would not return else.
#[isolated(pid)]
fn a_signal_to_everybody_stays_in_the_pid_namespace() {
    let child = sys::fork(|| {
        loop {
            nix::unistd::pause();
        }
    });
    kill(Pid::from_raw(-1), Signal::SIGKILL).unwrap();
    assert!(sys::ends(child.unwrap()));
    assert_eq!(outside::field(1, "Name:").as_deref(), Some("harness-init"));
}

#[isolated(pid)]
fn nothing_is_blocked_and_only_sigpipe_ignored() {
    let own = getpid().as_raw();
    assert_eq!(outside::field(own, "SigBlk:").as_deref(), Some("0000000000000000"));
    let ignored = u64::from_str_radix(&outside::field(own, "SigIgn:").unwrap(), 16).unwrap();
    // Of the signals of signal(7), without those that the C library keeps to itself (32, 33).
    assert_eq!(ignored & 0x7fff_ffff, 1 << (libc::SIGPIPE - 1), "{ignored:x}");
    assert_eq!(outside::field(own, "SigPnd:").as_deref(), Some("0000000000000000"));
}

/// A write to a pipe without a reader is an error, as in every Rust program.
#[isolated(pid)]
fn sigpipe_is_an_error() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let written = std::io::Write::write(&mut &writer, b"x").map_err(|error| error.kind());
    assert_eq!(written, Err(std::io::ErrorKind::BrokenPipe));
}

/// Where a body is an ordinary process, default actions are those of one.
#[isolated(pid, expect = signal(SIGALRM))]
#[expect(unsafe_code, reason = "signal(2) with the default action has no safe wrapper")]
fn default_actions_kill() {
    // SAFETY: no handler is installed.
    unsafe { signal(Signal::SIGALRM, SigHandler::SigDfl) }.unwrap();
    nix::sys::signal::raise(Signal::SIGALRM).unwrap();
}
