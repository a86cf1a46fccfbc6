//! `expect = ...`: that ending passes, and every other one fails, passing included.
#![expect(clippy::exit, reason = "leaving early is the point")]

use std::process::{ExitCode, exit};

use harness::isolated;

use crate::raw::{raise, segfault};
use crate::{eat, hang, program, run};

#[isolated(pid, expect = exit(3))]
fn exit_3() {
    exit(3);
}

#[isolated(pid, expect = exit(0))]
fn exit_0() {
    exit(0);
}

#[isolated(pid, expect = exit(3))]
fn exit_4_is_another() {
    exit(4);
}

#[isolated(pid, expect = exit(3))]
fn returning_is_no_exit() {}

#[isolated(pid, expect = exit(3))]
fn returning_3_is_no_exit() -> ExitCode {
    ExitCode::from(3)
}

#[isolated(pid, expect = exit(101))]
fn panicking_is_no_exit() {
    panic!("exits 101 as well");
}

#[isolated(pid, expect = exit(3))]
fn exit_3_and_a_process_left() {
    program("sleeper").spawn().unwrap();
    exit(3);
}

#[isolated(pid, expect = signal(SIGSEGV))]
fn segfaults() {
    segfault();
}

#[isolated(pid, expect = signal(SIGABRT))]
fn aborts() {
    std::process::abort();
}

#[isolated(pid, expect = signal(SIGSEGV))]
fn aborting_is_no_segfault() {
    std::process::abort();
}

#[isolated(pid, expect = signal(SIGSEGV))]
fn passing_is_no_segfault() {}

/// A child's death is not the body's.
#[isolated(pid, expect = signal(SIGSEGV))]
fn a_child_segfaults() {
    run("segfault", &[]);
}

#[isolated(pid, expect = signal(SIGKILL), mem = "32M")]
fn an_oom_kill_is_no_sigkill() {
    eat(128);
}

#[isolated(pid, expect = oom, mem = "32M")]
fn oom() {
    eat(128);
}

#[isolated(pid, expect = oom, mem = "32M")]
fn oom_of_a_child() {
    run("hungry", &["--step", "8M", "--pause", "0", "--until", "128M"]);
}

#[isolated(pid, expect = oom, mem = "32M", env = "RUST_BACKTRACE=0")]
fn oom_of_a_child_and_a_failed_assertion() {
    run("hungry", &["--step", "8M", "--pause", "0", "--until", "128M"]);
    panic!("an assertion that does not hold");
}

/// A backtrace with symbols takes more memory than is left: the OOM kill is no part of the test.
#[isolated(pid, expect = oom, mem = "16M", env = "RUST_BACKTRACE=1")]
fn panicking_is_no_oom() {
    let _held = eat(14);
    panic!("an assertion that does not hold");
}

#[isolated(pid, expect = oom, mem = "64M")]
fn passing_is_no_oom() {
    eat(1);
}

#[isolated(pid, expect = oom, mem = "64M")]
fn sigkill_is_no_oom() {
    raise(libc::SIGKILL);
}

#[isolated(pid, expect = timeout, timeout = "300ms")]
fn timeout() {
    hang();
}

#[isolated(pid, expect = timeout, cpu_time = "200ms")]
fn cpu_time() {
    run("spin", &[]);
}

#[isolated(pid, expect = timeout, timeout = "60s")]
fn passing_is_no_timeout() {}

#[isolated(pid, expect = timeout, timeout = "60s")]
fn panicking_is_no_timeout() {
    panic!("before the deadline");
}
