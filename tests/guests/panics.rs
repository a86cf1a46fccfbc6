//! Panics of the body's main thread.
#![expect(clippy::exit, reason = "a panic hook that leaves early is one of the cases")]

use std::panic::{catch_unwind, panic_any, resume_unwind, set_hook};

use harness::isolated;

use crate::eat;

/// Panics when it is dropped.
struct Bomb(&'static str);

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("{}", self.0);
    }
}

#[isolated(pid)]
fn panics() {
    let found = 2 + 2;
    assert_eq!(found, 5, "arithmetic of the guest");
}

#[isolated]
fn panics_without_a_namespace() {
    panic!("in the open");
}

#[isolated(pid)]
fn panics_with_a_number() {
    panic_any(7u32);
}

#[isolated(pid)]
fn panics_with_ten_megabytes() {
    panic!("begin{}", "x".repeat(10 << 20));
}

#[isolated(pid)]
fn panics_with_a_payload_that_panics() {
    panic_any(Bomb("the payload's drop"));
}

#[isolated(pid)]
fn panics_in_drop() {
    let _bomb = Bomb("the value's drop");
}

#[isolated(pid)]
fn panics_while_panicking() {
    let _bomb = Bomb("the second");
    panic!("the first");
}

#[isolated(pid)]
fn panics_where_nothing_may_unwind() {
    extern "C" fn callback() {
        panic!("out of C");
    }
    callback();
}

#[isolated(pid, env = "RUST_BACKTRACE=1")]
fn panics_with_a_backtrace() {
    panic!("with a backtrace");
}

/// Symbols take more memory than is left here: some megabytes.
#[isolated(pid, mem = "16M", env = "RUST_BACKTRACE=1")]
fn panics_with_a_backtrace_that_does_not_fit() {
    let _held = eat(14);
    panic!("without a backtrace");
}

/// No hook is called: there is neither text nor place.
#[isolated(pid)]
fn resumes_a_panic() {
    resume_unwind(Box::new("resumed".to_owned()));
}

#[isolated(pid)]
fn the_panic_hook_exits_0() {
    set_hook(Box::new(|_| std::process::exit(0)));
    panic!("hidden by the hook");
}

#[isolated(pid)]
fn the_panic_hook_says_nothing() {
    set_hook(Box::new(|_| {}));
    panic!("silent");
}

#[isolated(pid)]
fn the_panic_hook_panics() {
    set_hook(Box::new(|_| panic!("in the hook")));
    panic!("the first");
}

/// As in a plain test: who catches a panic has dealt with it.
#[isolated(pid)]
fn catches_its_panic() {
    assert!(catch_unwind(|| panic!("caught")).is_err());
}

#[isolated(pid)]
fn catches_one_and_panics_again() {
    drop(catch_unwind(|| panic!("the caught one")));
    panic!("the real one");
}
