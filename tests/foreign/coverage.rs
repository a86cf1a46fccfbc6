//! Coverage profiles of a body that runs in a foreign root.

use std::fs;
use std::path::Path;
use std::process::Command;

use harness_tests::build;
use harness_tests::machine::Need;
use harness_tests::needs;
use tempfile::TempDir;

/// Runs one test of `covered`; in how many profiles the loop of its body was counted.
fn counted(test: &str, pattern: &str) -> usize {
    let directory = TempDir::new().unwrap();
    let mut command = Command::new(build::instrumented("covered"));
    command.args(["--exact", test]).env("LLVM_PROFILE_FILE", directory.path().join(pattern));
    build::clean(&mut command);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let entries: Vec<_> = fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(!entries.is_empty(), "the runner has a profile at least");
    entries.iter().map(|path| counts(path)).sum()
}

/// How often the count of that loop stands in a profile, which is words: nothing else runs as often.
fn counts(profile: &Path) -> usize {
    const TIMES: u64 = 0x00c0_ffee;
    let bytes = fs::read(profile).unwrap();
    let words = bytes.chunks_exact(8).map(|word| u64::from_le_bytes(word.try_into().unwrap()));
    words.filter(|word| (TIMES..=TIMES + 1).contains(word)).count()
}

/// The runner's pid is in the guest's pattern: the runtime has read it before there was a guest. With `%m` the
/// runtime merges the two, as cargo-llvm-cov asks for; else one stands behind the other.
#[test]
fn a_profile_comes_out_of_a_foreign_root() {
    needs!(Need::NAMESPACES, Need::Compiler);
    for pattern in ["%p-%m.profraw", "%p.profraw", "%4m.profraw", "profraw"] {
        assert_eq!(counted("counts_in_an_empty_root", pattern), 1, "{pattern}");
    }
}

#[test]
fn a_killed_body_has_none() {
    needs!(Need::NAMESPACES, Need::Compiler);
    assert_eq!(counted("counts_and_is_killed", "%p-%m.profraw"), 0);
}
