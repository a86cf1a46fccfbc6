//! The body against its init.

use harness::isolated;
use nix::sys::ptrace;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getppid};

use crate::hang;

const INIT: Pid = Pid::from_raw(1);

/// The kernel protects pid 1 from its own namespace: the test goes on, and its assertion counts.
#[isolated(pid)]
fn cannot_be_killed_as_pid_1() {
    kill(INIT, Signal::SIGKILL).unwrap();
}

#[isolated(pid)]
fn cannot_be_killed_and_the_assertion_fails() {
    kill(INIT, Signal::SIGKILL).unwrap();
    panic!("still judged");
}

#[isolated(pid)]
fn cannot_be_stopped_as_pid_1() {
    kill(INIT, Signal::SIGSTOP).unwrap();
}

/// A signal to the init is passed on to the body, as every init does.
#[isolated(pid)]
fn passes_signals_on() {
    kill(INIT, Signal::SIGTERM).unwrap();
    hang();
}

#[isolated(pid)]
fn is_told_of_a_child_that_is_none() {
    kill(INIT, Signal::SIGCHLD).unwrap();
}

/// A real-time signal means nothing to it.
#[isolated(pid)]
fn gets_a_real_time_signal() {
    // nix has no name for it.
    let status = std::process::Command::new("sh").args(["-c", "kill -40 1"]).status().unwrap();
    assert!(status.success());
}

/// Without a pid namespace it is a process like others, and with it goes what it would have told.
#[isolated]
fn is_killed() {
    kill(getppid(), Signal::SIGKILL).unwrap();
    hang();
}

#[isolated(timeout = "300ms")]
fn is_stopped() {
    kill(getppid(), Signal::SIGSTOP).unwrap();
}

#[isolated(pid)]
fn traces_the_body_which_stops() {
    ptrace::traceme().unwrap();
    crate::raw::raise(libc::SIGSTOP);
}

/// A traced process stops where it would have died.
#[isolated(pid)]
fn traces_the_body_which_dies() {
    ptrace::traceme().unwrap();
    crate::raw::raise(libc::SIGTERM);
}

#[isolated(pid)]
fn traces_the_body_which_returns() {
    ptrace::traceme().unwrap();
}
