//! Alone, and with what the standard library knows.

use crate::here::ran;
use harness::isolated;
use std::error::Error;
use std::process::{ExitCode, Termination};

#[isolated(pid)]
fn alone() {
    ran!("alone");
}

#[harness::isolated(pid)]
fn by_path() {
    ran!("by_path");
}

use harness::isolated as boxed;

#[test]
#[boxed(pid)]
fn renamed_below_test() {
    ran!("renamed_below_test");
}

#[isolated(pid)]
#[test]
fn above_test() {
    ran!("above_test");
}

#[test]
#[isolated(pid)]
fn below_test() {
    ran!("below_test");
}

/// With a comment, `#[ignore]` in it.
#[test]
// #[ignore] is not here either
#[expect(unused_variables, reason = "brackets ] in \" a string")]
#[isolated(pid)]
/// And another one.
fn below_test_and_comments() {
    let unused = 1;
    ran!("below_test_and_comments");
}

/// In a comment it is none:
/// #[test]
// #[test]
#[isolated(pid)]
fn below_a_commented_test() {
    ran!("below_a_commented_test");
}

/*
#[test]
fn in_a_comment() {}

#[test]
// */
#[isolated(pid)]
fn below_the_end_of_a_comment() {
    ran!("below_the_end_of_a_comment");
}

/// Other names for us, one of which is somebody else's.
mod imported {
    use super::ran;
    use harness::isolated as test;

    #[test(pid)]
    fn as_test() {
        ran!("as_test");
    }
}

#[isolated(pid)]
#[should_panic(expected = "boom 42")]
fn above_should_panic() {
    ran!("above_should_panic");
    panic!("boom {}", 42);
}

#[should_panic(expected = "boom 42")]
#[isolated(pid)]
fn below_should_panic() {
    ran!("below_should_panic");
    panic!("boom {}", 42);
}

#[test]
#[should_panic(expected = "boom")]
#[isolated(pid)]
fn test_should_panic_isolated() {
    ran!("test_should_panic_isolated");
    panic!("boom");
}

#[isolated(pid)]
#[test]
#[should_panic(expected = "boom")]
fn isolated_test_should_panic() {
    ran!("isolated_test_should_panic");
    panic!("boom");
}

#[should_panic(expected = "boom")]
#[isolated(pid)]
#[test]
fn should_panic_isolated_test() {
    ran!("should_panic_isolated_test");
    panic!("boom");
}

#[should_panic]
#[test]
#[isolated(pid)]
fn should_panic_test_isolated() {
    ran!("should_panic_test_isolated");
    panic!("boom");
}

#[isolated(pid)]
#[ignore = "only with --include-ignored"]
fn above_ignore() {
    ran!("above_ignore");
}

#[ignore = "only with --include-ignored"]
#[isolated(pid)]
fn below_ignore() {
    ran!("below_ignore");
}

#[isolated(pid)]
#[test]
#[ignore = "only with --include-ignored"]
fn isolated_test_ignore() {
    ran!("isolated_test_ignore");
}

#[isolated(pid)]
fn result() -> Result<(), String> {
    ran!("result");
    Ok(())
}

#[test]
#[isolated(pid)]
fn result_below_test() -> Result<(), Box<dyn Error>> {
    ran!("result_below_test");
    let twelve: u32 = "12".parse()?;
    if twelve == 12 {
        return Ok(());
    }
    Err("arithmetic".into())
}

#[isolated(pid)]
#[test]
fn result_above_test() -> Result<(), Box<dyn Error>> {
    ran!("result_above_test");
    Ok(())
}

#[isolated(pid)]
fn exit_code() -> ExitCode {
    ran!("exit_code");
    ExitCode::SUCCESS
}

#[isolated(pid)]
fn impl_termination() -> impl Termination {
    ran!("impl_termination");
}

#[test]
#[isolated(pid)]
fn impl_termination_below_test() -> impl Termination {
    ran!("impl_termination_below_test");
    ExitCode::SUCCESS
}

#[isolated(pid)]
#[expect(unused_variables, reason = "an attribute more")]
#[doc(hidden)]
#[cfg(test)]
#[clippy::has_significant_drop]
#[inline(never)]
fn above_inert_ones() {
    ran!("above_inert_ones");
    let unused = 1;
}

mod inner {
    use crate::here::ran;

    #[harness::isolated(pid, uts)]
    pub(crate) fn visible() {
        ran!("visible");
    }
}

#[isolated(pid)]
#[track_caller]
fn r#match() {
    ran!("r#match");
}
