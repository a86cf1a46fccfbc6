//! The guests under cargo-nextest, a process for each, and its output read.

use crate::remains::Run;
use crate::{Said, Sayings};
use harness_tests::build::cargo;

/// In the output, in front of every test's name.
const BINARY: &str = " harness-tests::guests ";

/// Runs all guests.
pub(crate) fn run(run: &Run) -> Sayings {
    let mut command = cargo(&["nextest", "run", "--workspace", "--all-features", "--test", "guests"]);
    command.args(["--no-fail-fast", "--retries=0", "--color=never", "--status-level=all"]);
    command.args(["--final-status-level=none", "--failure-output=immediate", "--success-output=immediate"]);
    let output = run.output(&mut command);
    let mut sayings = Sayings::new();
    let mut current = None;
    for line in output.lines() {
        if let Some((status, name)) = status(line) {
            let said = Said { passed: status == "PASS", shown: String::new() };
            assert!(["PASS", "FAIL"].contains(&status), "nextest says {status} of {name}");
            sayings.insert(name.to_owned(), said);
            current = Some(name.to_owned());
        }
        if let Some(said) = current.as_ref().and_then(|name| sayings.get_mut(name)) {
            said.shown.push_str(line);
            said.shown.push('\n');
        }
    }
    assert!(!sayings.is_empty(), "nextest ran nothing: {output}");
    sayings
}

/// `        PASS [   0.010s] (  1/237) harness-tests::guests exits::returns`; other words instead of PASS
/// are FAIL, LEAK, TIMEOUT, SIGABRT and the like. SLOW is said while a test runs.
fn status(line: &str) -> Option<(&str, &str)> {
    let (status, rest) = line.split_once('[')?;
    let name = rest.split_once(BINARY)?.1;
    let status = status.trim();
    (status != "SLOW" && !name.contains(' ')).then_some((status, name))
}
