//! `timeout` and `cpu_time` end a guest that does not end.

use harness_tests::machine::Need;
use harness_tests::needs;
use harness_tests::twin::{Ran, Twin};

fn run(test: &str) -> Ran {
    Twin::tests(&[&format!("limits::{test}")]).run()
}

#[test]
fn a_guest_that_waits_for_ever() {
    needs!(Need::NAMESPACES);
    let ran = run("waits_for_ever");
    assert!(!ran.passed());
    assert_eq!(ran.outcome("limits::waits_for_ever"), "timed_out", "{}", ran.output());
    assert!(ran.figure("limits::waits_for_ever", "wall").unwrap() >= 100_000);
}

#[test]
fn a_guest_that_spins_for_ever() {
    needs!(Need::CPU_TIME);
    for test in ["spins_for_ever", "a_child_spins_for_ever"] {
        let ran = run(test);
        assert!(!ran.passed());
        assert_eq!(ran.outcome(&format!("limits::{test}")), "timed_out", "{}", ran.output());
        assert!(ran.stdout.contains("100 ms"), "{}", ran.output());
    }
}

#[test]
fn a_guest_in_time() {
    needs!(Need::CPU_TIME);
    run("in_time").must_pass();
}
