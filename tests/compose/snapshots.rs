//! insta, which names a snapshot after the function that it stands in.

use crate::here::ran;
use harness::isolated;

#[isolated(pid)]
fn inline() {
    ran!("inline");
    insta::assert_snapshot!("hello", @"hello");
}

#[isolated(pid)]
#[test]
fn from_a_file() {
    ran!("from_a_file");
    insta::assert_snapshot!("hello");
}

#[test]
#[isolated(pid)]
fn below_test() {
    ran!("below_test");
    insta::assert_debug_snapshot!([1, 2]);
}
