//! Cgroup trees that cannot be used. Each is made in a mount namespace of its own.

use harness_tests::machine::Need;
use harness_tests::needs;
use harness_tests::twin::{Ran, Twin};

use crate::error::{once, unsupported};

fn with(script: &str, tests: &[&str]) -> Twin {
    Twin::in_shell(&["unshare", "--mount", "--propagation=private"], script, tests)
}

const READ_ONLY: &str = "
    for point in $(grep -o ' /sys/fs/cgroup[^ ]* ' /proc/self/mountinfo); do
        mount -o remount,bind,ro $point
    done";
const HIDDEN: &str = "mount -t tmpfs none /sys/fs/cgroup";
const ABSENT: &str = "umount --recursive /sys/fs/cgroup";

#[test]
fn read_only() {
    needs!(Need::Root, Need::MEMORY);
    let ran = with(READ_ONLY, &["needs::mem"]).run();
    unsupported(&ran, "needs::mem", "mem = ...", "read-only file system (EROFS)", "mounted read-only");
}

#[test]
fn hidden_or_absent() {
    needs!(Need::Root, Need::MEMORY);
    for script in [HIDDEN, ABSENT] {
        let ran = with(script, &["needs::mem"]).run();
        unsupported(&ran, "needs::mem", "a cgroup", "no cgroup hierarchy", "mount -t cgroup2");
    }
}

/// What needs no cgroup does not miss it.
#[test]
fn others_run_without() {
    needs!(Need::Root);
    let ran = with(HIDDEN, &["needs::pid_and_uts", "needs::nothing", "needs::view_of_the_host"]).run();
    ran.must_pass();
    assert_eq!(ran.runs().len(), 3);
}

/// On the real stderr, although libtest captures, and in the report.
fn skipped(ran: &Ran, test: &str) {
    ran.must_pass();
    once(&ran.stderr, &format!("SKIP twins::{test}: "));
    assert_eq!(ran.run_of(test)["verdict"], "skip");
    assert!(ran.stderr.contains("cgroup"), "{}", ran.stderr);
}

#[test]
fn skipped_where_the_attribute_says_so() {
    needs!(Need::Root);
    skipped(&with(HIDDEN, &["needs::mem_or_skip"]).run(), "needs::mem_or_skip");
    // It wins against the environment.
    let twin = with(HIDDEN, &["needs::mem_or_skip"]).env("HARNESS_UNSUPPORTED", "fail");
    skipped(&twin.run(), "needs::mem_or_skip");
    let ran = with(HIDDEN, &["needs::mem_or_fail"]).env("HARNESS_UNSUPPORTED", "skip").run();
    unsupported(&ran, "needs::mem_or_fail", "a cgroup", "", "");
}

#[test]
fn skipped_where_the_environment_says_so() {
    needs!(Need::Root);
    skipped(&with(HIDDEN, &["needs::mem"]).env("HARNESS_UNSUPPORTED", "skip").run(), "needs::mem");
}

/// Not what is all right, and not what is wrong with the test itself.
#[test]
fn nothing_else_is_skipped() {
    needs!(Need::NAMESPACES);
    let tests = ["needs::pid_and_uts", "needs::missing_workdir"];
    let ran = Twin::tests(&tests).env("HARNESS_UNSUPPORTED", "skip").run();
    assert_eq!(ran.run_of("needs::pid_and_uts")["verdict"], "pass");
    assert_eq!(ran.run_of("needs::missing_workdir")["verdict"], "fail");
}
