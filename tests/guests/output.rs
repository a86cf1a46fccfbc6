//! What the guest writes is the test's output.

use harness::isolated;

use crate::run;

#[isolated(pid)]
fn of_a_failing_test() {
    println!("a line on stdout");
    eprintln!("a line on stderr");
    panic!("and the end");
}

#[isolated(pid)]
fn of_a_child_of_a_failing_test() {
    run("hungry", &["--step", "1M", "--pause", "0", "--until", "3M"]);
    panic!("after the meal");
}

#[isolated(pid)]
fn without_a_line_end() {
    print!("no newline here");
    panic!("and the end");
}

#[isolated(pid)]
fn before_a_signal() {
    println!("the last words");
    crate::raw::raise(libc::SIGKILL);
}

#[isolated(pid, timeout = "300ms")]
fn before_a_timeout() {
    println!("what it was about to do");
    crate::hang();
}

#[isolated(pid)]
fn that_is_no_text() {
    crate::raw::write(1, &[0xff, 0xfe, 0, b'\n']);
    panic!("after bytes");
}

/// More than pipes and captures hold.
#[isolated(pid)]
fn a_flood() {
    assert!(run("flood_stdout", &["--bytes", "8M"]).success());
}
