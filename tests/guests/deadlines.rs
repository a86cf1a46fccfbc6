//! `timeout` and `cpu_time`.

use harness::isolated;
use nix::sys::signal::{SigSet, SigmaskHow, sigprocmask};

use crate::{hang, program, run};

#[isolated(pid, timeout = "60s", cpu_time = "60s")]
fn ends_in_time() {}

#[isolated(pid, timeout = "300ms")]
fn hangs() {
    hang();
}

#[isolated(timeout = "300ms")]
fn hangs_without_a_namespace() {
    hang();
}

#[isolated(pid, timeout = "300ms")]
fn hangs_with_every_signal_blocked() {
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::all()), None).unwrap();
    hang();
}

// What the child is called is looked at: it has the time to become that on a loaded machine, too.
#[isolated(pid, timeout = "2s")]
fn waits_for_a_child_that_ignores_sigterm() {
    run("ignore_sigterm", &[]);
}

#[isolated(pid, timeout = "2s")]
fn waits_for_a_daemon() {
    run("double_fork", &[]);
    hang();
}

#[isolated(timeout = "2s")]
fn waits_for_a_child_without_a_namespace() {
    run("ignore_sigterm", &[]);
}

#[isolated(pid, cpu_time = "200ms")]
fn spins() {
    loop {
        std::hint::spin_loop();
    }
}

#[isolated(pid, cpu_time = "200ms")]
fn a_child_spins() {
    run("spin", &[]);
}

#[isolated(pid, cpu_time = "200ms")]
fn a_child_nobody_waits_for_spins() {
    program("spin").spawn().unwrap();
    hang();
}

/// Waiting takes no processor time.
#[isolated(pid, cpu_time = "10s")]
fn waits_and_does_not_spin() {
    assert!(run("sleeper", &["--seconds", "0.3"]).success());
}

#[isolated(pid, rlimit(cpu = 1))]
fn spins_under_an_rlimit() {
    loop {
        std::hint::spin_loop();
    }
}
