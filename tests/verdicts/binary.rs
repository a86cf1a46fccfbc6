//! The guests, built: the test binary and the programs.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

/// What there is to run.
pub(crate) struct Guests {
    /// The test binary of `tests/guests/`.
    pub(crate) binary: PathBuf,
    /// The directory of the programs of `fixtures/`.
    pub(crate) programs: PathBuf,
}

/// Builds both, once in this process; cargo makes it once for all processes.
pub(crate) fn guests() -> &'static Guests {
    static GUESTS: OnceLock<Guests> = OnceLock::new();
    GUESTS.get_or_init(|| {
        let tests = ["test", "-p", "harness-tests", "--test", "guests", "--no-run"];
        let programs = executables(&["build", "-p", "fixtures", "--bins"]);
        let binary = executables(&tests).pop().expect("cargo names the test binary");
        let programs = programs.first().and_then(|program| program.parent());
        Guests { binary, programs: programs.expect("cargo names the programs").to_owned() }
    })
}

/// A cargo command on this workspace, with the target directory and profile of this very build.
///
/// What the cargo or nextest around us told this process is not for the one below.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("..")).args(arguments);
    let binary = std::env::current_exe().expect("this binary has a path");
    let profile = binary.ancestors().nth(2).expect("target/PROFILE/deps/BINARY");
    let target = profile.ancestors().skip(1).find(|directory| directory.join("CACHEDIR.TAG").is_file());
    command.arg("--target-dir").arg(target.expect("cargo marks its target directory"));
    match profile.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => {}
        Some("release") => drop(command.arg("--release")),
        Some(other) => drop(command.args([profile_option(arguments), other])),
    }
    clean(&mut command);
    command
}

/// nextest has profiles of its own.
fn profile_option(arguments: &[&str]) -> &'static str {
    if arguments.first() == Some(&"nextest") { "--cargo-profile" } else { "--profile" }
}

/// Takes away what would change the verdicts: settings of the test runners and of the harness.
pub(crate) fn clean(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let is_setting = ["NEXTEST", "RUST_TEST_", "RUST_BACKTRACE", "RUST_LIB_BACKTRACE", "HARNESS_"];
        if is_setting.iter().any(|prefix| text.starts_with(prefix)) {
            command.env_remove(&name);
        }
    }
}

fn executables(arguments: &[&str]) -> Vec<PathBuf> {
    let output = cargo(arguments).arg("--message-format=json-render-diagnostics").output().expect("cargo");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let messages = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    messages.filter_map(|message| message["executable"].as_str().map(PathBuf::from)).collect()
}
