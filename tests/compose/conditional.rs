//! Behind `cfg` and `cfg_attr`.

use crate::here::ran;
use harness::isolated;

#[cfg_attr(all(), isolated(pid))]
#[test]
fn isolated_above_test() {
    ran!("isolated_above_test");
}

#[test]
#[cfg_attr(all(), isolated(pid))]
fn isolated_below_test() {
    ran!("isolated_below_test");
}

#[cfg_attr(all(), isolated(pid))]
fn isolated_alone() {
    ran!("isolated_alone");
}

#[isolated(pid)]
#[cfg_attr(all(), test)]
fn test_below() {
    ran!("test_below");
}

#[cfg_attr(all(), test)]
#[isolated(pid)]
fn test_above() {
    ran!("test_above");
}

#[isolated(pid)]
#[cfg_attr(any(), test)]
fn no_test_below() {
    ran!("no_test_below");
}

#[cfg_attr(any(), test)]
#[isolated(pid)]
fn no_test_above() {
    ran!("no_test_above");
}

#[cfg_attr(all(), test, isolated(pid))]
fn both_in_one() {
    ran!("both_in_one");
}

#[cfg_attr(all(), isolated(pid), test)]
fn both_in_one_reversed() {
    ran!("both_in_one_reversed");
}

#[isolated(pid)]
#[cfg_attr(all(), tokio::test)]
async fn tokio_below() {
    ran!("tokio_below");
}

#[isolated(pid)]
#[cfg_attr(all(), should_panic(expected = "boom"))]
fn should_panic() {
    ran!("should_panic");
    panic!("boom");
}

#[isolated(pid)]
#[cfg(unix)]
#[test]
fn cfg_between() {
    ran!("cfg_between");
}

#[isolated(pid)]
#[cfg(windows)]
fn not_there() {
    ran!("not_there");
}
