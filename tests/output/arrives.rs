//! Output arrives as that of its test.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use harness_tests::machine::Need;
use harness_tests::needs;
use harness_tests::twin::Twin;

const TEST: &str = "output::says_this_and_that";
const STDOUT: &str = "first, by std\nsecond, by a child\nthird, without a newline, and then with one\n";
const STDERR: &str = "first error, by std\nsecond error, by a child\nthird error, without a newline";

/// The lines of `expected` stand in `text`, in this order.
fn has_in_order(text: &str, expected: &str) {
    let mut lines = text.lines();
    for expected in expected.lines() {
        assert!(lines.any(|line| line.contains(expected)), "no {expected:?} in its place in\n{text}");
    }
}

#[test]
fn captured_output_of_a_failing_test() {
    needs!(Need::NAMESPACES);
    let ran = Twin::tests(&[TEST]).run();
    assert!(!ran.passed());
    let captured = ran.stdout.split_once(&format!("---- {TEST} stdout ----\n")).unwrap().1;
    has_in_order(captured, STDOUT);
    has_in_order(captured, STDERR);
    has_in_order(captured, "panicked at\nto show the output");
    // Nothing went past libtest.
    assert_eq!(ran.stderr, "");
}

#[test]
fn a_passing_test_is_silent() {
    needs!(Need::NAMESPACES);
    let ran = Twin::tests(&[TEST]).env("HARNESS_PASS", "1").run();
    ran.must_pass();
    assert_eq!(ran.stderr, "");
    let lines: Vec<_> = ran.stdout.lines().filter(|line| !line.is_empty()).collect();
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert_eq!(lines[..2], ["running 1 test".to_owned(), format!("test {TEST} ... ok")]);
}

#[test]
fn uncaptured_output_keeps_the_streams_apart() {
    needs!(Need::NAMESPACES);
    let ran = Twin::tests(&[TEST]).arg("--nocapture").env("HARNESS_PASS", "1").run();
    ran.must_pass();
    has_in_order(&ran.stdout, STDOUT);
    has_in_order(&ran.stderr, STDERR);
    let usage: Vec<_> = ran.stderr.lines().filter(|line| line.contains(&format!("twins::{TEST}"))).collect();
    assert_eq!(usage.len(), 1, "{}", ran.stderr);
    assert!(usage[0].contains(" wall"), "{usage:?}");
    // On a line of its own, after output without a newline.
    assert!(usage[0].starts_with("isolated test "), "{usage:?}");
}

/// The guest goes on only when its first line has been read here.
#[test]
fn output_arrives_while_the_guest_runs() {
    needs!(Need::NAMESPACES);
    let twin = Twin::tests(&["output::streams"]).arg("--nocapture");
    let mut gate = twin.gate("stream");
    let mut running = twin
        .with(|command| {
            command.stdout(Stdio::piped()).stderr(Stdio::piped());
        })
        .start_as_it_is();
    let mut stdout = BufReader::new(running.child.stdout.take().unwrap()).lines();
    let mut stderr = BufReader::new(running.child.stderr.take().unwrap()).lines();
    assert!(stdout.any(|line| line.unwrap().ends_with("before the gate")));
    assert!(stderr.any(|line| line.unwrap().ends_with("an error before the gate")));
    gate.open();
    assert!(stdout.any(|line| line.unwrap() == "after the gate"));
    assert!(stdout.last().is_some());
    assert!(stderr.last().is_some());
    running.finish().must_pass();
}

#[test]
fn bytes_that_are_no_text() {
    needs!(Need::NAMESPACES);
    let ran = Twin::tests(&["output::bytes"]).run();
    assert!(ran.stdout.contains("a\u{fffd}\u{fffd}b\n"), "{}", ran.stdout);
    assert!(ran.stdout.contains("\u{20ac} split\n"), "{}", ran.stdout);
}

#[test]
fn a_long_line_is_whole() {
    needs!(Need::NAMESPACES);
    let ran = Twin::tests(&["output::a_long_line"]).run();
    assert!(ran.stdout.contains(&format!("<{}>\n", "\u{20ac}".repeat(200_000))));
}
