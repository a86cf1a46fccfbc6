//! A skip is seen, stands in the report, and is counted.

use harness_tests::machine::Need;
use harness_tests::needs;
use serde_json::json;

use crate::{here, times, verdict, verdicts, without_cgroups};

const SUMMARY: &str = "harness: ";

#[test]
fn each_has_its_line_and_all_have_their_number() {
    needs!(Need::Root);
    let tests = ["needs::mem", "needs::mem_or_skip", "needs::nothing"];
    let ran = without_cgroups(&tests).env("HARNESS_UNSUPPORTED", "skip").run();
    let expected = [("needs::mem", "skip"), ("needs::mem_or_skip", "skip"), ("needs::nothing", "pass")];
    verdicts(&ran, &expected);
    // libtest captures, so this is the real stderr.
    assert_eq!(times(&ran.stderr, "SKIP twins::needs::mem: "), 1, "{}", ran.stderr);
    assert_eq!(times(&ran.stderr, "SKIP twins::needs::mem_or_skip: "), 1, "{}", ran.stderr);
    assert_eq!(times(&ran.stderr, "harness: 2 isolated tests skipped"), 1, "{}", ran.stderr);
    assert_eq!(ran.stderr.lines().count(), 3, "{}", ran.stderr);
    let lacks = &ran.run_of("needs::mem")["unsupported"];
    assert_eq!(lacks["capabilities"], json!(["cgroup", "memory"]));
}

#[test]
fn one_is_counted_as_well() {
    needs!(Need::Root);
    let ran = without_cgroups(&["needs::mem_or_skip"]).run();
    verdicts(&ran, &[("needs::mem_or_skip", "skip")]);
    assert_eq!(times(&ran.stderr, "harness: 1 isolated test skipped"), 1, "{}", ran.stderr);
}

/// There a process is one test, and the line of its skip says it all.
#[test]
fn nextest_counts_by_itself() {
    needs!(Need::Root);
    let ran = without_cgroups(&["needs::mem_or_skip"]).env("NEXTEST", "1").run();
    verdicts(&ran, &[("needs::mem_or_skip", "skip")]);
    assert_eq!(times(&ran.stderr, "SKIP "), 1, "{}", ran.stderr);
    assert_eq!(times(&ran.stderr, SUMMARY), 0, "{}", ran.stderr);
}

#[test]
fn without_a_skip_nothing_is_said() {
    needs!(Need::NAMESPACES);
    let ran = here(&["needs::pid_and_uts"]).env("HARNESS_UNSUPPORTED", "skip").run();
    verdicts(&ran, &[("needs::pid_and_uts", "pass")]);
    assert_eq!(ran.stderr, "");
}

/// Where the default or the attribute says so; and nothing is counted that is none.
#[test]
fn a_failure_is_no_skip() {
    needs!(Need::Root);
    let tests = ["needs::mem", "needs::mem_or_fail"];
    for given in ["fail", ""] {
        let ran = without_cgroups(&tests).env("HARNESS_UNSUPPORTED", given).run();
        verdicts(&ran, &tests.map(|test| (test, "fail")));
        assert_eq!(times(&ran.output(), SUMMARY), 0, "{}", ran.output());
    }
    let ran = without_cgroups(&tests).env("HARNESS_UNSUPPORTED", "skip").run();
    verdicts(&ran, &[("needs::mem", "skip"), ("needs::mem_or_fail", "fail")]);
}

/// A test that should panic proves nothing when it is skipped.
#[test]
fn a_skipped_panic_is_a_failure() {
    needs!(Need::Root);
    let tests = ["needs::too_little_under_should_panic"];
    let ran = without_cgroups(&tests).env("HARNESS_UNSUPPORTED", "skip").run();
    assert!(!ran.passed(), "{}", ran.output());
    assert!(ran.stdout.contains("did not panic"), "{}", ran.output());
    // Nobody says that it was skipped, or how to.
    assert_eq!(verdict(&ran, tests[0]), "fail");
    assert!(!ran.output().contains("SKIP") && !ran.output().contains("skip it here"), "{}", ran.output());
}
