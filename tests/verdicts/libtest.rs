//! The guests under libtest, and its output read.

use std::process::Command;

use crate::binary::guests;
use crate::remains::Run;
use crate::{Said, Sayings};

/// The names of all tests in the binary.
pub(crate) fn list() -> Vec<String> {
    let output = guest_binary().arg("--list").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().filter_map(|line| line.strip_suffix(": test")).map(str::to_owned).collect()
}

/// Runs all guests. Passing tests show their output, too.
pub(crate) fn run(run: &Run, arguments: &[&str]) -> Sayings {
    let output = run.output(guest_binary().arg("--show-output").args(arguments));
    let verdicts = output.lines().filter_map(verdict);
    let mut sayings: Sayings =
        verdicts.map(|(name, passed)| (name.to_owned(), Said { passed, shown: String::new() })).collect();
    let mut current = None;
    for line in output.lines() {
        match header(line).filter(|name| sayings.contains_key(*name)) {
            Some(name) => current = Some(name.to_owned()),
            None if line == "failures:" || line == "successes:" => current = None,
            None => {}
        }
        if let Some(said) = current.as_ref().and_then(|name| sayings.get_mut(name)) {
            said.shown.push_str(line);
            said.shown.push('\n');
        }
    }
    sayings
}

fn guest_binary() -> Command {
    let mut command = Command::new(&guests().binary);
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    command
}

/// `test exits::returns ... ok`; a panic is expected where ` - should panic` stands behind the name.
fn verdict(line: &str) -> Option<(&str, bool)> {
    let (name, word) = line.strip_prefix("test ")?.rsplit_once(" ... ")?;
    let passed = match word {
        "ok" => true,
        "FAILED" => false,
        _ => return None,
    };
    Some((name.strip_suffix(" - should panic").unwrap_or(name), passed))
}

/// `---- exits::returns stdout ----`.
fn header(line: &str) -> Option<&str> {
    line.strip_prefix("---- ")?.strip_suffix(" stdout ----")
}
