//! `#[serial]`, whose lock is taken by the runner. (Above `#[isolated]` it is a compile error: `tests/ui`.)

use crate::here::{lines_path, ran};
use harness::isolated;
use rstest::rstest;
use serial_test::{file_serial, parallel, serial};
use std::fs::{create_dir, remove_dir};
use std::time::Duration;

/// Fails when another test is in here, too. nextest gives each test a process, where `#[serial]` never
/// promised anything.
fn exclusive() {
    let Some(lines) = lines_path().filter(|_| std::env::var_os("NEXTEST").is_none()) else {
        return;
    };
    let lock = lines.with_extension("lock");
    create_dir(&lock).expect("nobody else is in here");
    std::thread::sleep(Duration::from_millis(20));
    remove_dir(&lock).unwrap();
}

#[isolated(pid)]
#[serial]
fn isolated_serial() {
    ran!("isolated_serial");
    exclusive();
}

#[isolated(pid)]
#[test]
#[serial]
fn isolated_test_serial() {
    ran!("isolated_test_serial");
    exclusive();
}

#[test]
#[isolated(pid)]
#[serial]
fn test_isolated_serial() {
    ran!("test_isolated_serial");
    exclusive();
}

#[isolated(pid)]
#[serial_test::serial]
#[test]
fn isolated_serial_test() {
    ran!("isolated_serial_test");
    exclusive();
}

#[isolated(pid)]
#[serial]
#[should_panic(expected = "boom")]
fn should_panic() {
    ran!("should_panic");
    exclusive();
    panic!("boom");
}

#[isolated(pid)]
#[serial]
#[tokio::test]
async fn tokio_last() {
    ran!("tokio_last");
    exclusive();
}

#[isolated(pid)]
#[tokio::test]
#[serial]
async fn serial_last() {
    ran!("serial_last");
    exclusive();
}

#[isolated(pid)]
#[rstest]
#[serial]
#[case(1)]
#[case(2)]
fn rstest_cases(#[case] x: u32) {
    ran!("rstest_cases", x);
    exclusive();
}

#[rstest]
#[case(1)]
#[case(2)]
#[isolated(pid)]
#[serial]
fn rstest_cases_first(#[case] x: u32) {
    ran!("rstest_cases_first", x);
    exclusive();
}

#[isolated(pid)]
#[parallel]
fn in_parallel() {
    ran!("in_parallel");
}

#[isolated(pid)]
#[file_serial]
fn by_file() {
    ran!("by_file");
}
