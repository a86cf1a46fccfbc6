//! `proptest!`: one guest for all the cases of a property.

use crate::here::ran;
use harness::{isolated, isolated as boxed};
use proptest::prelude::{ProptestConfig, proptest};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// The first call of a process; a guest is a process of its own.
fn first() -> bool {
    static CALLED: AtomicBool = AtomicBool::new(false);
    !CALLED.swap(true, Relaxed)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(8) })]

    #[test]
    #[isolated(pid)]
    fn below_test(x in 0u32..10) {
        if first() { ran!("below_test"); }
        assert!(x < 10);
    }

    #[isolated(pid)]
    #[test]
    fn above_test(x in 0u32..10) {
        if first() { ran!("above_test"); }
        assert!(x < 10);
    }

    #[isolated(pid)]
    fn alone(x in 0u32..10) {
        if first() { ran!("alone"); }
        assert!(x < 10);
    }

    #[test]
    #[boxed(pid, pids = 20)]
    fn renamed(x in 0u32..10) {
        if first() { ran!("renamed"); }
        assert!(x < 10);
    }

    /// With a comment.
    #[test]
    #[should_panic(expected = "boom")]
    #[isolated(pid)]
    fn should_panic(x in 0u32..10) {
        if first() { ran!("should_panic"); }
        assert!(x > 10, "boom");
    }
}

#[isolated(pid)]
#[test]
fn in_a_body() {
    ran!("in_a_body");
    proptest!(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(8) }, |(x in 0u32..10)| {
        assert!(x < 10);
    });
}
