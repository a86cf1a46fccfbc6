//! What becomes of a test that the machine cannot run: `HARNESS_UNSUPPORTED`, `HARNESS_REQUIRE`, skips.
//!
//! The machine without cgroups is made in a mount namespace of its own, with an empty /sys/fs/cgroup.

mod required;
mod settings;
mod skips;

use harness_tests::twin::{Ran, Twin};

/// On this machine, as it is.
fn here(tests: &[&str]) -> Twin {
    Twin::tests(tests)
}

/// On a machine without cgroups.
fn without_cgroups(tests: &[&str]) -> Twin {
    let unshare = ["unshare", "--mount", "--propagation=private"];
    Twin::in_shell(&unshare, "mount -t tmpfs none /sys/fs/cgroup", tests)
}

fn verdict(ran: &Ran, test: &str) -> String {
    ran.run_of(test)["verdict"].as_str().unwrap_or_default().to_owned()
}

/// These tests and no others passed, failed or were skipped.
fn verdicts(ran: &Ran, expected: &[(&str, &str)]) {
    for (test, word) in expected {
        assert_eq!(verdict(ran, test), *word, "{test}\n{}", ran.output());
    }
    assert_eq!(ran.runs().len(), expected.len(), "{}", ran.output());
    let fails = expected.iter().any(|(_, word)| *word == "fail");
    assert_eq!(ran.passed(), !fails, "{}", ran.output());
}

/// How often a text stands in an output.
fn times(output: &str, text: &str) -> usize {
    output.matches(text).count()
}
