//! Guests whose runner is killed, or ends, while they run.

use std::process::Command;
use std::thread;

use harness::isolated;
use harness_tests::{gate, sys};

/// A body, its child, and a daemon in a session of its own.
fn crowd() -> ! {
    let daemon = format!("echo daemon >{}/crowd.here; exec sleep 1000", gate::directory().display());
    Command::new("setsid").args(["--fork", "sh", "-c", &daemon]).status().unwrap();
    sys::fork(|| {
        loop {
            nix::unistd::pause();
        }
    })
    .unwrap();
    gate::tell("crowd", "body");
    loop {
        nix::unistd::pause();
    }
}

#[isolated(pid)]
fn with_a_pid_namespace() {
    crowd();
}

#[isolated(uts)]
fn without_a_pid_namespace() {
    crowd();
}

#[isolated(pid1)]
fn as_pid_1() {
    crowd();
}

/// Those above have no leaf, lest the sweep of another runner kills them, and not the end of their own.
#[isolated(mem = "100M")]
fn in_a_leaf() {
    crowd();
}

/// The runner ends by itself while its guest runs.
#[test]
fn runner_exits() {
    exits_beside(in_a_leaf);
}

#[test]
fn runner_exits_without_a_leaf() {
    exits_beside(without_a_pid_namespace);
}

#[expect(clippy::exit, reason = "what these tests are for")]
fn exits_beside(guest: fn()) {
    thread::spawn(guest);
    gate::wait("exit");
    std::process::exit(7);
}

/// The runner dies of a panic in a panic.
#[test]
fn runner_aborts() {
    thread::spawn(without_a_pid_namespace);
    gate::wait("exit");
    std::process::abort();
}

/// A copy of the runner, which is no program of its own, has open all that the runner has.
fn beside_a_copy(guest: fn()) {
    thread::spawn(guest);
    gate::wait("copy");
    sys::fork(|| {
        // If nobody opens the gate.
        nix::unistd::alarm::set(300);
        gate::arrive("exit", "copy");
    })
    .unwrap();
    loop {
        nix::unistd::pause();
    }
}

#[test]
fn beside_a_copy_of_the_runner() {
    beside_a_copy(without_a_pid_namespace);
}

#[test]
fn beside_a_copy_of_the_runner_with_a_pid_namespace() {
    beside_a_copy(with_a_pid_namespace);
}

/// What a later runner does.
#[isolated(pid, mem = "100M")]
fn next() {}

#[isolated(pid, uts)]
fn next_without_a_leaf() {}
