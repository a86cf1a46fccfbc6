//! The compile errors of `#[isolated]`, one mistake per file.
//!
//! The texts beside them are those of one compiler: how rustc draws a span changes between versions. With
//! another one, only that each file fails to compile is checked. After a change of the texts:
//! `TRYBUILD=overwrite cargo test -p harness-ui`, and read what it wrote.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use trybuild::TestCases;

const PINNED: &str = "1.95";

/// Where the mistakes are, when not beside this file.
const DIRECTORY: &str = "UI_DIRECTORY";

#[test]
fn mistakes_are_compile_errors() {
    let elsewhere = std::env::var(DIRECTORY);
    if elsewhere.is_err() && !is_pinned() {
        println!("the compiler is not {PINNED}: the texts of the errors are not compared");
        return fail_somehow();
    }
    let directory = elsewhere.as_deref().unwrap_or("fail");
    TestCases::new().compile_fail(format!("{directory}/*.rs"));
}

#[test]
fn right_arguments_compile() {
    let output = build("every_argument");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// trybuild does not make test builds, and outside of those rstest drops its cases.
#[test]
fn mistakes_with_cases_are_compile_errors() {
    assert_mistakes_of_a_test_build("with_cases");
}

/// Outside of a test build there is no test to miss.
#[test]
fn tests_that_nobody_registers_are_compile_errors() {
    assert_mistakes_of_a_test_build("unregistered");
}

fn assert_mistakes_of_a_test_build(target: &str) {
    let output = build(target);
    assert!(!output.status.success(), "the mistakes of {target} compile");
    let expected = Path::new(target).with_extension("stderr");
    let errors = errors_of(&String::from_utf8_lossy(&output.stderr));
    if std::env::var_os("TRYBUILD").is_some_and(|value| value == "overwrite") {
        std::fs::write(&expected, &errors).unwrap();
    }
    if is_pinned() {
        assert_eq!(errors, std::fs::read_to_string(expected).unwrap());
    }
}

/// Makes a test build of a target, with what the workspace is built with: one package alone has other features of
/// some dependencies, and builds all that depends on them again.
fn build(target: &str) -> Output {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["test", "--no-run", "--quiet", "--color=never", "--workspace", "--all-features"]);
    // What cargo told this test is ours. Some build scripts (ring's) run again when one of these has changed.
    let ours = ["CARGO_MANIFEST_", "CARGO_PKG_", "OUT_DIR"];
    for (name, _) in std::env::vars().filter(|(name, _)| ours.iter().any(|prefix| name.starts_with(prefix))) {
        cargo.env_remove(name);
    }
    cargo.args(["--test", target]).output().unwrap()
}

/// Without the warnings of the crates that were built before, and with paths from this folder.
fn errors_of(output: &str) -> String {
    let first = output.find("error").unwrap_or_default();
    output[first..].replace("tests/ui/", "")
}

fn is_pinned() -> bool {
    let version = Command::new("rustc").arg("--version").output().unwrap().stdout;
    String::from_utf8_lossy(&version).starts_with(&format!("rustc {PINNED}."))
}

/// Runs a copy of the mistakes whose texts are written and not compared.
fn fail_somehow() {
    let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join("ui");
    std::fs::create_dir_all(&copy).unwrap();
    for file in mistakes() {
        std::fs::copy(&file, copy.join(file.file_name().unwrap())).unwrap();
    }
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "mistakes_are_compile_errors"])
        .env(DIRECTORY, &copy)
        .env("TRYBUILD", "overwrite")
        .status();
    assert!(status.unwrap().success(), "a mistake compiles");
}

fn mistakes() -> Vec<PathBuf> {
    let files = std::fs::read_dir("fail").unwrap().map(|file| file.unwrap().path());
    files.filter(|file| file.extension().is_some_and(|end| end == "rs")).collect()
}
