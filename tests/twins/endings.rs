//! Guests of every ending, to see what they leave behind.

use std::panic::catch_unwind;
use std::process::Command;

use harness::isolated;
use harness_tests::sys;

/// All of them, one after the other, in this thread.
pub(crate) fn all() {
    for test in [passes, panics, exits, is_killed, runs_out_of_memory, times_out, leaves_a_process] {
        // Most of them must fail.
        drop(catch_unwind(test));
    }
    drop(catch_unwind(leaves_a_daemon));
    drop(catch_unwind(does_not_start));
}

#[isolated(pid, uts, ipc, net, cgroup, time, mem = "100M", rootfs, tmpfs = "/mnt:1M")]
fn passes() {
    let file = tempfile::NamedTempFile::new_in("/mnt").unwrap();
    // Left behind on purpose.
    drop(file.keep());
}

#[isolated(pid, mem = "100M")]
fn panics() {
    panic!("on purpose");
}

#[isolated(pid, mem = "100M")]
#[expect(clippy::exit, reason = "what this guest is for")]
fn exits() {
    std::process::exit(3);
}

#[isolated(mem = "100M")]
fn is_killed() {
    nix::sys::signal::raise(nix::sys::signal::Signal::SIGKILL).unwrap();
}

#[isolated(pid, mem = "16M")]
fn runs_out_of_memory() {
    std::hint::black_box(vec![1_u8; 64 << 20]);
}

#[isolated(pid, mem = "100M", timeout = "50ms")]
fn times_out() {
    std::thread::park();
}

#[isolated(pid, mem = "100M")]
fn leaves_a_process() {
    sleeper();
}

/// Without a pid namespace, in a session of its own, whose parent is gone.
#[isolated(mem = "100M", leaks = allow)]
fn leaves_a_daemon() {
    Command::new("setsid").args(["--fork", "sleep", "1000"]).status().unwrap();
    sleeper();
}

#[isolated(pid, mem = "100M", workdir = "/there/is/no/such/directory")]
fn does_not_start() {}

fn sleeper() {
    sys::fork(|| {
        loop {
            nix::unistd::pause();
        }
    })
    .unwrap();
}
