//! Mistakes that only show in a test build, because rstest's cases are only there: `main.rs` builds this.

use harness::isolated;
use rstest::rstest;

#[rstest]
#[isolated(pid)]
#[case(1)]
#[case(2)]
fn isolated_between_rstest_and_case(#[case] _x: u32) {}

#[rstest]
#[case(1)]
#[isolated(pid)]
#[case(2)]
fn isolated_between_cases(#[case] _x: u32) {}

#[rstest]
#[case(1)]
#[case(2)]
#[isolated(pid, mem = "100mb")]
fn mistake_on_every_case_is_said_once(#[case] _x: u32) {}

#[rstest]
#[case(1)]
#[serial_test::serial]
#[isolated(pid)]
fn serial_above_with_a_case(#[case] _x: u32) {}

#[isolated(pid)]
#[test]
fn arguments_with_test(_x: u32) {}
