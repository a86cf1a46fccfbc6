//! The whole binary, seen from outside: every test is listed once, and every test ran once, in a guest, or was
//! skipped where that is allowed.

use crate::here::LINES;
use harness_tests::build::cargo;
use harness_tests::machine::Need;
use harness_tests::needs;
use serde_json::Value;
use std::collections::BTreeSet;
use std::process::{Command, Output};
use tempfile::TempDir;

/// How many tests the matrix has, ours here not counted. Counted by hand: it changes when tests come or go,
/// and a macro that loses one cannot change it.
const TESTS: usize = 153;

/// A run of this binary, the tests here left out.
fn compose(args: &[&str]) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(args).args(["--skip", "everything_ran::"]);
    command
}

fn succeeded(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{text}{errors}", output.status);
    output
}

/// The names of `--list`.
fn listed() -> Vec<String> {
    let output = succeeded(&mut compose(&["--list", "--format", "terse"]));
    let lines = String::from_utf8(output.stdout).unwrap();
    lines.lines().map(|line| line.strip_suffix(": test").unwrap().to_owned()).collect()
}

/// Runs the tests by `command` and compares the lines that the bodies left with the names of the list.
fn assert_each_ran_once(command: &mut Command) {
    let dir = TempDir::new().unwrap();
    let [path, report] = ["lines", "report"].map(|name| dir.path().join(name));
    succeeded(command.env(LINES, &path).env("HARNESS_REPORT", &report));
    let [lines, report] = [path, report].map(|path| std::fs::read_to_string(path).unwrap());
    let mut ran: Vec<&str> = lines.lines().collect();
    assert_eq!(ran.iter().collect::<BTreeSet<_>>().len(), ran.len(), "ran twice: {lines}");
    let skipped = skipped(&report);
    ran.extend(skipped.iter().map(String::as_str));
    let names = listed();
    for name in &names {
        assert_eq!(of_function(&ran, name), of_function(&names, name), "{name}");
    }
    assert_eq!(ran.len(), names.len());
}

/// The tests that the harness says it has skipped.
fn skipped(report: &str) -> Vec<String> {
    let lines = report.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let skips = lines.filter(|line| line["verdict"] == "skip");
    skips.map(|line| line["test"].as_str().unwrap().strip_prefix("compose::").unwrap().to_owned()).collect()
}

/// How many of these belong to the function of the test `name`: `module::function`, then `::case_1` in a name
/// and ` arguments` in a line.
fn of_function<T: AsRef<str>>(all: &[T], name: &str) -> usize {
    let function = |name: &str| {
        let name = name.split(' ').next().unwrap_or(name);
        name.split("::")
            .filter(|part| *part != "imported" && *part != "inner")
            .take(2)
            .collect::<Vec<_>>()
            .join("::")
    };
    all.iter().filter(|one| function(one.as_ref()) == function(name)).count()
}

#[test]
fn each_is_listed_once() {
    let names = listed();
    let distinct: BTreeSet<_> = names.iter().collect();
    assert_eq!(distinct.len(), names.len(), "registered twice: {names:#?}");
    assert_eq!(names.len(), TESTS, "{names:#?}");
}

#[test]
fn each_runs_once_in_parallel() {
    assert_each_ran_once(&mut compose(&["--include-ignored", "--test-threads=8"]));
}

#[test]
fn each_runs_once_on_the_main_thread() {
    assert_each_ran_once(&mut compose(&["--include-ignored", "--test-threads=1"]));
}

/// A process for each test.
#[test]
fn each_runs_once_under_nextest() {
    needs!(Need::Nextest);
    let run = ["nextest", "run", "--workspace", "--all-features", "--test=compose", "--run-ignored=all"];
    let others = ["--filterset", "not test(/^everything_ran::/)"];
    assert_each_ran_once(&mut cargo(&[&run[..], &others[..]].concat()));
}
