//! `#[test_case]`.

use crate::here::ran;
use harness::isolated;
use test_case::{test_case, test_matrix};

#[test_case(1)]
#[test_case(2 ; "second")]
#[isolated(pid)]
fn below(x: u32) {
    ran!("below", x);
}

#[isolated(pid)]
#[test_case(1)]
#[test_case(2 ; "second")]
fn above(x: u32) {
    ran!("above", x);
}

#[test_case(1)]
#[isolated(pid)]
#[test_case(2 ; "second")]
fn between(x: u32) {
    ran!("between", x);
}

#[test_case(1 => 2)]
#[test_case(2 => 3)]
#[isolated(pid)]
fn returns_below(x: u32) -> u32 {
    ran!("returns_below", x);
    x + 1
}

#[isolated(pid)]
#[test_case(1 => 2)]
fn returns_above(x: u32) -> u32 {
    ran!("returns_above", x);
    x + 1
}

#[isolated(pid)]
#[test_case(1 => panics "boom")]
fn panics_above(x: u32) {
    ran!("panics_above", x);
    panic!("boom");
}

#[test_case(1 => panics "boom")]
#[isolated(pid)]
fn panics_below(x: u32) {
    ran!("panics_below", x);
    panic!("boom");
}

#[test_case(1)]
#[tokio::test]
#[isolated(pid)]
async fn tokio_below(x: u32) {
    ran!("tokio_below", x);
}

#[isolated(pid)]
#[test_case(1)]
#[tokio::test]
async fn tokio_above(x: u32) {
    ran!("tokio_above", x);
}

#[test_matrix([1, 2], [3, 4])]
#[isolated(pid)]
fn matrix_below(x: u32, y: u32) {
    ran!("matrix_below", x, y);
}

#[isolated(pid)]
#[test_matrix([1, 2], [3, 4])]
fn matrix_above(x: u32, y: u32) {
    ran!("matrix_above", x, y);
}
