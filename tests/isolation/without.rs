//! The failing twins: a guest that lacks what a check checks is caught by it.

use harness_tests::machine::Need;
use harness_tests::needs;
use harness_tests::twin::Twin;

#[test]
fn every_check_fails_without_its_isolation() {
    needs!(Need::MEMORY, Need::PIDS, Need::CPU);
    let ran = Twin::module("without").run();
    let runs = ran.runs();
    assert!(runs.len() >= 10, "{}", ran.output());
    for run in runs {
        assert_eq!((&run["verdict"], &run["outcome"]["kind"]), (&"fail".into(), &"panicked".into()), "{run}");
    }
}
