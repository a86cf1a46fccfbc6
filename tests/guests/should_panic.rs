//! `#[should_panic]`: only the right panic is a pass; every other death is none.
#![expect(clippy::exit, reason = "leaving early is one of the cases")]

use harness::isolated;

use crate::{eat, hang, program};

#[isolated(pid)]
#[should_panic]
fn panics() {
    panic!("as it should");
}

#[isolated(pid)]
#[should_panic(expected = "as it")]
fn panics_with_the_message() {
    panic!("as it should");
}

#[isolated(pid)]
#[should_panic(expected = "something else")]
fn panics_with_another_message() {
    panic!("as it should not");
}

#[isolated(pid)]
#[should_panic]
fn panics_with_a_number() {
    std::panic::panic_any(7u32);
}

#[isolated(pid)]
#[should_panic(expected = "7")]
fn a_number_is_no_message() {
    std::panic::panic_any(7u32);
}

#[isolated(pid)]
#[should_panic]
fn does_not_panic() {}

#[isolated(pid)]
#[should_panic]
fn aborts() {
    std::process::abort();
}

#[isolated(pid)]
#[should_panic]
fn exits_101() {
    std::process::exit(101);
}

#[isolated(pid)]
#[should_panic]
fn returns_an_error() -> Result<(), String> {
    Err("an error is no panic".to_owned())
}

#[isolated(pid)]
#[should_panic]
fn segfaults() {
    crate::raw::segfault();
}

#[isolated(pid, mem = "32M")]
#[should_panic]
fn runs_out_of_memory() {
    eat(128);
}

/// The panic is the right one, but the OOM killer was there: not what was to be shown.
#[isolated(pid, mem = "32M")]
#[should_panic(expected = "the child")]
fn panics_about_a_child_out_of_memory() {
    let status = crate::run("hungry", &["--step", "8M", "--pause", "0", "--until", "128M"]);
    assert!(status.success(), "the child died");
}

#[isolated(pid, timeout = "300ms")]
#[should_panic]
fn hangs() {
    hang();
}

#[isolated(pid)]
#[should_panic]
fn panics_and_leaves_a_process() {
    program("sleeper").spawn().expect("the program starts");
    panic!("as it should, but");
}

#[isolated(pid, workdir = "/no/such/directory")]
#[should_panic]
fn never_starts() {
    panic!("not reached");
}
