//! Before and after a whole test binary: processes, cgroups, mounts, files, descriptors.
//!
//! Processes, cgroup leaves and files in TMPDIR are looked for after *every* run of a twin, in all these
//! test targets (`Running::finish`).

use std::fs;

use harness_tests::machine::Need;
use harness_tests::needs;
use harness_tests::twin::Twin;

#[test]
fn a_binary_whose_tests_end_in_every_way() {
    needs!(Need::MEMORY);
    let ran = Twin::module("endings").run();
    let mut outcomes: Vec<_> = ran.runs().iter().map(outcome).collect();
    outcomes.sort();
    let expected = [
        "exited",
        "left_processes",
        "oom_killed",
        "panicked",
        "passed",
        "passed",
        "set-up",
        "signaled",
        "timed_out",
    ];
    assert_eq!(outcomes, expected, "{}", ran.output());
}

fn outcome(run: &serde_json::Value) -> String {
    run["outcome"]["kind"].as_str().unwrap_or("set-up").to_owned()
}

/// In a mount namespace of its own, with shared mounts as under systemd: nobody else mounts there.
#[test]
fn mounts() {
    needs!(Need::Root);
    let unshare = ["unshare", "--mount", "--propagation=shared"];
    let list = r#"cat /proc/self/mountinfo >"$HARNESS_TWIN_DIR/before"
        "$0" endings:: >/dev/null 2>&1 || :
        cat /proc/self/mountinfo >"$HARNESS_TWIN_DIR/after""#;
    let ran = Twin::in_shell(&unshare, list, &["endings::passes"]).run();
    let read = |name: &str| fs::read_to_string(ran.directory.path().join(name)).unwrap();
    assert!(read("before").contains("shared:"));
    assert_eq!(read("after"), read("before"));
}

#[test]
fn descriptors_of_the_runner() {
    needs!(Need::NAMESPACES);
    Twin::tests(&["present::open_descriptors_of_the_runner"]).run().must_pass();
}

/// The check itself: a leaf and a process that are left are seen.
#[test]
#[should_panic(expected = "files left")]
fn a_file_that_is_left_is_seen() {
    let script = r#"touch "$TMPDIR/left""#;
    Twin::in_shell(&[], script, &["needs::nothing"]).run();
}
