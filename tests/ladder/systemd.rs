//! A scope of systemd: as whoever runs these tests, in the session that they are run in.

use std::path::Path;

use harness_tests::build::tool;
use harness_tests::skip::skip;
use harness_tests::twin::{Ran, Twin};

use crate::rungs::limited;

const TESTS: [&str; 3] = ["ladder::fits", "ladder::does_not_fit", "ladder::is_killed"];

fn has_systemd(test: &str) -> bool {
    let has = Path::new("/run/systemd/system").exists();
    if !has {
        skip(&format!("ladder::{test}"), "systemd", "this machine runs without");
    }
    has
}

/// On this rung, right below a scope of ours, with limits that hold.
fn in_a_scope(ran: &Ran, rung: &str) {
    let run = ran.run_of("ladder::fits");
    let leaf = &run["evidence"]["cgroups"][0];
    assert_eq!(leaf["rung"], rung, "{run}\n{}", ran.output());
    limited(ran);
    let scope = Path::new(leaf["path"].as_str().unwrap()).parent().unwrap();
    let name = scope.file_name().and_then(|name| name.to_str()).unwrap();
    assert!(name.starts_with("harness-") && name.ends_with(".scope"), "{name}");
}

/// Asked for by itself.
#[test]
fn a_runner_gets_a_scope() {
    if has_systemd("a_runner_gets_a_scope") {
        in_a_scope(&Twin::tests(&TESTS).run(), "in a transient scope of systemd");
    }
}

/// One for a whole command: its runners need not ask.
#[test]
fn a_command_gets_a_scope() {
    if has_systemd("a_command_gets_a_scope") {
        let script = format!("exec {} scope -- sh -c '\"$0\" \"$@\"; exit' \"$0\" \"$@\"", tool().display());
        let ran = Twin::in_shell(&[], &script, &TESTS).run();
        in_a_scope(&ran, "below a cgroup that is delegated to us");
    }
}
