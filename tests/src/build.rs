//! Binaries that the tests start: built beforehand (`prebuilt`), or by cargo now.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

use crate::prebuilt;

/// The binary of this target: `arguments` make cargo build it, once for all.
///
/// # Panics
/// When it cannot be built.
pub fn binary(target: &str, arguments: &[&str]) -> PathBuf {
    prebuilt::binary(target).unwrap_or_else(|| {
        let mut built = executables(arguments);
        let place = built.iter().position(|path| is_of(path, target));
        built.swap_remove(place.unwrap_or_else(|| panic!("cargo {arguments:?} made no {target}: {built:?}")))
    })
}

/// A test binary of this workspace that counts what it runs (`-C instrument-coverage`).
///
/// # Panics
/// When it cannot be built.
pub fn instrumented(target: &str) -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let mut command =
            cargo(&["test", "--workspace", "--all-features", "--no-run", "--test", target, JSON]);
        // Around the compiler of our own packages only: their dependencies are those of the other tests.
        command.env("RUSTC_WORKSPACE_WRAPPER", concat!(env!("CARGO_MANIFEST_DIR"), "/covered/rustc.sh"));
        built_by(&mut command)
            .into_iter()
            .find(|path| is_of(path, target))
            .expect("cargo says what it has made")
    })
}

/// Test binaries have a hash behind their name.
fn is_of(path: &Path, target: &str) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.strip_prefix(target).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

/// The command `harness`. With an example cargo takes the features that the tests of the workspace ask of its
/// dependencies, too: without it half of them would be built twice.
pub fn tool() -> &'static Path {
    static TOOL: OnceLock<PathBuf> = OnceLock::new();
    let arguments = ["build", "--workspace", "--all-features", "--bin", "harness", "--example", "run"];
    TOOL.get_or_init(|| binary("harness", &arguments))
}

/// A cargo command on this workspace, with the target directory and profile of this very build.
///
/// What the cargo or nextest around us told this process is not for the one below.
///
/// # Panics
/// Outside of cargo's target directory.
pub fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("..")).args(arguments);
    let binary = std::env::current_exe().expect("this binary has a path");
    let profile = binary.ancestors().nth(2).expect("target/PROFILE/deps/BINARY");
    // cargo marks its target directory, but not one that was there already.
    let marked = profile.ancestors().skip(1).find(|directory| directory.join("CACHEDIR.TAG").is_file());
    command.arg("--target-dir").arg(marked.or(profile.parent()).expect("target/PROFILE"));
    match profile.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => {}
        Some("release") => drop(command.arg("--release")),
        Some(other) => drop(command.args([profile_option(arguments), other])),
    }
    clean(&mut command);
    // Some build scripts (ring's) ask to run again when one of these has changed, and all that depends on them is built
    // again: under our feet. They are ours, not theirs.
    remove(&mut command, &["CARGO_MANIFEST_", "CARGO_PKG_", "OUT_DIR"]);
    command
}

/// nextest has profiles of its own.
fn profile_option(arguments: &[&str]) -> &'static str {
    if arguments.first() == Some(&"nextest") { "--cargo-profile" } else { "--profile" }
}

/// Takes away what would change the verdicts: settings of the test runners and of the harness.
pub fn clean(command: &mut Command) {
    remove(command, &["NEXTEST", "RUST_TEST_", "RUST_BACKTRACE", "RUST_LIB_BACKTRACE", "HARNESS_"]);
}

fn remove(command: &mut Command, prefixes: &[&str]) {
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if prefixes.iter().any(|prefix| text.starts_with(prefix)) {
            command.env_remove(&name);
        }
    }
}

const JSON: &str = "--message-format=json-render-diagnostics";

fn executables(arguments: &[&str]) -> Vec<PathBuf> {
    built_by(cargo(arguments).arg(JSON))
}

fn built_by(command: &mut Command) -> Vec<PathBuf> {
    let output = command.output().expect("cargo");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let messages = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    messages.filter_map(|message| message["executable"].as_str().map(PathBuf::from)).collect()
}
