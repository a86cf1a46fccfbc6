//! Values that are not understood: every isolated test fails, and says what was given, where, and what is
//! accepted.

use harness_tests::machine::Need;
use harness_tests::needs;
use harness_tests::twin::Ran;

use crate::{here, times, verdicts};

const TESTS: [&str; 3] = ["needs::nothing", "needs::pid_and_uts", "needs::panics_as_it_should"];

/// Each test fails with this one error, also the one that should panic.
fn all_fail(ran: &Ran, failed: &str, accepted: &str) {
    verdicts(ran, &TESTS.map(|test| (test, "fail")));
    let output = ran.output();
    assert_eq!(times(&output, " did not run\n"), TESTS.len(), "{output}");
    assert_eq!(times(&output, &format!("failed    {failed} is not understood\n")), TESTS.len(), "{output}");
    assert_eq!(times(&output, &format!("accepted  {accepted}")), TESTS.len(), "{output}");
    assert!(output.contains("0 passed; 3 failed"), "{output}");
}

#[test]
fn unsupported_is_neither_fail_nor_skip() {
    for given in ["Skip", "skip ", "1", "true", "skipp", "fail,skip"] {
        let ran = here(&TESTS).env("HARNESS_UNSUPPORTED", given).run();
        all_fail(&ran, &format!("HARNESS_UNSUPPORTED={given}"), "fail, skip\n");
        let setting = &ran.run_of(TESTS[0])["setting"];
        assert_eq!((&setting["name"], &setting["given"]), (&"HARNESS_UNSUPPORTED".into(), &given.into()));
    }
}

/// Empty is not set.
#[test]
fn unsupported_is_understood() {
    needs!(Need::NAMESPACES);
    let panics = ("needs::panics_as_it_should", "left_to_libtest");
    for given in ["fail", "skip", ""] {
        let ran = here(&TESTS).env("HARNESS_UNSUPPORTED", given).run();
        verdicts(&ran, &[("needs::nothing", "pass"), ("needs::pid_and_uts", "pass"), panics]);
    }
}

#[test]
fn required_is_unknown() {
    for (given, wrong, meant) in [
        ("usrns", "", "perhaps `userns`"),
        ("pid,memroy", ": `memroy`", "perhaps `memory`"),
        ("seccomp", "", "perhaps `no-seccomp`"),
    ] {
        let ran = here(&TESTS).env("HARNESS_REQUIRE", given).run();
        all_fail(&ran, &format!("HARNESS_REQUIRE={given}{wrong}"), "all, userns, pid,");
        assert_eq!(times(&ran.output(), meant), TESTS.len(), "{}", ran.output());
    }
    for (given, wrong) in [("pid,", ": ``"), ("pid uts", ""), ("all,pid", ": `all`"), (",", ": ``")] {
        let ran = here(&TESTS).env("HARNESS_REQUIRE", given).run();
        all_fail(&ran, &format!("HARNESS_REQUIRE={given}{wrong}"), "all, userns, pid,");
    }
}

/// A test without the attribute is none of ours.
#[test]
fn other_tests_are_not_asked() {
    let ran = here(&["needs::zygotes"]).env("HARNESS_UNSUPPORTED", "Skip").env("HARNESS_REQUIRE", "x").run();
    ran.must_pass();
    assert!(ran.runs().is_empty());
}
