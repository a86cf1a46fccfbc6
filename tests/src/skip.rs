//! A plain test that is about another kind of machine: skipped, and seen to be, on the real stderr and in the
//! report; a failure where `HARNESS_UNSUPPORTED=fail` says so.

use std::fs::File;
use std::io::Write;

use serde_json::json;

/// Says that `test` needs what is not there; the test returns then.
///
/// # Panics
/// Where it must run.
pub fn skip(test: &str, need: &str, found: &str) {
    let must_run = std::env::var_os("HARNESS_UNSUPPORTED").is_some_and(|value| value == "fail");
    assert!(!must_run, "{test} needs {need}: {found}");
    // Not eprintln, which libtest captures.
    let line = format!("SKIP {test}: {need}: {found}\n");
    std::io::stderr().write_all(line.as_bytes()).expect("a stderr");
    if let Some(path) = std::env::var_os("HARNESS_REPORT") {
        let unsupported = json!({"need": need, "found": found, "remedy": ""});
        let line = json!({"schema": 1, "test": test, "verdict": "skip", "unsupported": unsupported});
        let mut report = File::options().append(true).create(true).open(path).expect("the report");
        report.write_all(format!("{line}\n").as_bytes()).expect("write to the report");
    }
}
