//! TMPDIR, /proc and preloaded libraries.

use std::process::Command;

use harness_tests::machine::Need;
use harness_tests::needs;
use harness_tests::twin::Twin;
use tempfile::TempDir;

use crate::error::unsupported;

const ALL: [&str; 5] =
    ["needs::pid_and_uts", "needs::mem", "needs::nothing", "needs::view_of_the_host", "endings::passes"];

#[test]
fn no_tmpdir() {
    needs!(Need::MEMORY);
    Twin::tests(&ALL).env_remove("TMPDIR").run().must_pass();
    Twin::tests(&ALL).env("TMPDIR", "/no/such/directory").run().must_pass();
}

#[test]
fn no_proc() {
    needs!(Need::Root);
    let unshare = ["unshare", "--mount", "--propagation=private"];
    for script in ["umount --recursive /proc", "mount -t tmpfs none /proc"] {
        let ran = Twin::in_shell(&unshare, script, &["needs::pid_and_uts"]).run();
        unsupported(&ran, "needs::pid_and_uts", "/proc", "/proc/self cannot be read", "mount -t proc");
    }
}

/// A library whose constructor starts a thread.
pub(crate) struct Library {
    _directory: TempDir,
    path: std::path::PathBuf,
}

impl Library {
    pub(crate) fn path(&self) -> &std::path::Path {
        &self.path
    }
}

/// Made by the compiler that made this test: no other is needed on the machine.
pub(crate) fn thread_before_main() -> Library {
    let directory = tempfile::tempdir().unwrap();
    let (source, path) = (directory.path().join("thread.rs"), directory.path().join("libthread.so"));
    std::fs::write(&source, include_str!("thread.rs.txt")).unwrap();
    let made = Command::new("rustc")
        .args(["--edition=2024", "--crate-type=cdylib", "-o"])
        .arg(&path)
        .arg(&source)
        .status();
    assert!(made.unwrap().success());
    Library { _directory: directory, path }
}
