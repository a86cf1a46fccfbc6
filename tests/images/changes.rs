//! `changes`: what a guest wrote to its root, as its report tells.

use harness_tests::machine::Need;
use harness_tests::needs;
use harness_tests::twin::{Ran, Twin};
use serde_json::{Value, json};

fn changes(ran: &Ran, test: &str) -> Value {
    let run = ran.run_of(test);
    run["evidence"]["changes"].clone()
}

fn of_everything() -> Value {
    json!([
        {"path": "/data/made again", "kind": "added"},
        {"path": "/data/made again/x", "kind": "added", "size": 1},
        {"path": "/data/sub", "kind": "deleted"},
        {"path": "/etc", "kind": "changed"},
        {"path": "/hello.txt", "kind": "changed", "size": 5},
        {"path": "/link", "kind": "added"},
        {"path": "/new", "kind": "added", "size": 3},
    ])
}

#[test]
fn each_is_told_with_its_size() {
    needs!(Need::OVERLAY);
    let tests =
        ["changes::of_every_kind", "changes::of_every_kind_on_disk", "changes::of_every_kind_as_pid_1"];
    let ran = Twin::tests(&tests).run();
    ran.must_pass();
    for test in tests {
        assert_eq!(changes(&ran, test), of_everything(), "{test}");
    }
}

#[test]
fn what_shows_by_its_absence_or_its_content_alone() {
    needs!(Need::OVERLAY);
    let below = "changes::of_what_was_below_a_directory_that_is_made_again";
    let content = "changes::of_content_alone";
    let ran = Twin::tests(&[below, content]).run();
    ran.must_pass();
    assert_eq!(changes(&ran, below), json!([{"path": "/data/sub/file", "kind": "deleted"}]));
    assert_eq!(changes(&ran, content), json!([{"path": "/hello.txt", "kind": "changed", "size": 6}]));
}

/// Mount points, the test binary, `file`, what lies on other mounts, and what was read or opened only.
#[test]
fn what_the_guest_did_not_write_is_not_told() {
    needs!(Need::OVERLAY);
    let ran = Twin::tests(&["changes::none"]).run();
    ran.must_pass();
    assert_eq!(changes(&ran, "changes::none"), json!([]), "{}", ran.output());
}

#[test]
fn without_being_asked_nothing_is_told() {
    needs!(Need::NAMESPACES);
    let ran = Twin::tests(&["files::covers_a_file_of_the_host", "changes::not_asked"]).run();
    assert_eq!(changes(&ran, "changes::not_asked"), Value::Null);
}

#[test]
fn of_the_host() {
    needs!(Need::OVERLAY);
    let ran = Twin::tests(&["changes::of_a_view_of_the_host"]).run();
    ran.must_pass();
    let told = changes(&ran, "changes::of_a_view_of_the_host");
    let told = told.as_array().unwrap();
    for expected in [
        json!({"path": "/etc/passwd", "kind": "deleted"}),
        json!({"path": "/usr/harness-new", "kind": "added", "size": 4}),
    ] {
        assert!(told.contains(&expected), "{expected} in {told:?}");
    }
    assert_eq!(told.len(), 2, "{told:?}");
}

/// However it ended.
#[test]
fn of_a_guest_that_failed() {
    needs!(Need::OVERLAY);
    let tests = ["changes::then_panics", "changes::then_is_killed", "changes::then_runs_out_of_time"];
    let ran = Twin::tests(&tests).run();
    for (test, outcome) in tests.iter().zip(["panicked", "signaled", "timed_out"]) {
        assert_eq!(ran.outcome(test), outcome, "{}", ran.output());
        let expected = json!([{"path": "/new", "kind": "added", "size": 3}]);
        assert_eq!(changes(&ran, test), expected, "{test}");
    }
}
