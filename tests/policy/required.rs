//! `HARNESS_REQUIRE`: what the machine must offer is there, or nothing isolated passes.

use harness_tests::machine::Need;
use harness_tests::needs;
use harness_tests::twin::Ran;

use crate::{here, times, verdicts, without_cgroups};

/// Every test fails, with what is required, what is missing, and the remedy.
fn all_fail(ran: &Ran, tests: &[&str], required: &str, missing: &str, remedy: &str) {
    let expected: Vec<_> = tests.iter().map(|test| (*test, "fail")).collect();
    verdicts(ran, &expected);
    let output = ran.output();
    let headline = "did not run: this machine lacks what it is required to offer\n";
    for text in [headline, &format!("required  HARNESS_REQUIRE={required}\n"), missing, remedy] {
        assert_eq!(times(&output, text), tests.len(), "{text:?} in\n{output}");
    }
    let need = &ran.run_of(tests[0])["unsupported"]["need"];
    assert_eq!(*need, format!("HARNESS_REQUIRE={required}"));
}

#[test]
fn what_is_there_changes_nothing() {
    needs!(Need::NAMESPACES);
    let tests = ["needs::nothing", "needs::pid_and_uts"];
    let ran = here(&tests).env("HARNESS_REQUIRE", "pid, uts,mount,proc,pidfd").run();
    verdicts(&ran, &tests.map(|test| (test, "pass")));
    assert_eq!(ran.stderr, "");
}

/// Also those that do not need it, that would be skipped, or that should panic.
#[test]
fn what_is_missing_fails_every_test() {
    needs!(Need::Root);
    let tests = ["needs::nothing", "needs::mem", "needs::mem_or_skip", "needs::panics_as_it_should"];
    let twin = || without_cgroups(&tests).env("HARNESS_UNSUPPORTED", "skip");
    let ran = twin().env("HARNESS_REQUIRE", "memory,pid").run();
    let missing = "missing   memory (for mem, expect = oom): no cgroup hierarchy";
    all_fail(&ran, &tests, "memory,pid", missing, "remedy    mount it");
    assert_eq!(ran.run_of(tests[0])["unsupported"]["capabilities"], serde_json::json!(["memory"]));
    assert!(!ran.stderr.contains("SKIP"), "{}", ran.stderr);
    // The twin: required is what is there.
    let ran = twin().env("HARNESS_REQUIRE", "pid").run();
    let (skip, panics) = ("skip", ("needs::panics_as_it_should", "left_to_libtest"));
    verdicts(&ran, &[("needs::nothing", "pass"), ("needs::mem", skip), ("needs::mem_or_skip", skip), panics]);
}

/// Without root the machine may have namespaces only; each of several is named.
#[test]
fn each_that_is_missing_is_named() {
    needs!(Need::Root);
    let tests = ["needs::nothing"];
    let ran = without_cgroups(&tests).env("HARNESS_REQUIRE", "cgroup,userns,pids,cpuset").run();
    for name in ["cgroup (for ", "pids (for ", "cpuset (for "] {
        assert_eq!(times(&ran.output(), &format!("missing   {name}")), 1, "{}", ran.output());
    }
    assert_eq!(times(&ran.output(), "missing "), 3, "{}", ran.output());
}

/// The machine has overlay, and the test's own is refused: that is no reason to skip, either.
#[test]
fn no_skip_for_what_is_required() {
    needs!(Need::Twin("needs::view_of_the_host"));
    let test = "needs::overlay_over_proc_or_skip";
    verdicts(&here(&[test]).run(), &[(test, "skip")]);
    verdicts(&here(&[test]).env("HARNESS_REQUIRE", "pid,uts").run(), &[(test, "skip")]);
    for given in ["overlay", "all"] {
        let ran = here(&[test]).env("HARNESS_REQUIRE", given).run();
        verdicts(&ran, &[(test, "fail")]);
        let why = format!("do not require it: HARNESS_REQUIRE={given} forbids to skip");
        assert_eq!(times(&ran.output(), &why), 1, "{}", ran.output());
    }
}

/// Of all that the tests ask for, nothing may be missing; what no test asks for is not looked at.
#[test]
fn all_makes_every_skip_a_failure() {
    needs!(Need::Root);
    let tests = ["needs::nothing", "needs::mem", "needs::mem_or_skip"];
    let twin = without_cgroups(&tests).env("HARNESS_UNSUPPORTED", "skip");
    let ran = twin.env("HARNESS_REQUIRE", "all").run();
    verdicts(&ran, &[("needs::nothing", "pass"), ("needs::mem", "fail"), ("needs::mem_or_skip", "fail")]);
    assert!(!ran.stderr.contains("SKIP"), "{}", ran.stderr);
    let tests = ["needs::nothing", "needs::pid_and_uts"];
    let ran = here(&tests).env("HARNESS_REQUIRE", "all").run();
    verdicts(&ran, &tests.map(|test| (test, "pass")));
}

/// Leaves are numbered: the probe's is the first one, and there is one for each test behind it.
#[test]
fn each_is_tried_once() {
    needs!(Need::MEMORY);
    let tests = ["needs::mem", "needs::mem_or_skip", "needs::mem_or_fail"];
    let ran = here(&tests).env("HARNESS_REQUIRE", "memory").run();
    verdicts(&ran, &tests.map(|test| (test, "pass")));
    let number = |test: &&str| {
        let run = ran.run_of(test);
        let path = run["evidence"]["cgroups"][0]["path"].as_str().expect("a leaf").to_owned();
        path.rsplit('.').next().and_then(|number| number.parse::<u64>().ok()).expect("a number")
    };
    let mut numbers: Vec<_> = tests.iter().map(number).collect();
    numbers.sort_unstable();
    assert_eq!(numbers[2] - numbers[0], 2, "{numbers:?}");
}
