//! `#[rstest]`: cases, names, fixtures, values; arguments are made in the guest.

use crate::here::{assert_in_guest, ran};
use harness::isolated;
use rstest::{fixture, rstest};
use std::time::Duration;

#[fixture]
fn three() -> u32 {
    assert_in_guest();
    3
}

#[fixture]
fn six(three: u32) -> u32 {
    assert_in_guest();
    2 * three
}

#[rstest]
#[isolated(pid)]
fn fixture_below(six: u32) {
    ran!("fixture_below");
    assert_eq!(six, 6);
}

#[isolated(pid)]
#[rstest]
fn fixture_above(six: u32) {
    ran!("fixture_above");
    assert_eq!(six, 6);
}

#[rstest]
#[case(1)]
#[case(2)]
#[isolated(pid)]
fn cases_below(#[case] x: u32) {
    ran!("cases_below", x);
}

#[isolated(pid)]
#[rstest]
#[case(1)]
#[case(2)]
fn cases_above(#[case] x: u32) {
    ran!("cases_above", x);
}

#[rstest]
#[case::one(1)]
#[case::two(2)]
#[isolated(pid)]
fn named_cases_below(#[case] x: u32, three: u32) {
    ran!("named_cases_below", x, three);
}

#[isolated(pid)]
#[rstest]
#[case::one(1)]
#[case::two(2)]
fn named_cases_above(#[case] x: u32, three: u32) {
    ran!("named_cases_above", x, three);
}

#[rstest]
#[isolated(pid)]
fn values_below(#[values(1, 2)] x: u32, #[values("a", "b")] y: &str) {
    ran!("values_below", x, y);
}

#[isolated(pid)]
#[rstest]
fn values_above(#[values(1, 2)] x: u32, #[values("a", "b")] y: &str, three: u32) {
    ran!("values_above", x, y, three);
}

#[rstest]
#[case(1)]
#[case(2)]
#[isolated(pid)]
fn cases_and_values(#[case] x: u32, #[values(3, 4)] y: u32) {
    ran!("cases_and_values", x, y);
}

#[isolated(pid)]
#[rstest]
#[case(1)]
#[case(2)]
fn cases_and_values_above(#[case] x: u32, #[values(3, 4)] y: u32) {
    ran!("cases_and_values_above", x, y);
}

#[rstest]
#[timeout(Duration::from_secs(20))]
#[isolated(pid)]
fn timeout_below(three: u32) {
    ran!("timeout_below", three);
}

#[isolated(pid)]
#[rstest]
#[timeout(Duration::from_secs(20))]
fn timeout_above(three: u32) {
    ran!("timeout_above", three);
}

#[rstest]
#[case::fine(1)]
#[should_panic(expected = "zero")]
#[case::zero(0)]
#[isolated(pid)]
fn should_panic_of_one_case(#[case] x: u32) {
    ran!("should_panic_of_one_case", x);
    assert_ne!(x, 0, "zero");
}

#[isolated(pid)]
#[rstest]
#[case::fine(1)]
#[should_panic(expected = "zero")]
#[case::zero(0)]
fn should_panic_of_one_case_above(#[case] x: u32) {
    ran!("should_panic_of_one_case_above", x);
    assert_ne!(x, 0, "zero");
}

#[rstest]
#[case(1)]
#[isolated(pid)]
fn result(#[case] x: u32) -> Result<(), String> {
    ran!("result", x);
    Ok(())
}

#[rstest]
#[case(1)]
#[isolated(pid)]
#[test]
fn test_at_the_end(#[case] x: u32) {
    ran!("test_at_the_end", x);
}

#[rstest]
#[case(1)]
#[test]
#[isolated(pid)]
fn isolated_behind_test(#[case] x: u32) {
    ran!("isolated_behind_test", x);
}

#[rstest]
#[case(1)]
#[case(2)]
#[tokio::test]
#[isolated(pid)]
async fn tokio_below(#[case] x: u32) {
    ran!("tokio_below", x);
}

#[isolated(pid)]
#[rstest]
#[case(1)]
#[case(2)]
#[tokio::test]
async fn tokio_above(#[case] x: u32) {
    ran!("tokio_above", x);
}

#[rstest]
#[case(1)]
#[isolated(pid)]
#[tokio::test]
async fn between_rstest_and_tokio(#[case] x: u32) {
    ran!("between_rstest_and_tokio", x);
}

#[rstest]
#[case(1)]
#[test_attr(tokio::test(flavor = "current_thread"))]
#[isolated(pid)]
async fn test_attr_below(#[case] x: u32) {
    ran!("test_attr_below", x);
}

#[isolated(pid)]
#[rstest]
#[case(1)]
#[test_attr(tokio::test(flavor = "current_thread"))]
async fn test_attr_above(#[case] x: u32) {
    ran!("test_attr_above", x);
}
