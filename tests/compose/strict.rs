//! What the attribute writes is clean under the strictest lints, with every argument that the macro has a
//! text of its own for.

#![forbid(unsafe_code)]
#![deny(
    warnings,
    missing_docs,
    unused,
    unreachable_pub,
    missing_debug_implementations,
    clippy::all,
    clippy::pedantic
)]

use harness::isolated;
use std::num::ParseIntError;
use std::process::Termination;

#[isolated]
fn nothing_asked_for() {
    assert_ne!(std::process::id(), 0);
}

#[isolated(pid, uts, hostname = "box", mem = "100M", pids = 20, env = "A=1", leaks = warn)]
fn much_asked_for() {
    assert_eq!(std::process::id(), 2);
    assert_eq!(std::env::var("A").as_deref(), Ok("1"));
}

#[isolated(
    pid,
    mem = "100M",
    swap = 0,
    pids = 20,
    cpu = 1,
    cpuset = "0",
    timeout = "9s",
    cpu_time = "9s",
    rlimit(core = 0)
)]
fn every_limit() {}

#[isolated(pid, rlimit(nofile = 64, stack = unlimited))]
fn rlimits() {}

#[isolated(pid1)]
fn is_pid_1() {
    assert_eq!(std::process::id(), 1);
}

#[isolated(pid)]
fn result() -> Result<(), ParseIntError> {
    let two: u32 = "2".parse()?;
    assert_eq!(std::process::id(), two);
    Ok(())
}

#[isolated(pid)]
fn termination() -> impl Termination {
    assert_eq!(std::process::id(), 2);
}

#[isolated(pid)]
#[should_panic(expected = "boom")]
fn panics() {
    panic!("boom");
}

#[isolated(pid, expect = signal(SIGABRT))]
fn aborts() {
    std::process::abort();
}

/// A name of the user's that the attribute might have for itself.
const SPEC: &str = "mine";

#[isolated(pid)]
fn names_of_the_module() {
    assert_eq!(SPEC, "mine");
}

#[isolated(pid)]
#[should_panic(expected = "boom")]
fn never_returns() -> ! {
    panic!("boom")
}

#[isolated(pid)]
fn attributes_inside() {
    //! Of the function, and a lint.
    #![expect(unused_variables, reason = "what is inside applies to the body")]
    let unused = 1;
    assert_eq!(std::process::id(), 2);
}
