//! Runners in trouble: without a zygote, short of descriptors or processes, in a guest themselves.

use harness_tests::machine::Need;
use harness_tests::needs;
use harness_tests::twin::Twin;

use crate::error::{Expected, failed, once, unsupported};

#[test]
fn a_killed_zygote() {
    needs!(Need::MEMORY);
    for (test, guest) in
        [("needs::killed_zygote", "needs::pid_and_uts"), ("needs::killed_zygote_with_a_leaf", "needs::mem")]
    {
        let ran = Twin::tests(&[test]).run();
        let (first, second) = (&ran.runs()[0], &ran.runs()[1]);
        assert_eq!((&first["verdict"], &second["verdict"]), (&"pass".into(), &"fail".into()));
        assert_eq!(second["setup_error"]["errno"], "EPIPE", "{second}");
        once(&ran.output(), &format!("isolated test twins::{guest} did not run"));
        once(&ran.output(), "failed  ask the zygote for a guest: ");
        once(&ran.output(), "remedy  the zygote was killed");
    }
}

/// libtest ends with 0 where no test has the name: no test of ours is to be content with that.
#[test]
fn a_name_that_no_test_has_is_no_pass() {
    let tests = ["needs::nothing_of_the_kind", "needs::zygotes"];
    assert!(!Twin::tests(&tests[..1]).run().passed());
    assert!(!Twin::tests(&tests).run().passed());
}

#[test]
fn listing_starts_no_zygote() {
    needs!(Need::NAMESPACES);
    let listed = Twin::tests(&["needs::zygotes"]).arg("--list").run();
    listed.must_pass();
    assert!(listed.stdout.contains("needs::zygotes: test"));
    let shown = Twin::tests(&["needs::zygotes"]).arg("--nocapture").run();
    assert!(shown.stdout.contains("zygotes: 1"), "{}", shown.stdout);
}

#[test]
fn threads_before_main() {
    needs!(Need::Compiler);
    let thread = crate::surroundings::thread_before_main();
    let ran = Twin::tests(&["needs::pid_and_uts"]).env("LD_PRELOAD", thread.path()).run();
    unsupported(&ran, "needs::pid_and_uts", "the zygote", "2 threads before main", "start that thread later");
}

#[test]
fn too_few_descriptors() {
    needs!(Need::NAMESPACES);
    // Standard streams and the link to the zygote; the shell needs its own.
    let ran = Twin::in_shell(&[], "ulimit -n 11", &["needs::pid_and_uts"]).run();
    let output = ran.output();
    let line = output.lines().find_map(|line| line.trim().strip_prefix("failed  "));
    let line = line.unwrap_or_else(|| panic!("{output}")).split_once(": ").unwrap().0;
    // Which descriptor is one too many depends on what the runner has inherited.
    assert!(
        ["open a channel to the guest (", "hand the plan to the guest ("]
            .iter()
            .any(|step| line.starts_with(step)),
        "{line}"
    );
    failed(&ran, "needs::pid_and_uts", &Expected { line, errno: "EMFILE", remedy: "`ulimit -n" });
}

#[test]
fn an_unwritable_report() {
    needs!(Need::NAMESPACES);
    for report in ["/no/such/directory/report", "/"] {
        // Of a test that passes libtest shows nothing that it has captured; and it is said once, of however many.
        for tests in [&["needs::nothing"][..], &["needs::nothing", "needs::pid_and_uts"]] {
            for twin in [Twin::tests(tests), Twin::tests(tests).arg("--nocapture")] {
                let ran = twin.env("HARNESS_REPORT", report).run();
                ran.must_pass();
                once(&ran.stderr, &format!("write HARNESS_REPORT={report}: "));
            }
        }
    }
    let ran = Twin::tests(&["needs::nothing"]).env("HARNESS_REPORT", "").run();
    ran.must_pass();
    assert_eq!(ran.stderr, "");
}
