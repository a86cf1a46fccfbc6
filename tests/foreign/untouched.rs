//! A fixture is never written: looked at from outside, before and after a hundred guests that write everywhere.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use harness_tests::machine::Need;
use harness_tests::twin::Twin;
use harness_tests::{fixture, needs, outside};
use tempfile::TempDir;

/// What differs, by path.
fn differences(before: &BTreeMap<PathBuf, String>, after: &BTreeMap<PathBuf, String>) -> Vec<PathBuf> {
    let paths = before.keys().chain(after.keys()).filter(|path| before.get(*path) != after.get(*path));
    paths.cloned().collect()
}

fn hundred_guests_leave_as_it_was(root: &'static str) {
    needs!(Need::OVERLAY, Need::Fixture(root));
    let path = fixture(root);
    let before = outside::fingerprint(&path);
    let ran = Twin::tests(&["foreign::hundred_scribble_at_once"]).env("ROOT", &path).run();
    ran.must_pass();
    assert_eq!(ran.runs().len(), 100);
    assert_eq!(differences(&before, &outside::fingerprint(&path)), [] as [PathBuf; 0]);
}

#[test]
fn busybox_is_as_it_was() {
    hundred_guests_leave_as_it_was("busybox");
}

#[test]
fn debian_is_as_it_was() {
    hundred_guests_leave_as_it_was("debian");
}

/// The same guest, on a copy of the fixture that it was given to write to.
#[test]
fn a_writable_bind_would_be_seen() {
    needs!(Need::NAMESPACES, Need::Fixture("busybox"));
    let directory = TempDir::new().unwrap();
    let copy = directory.path().join("copy");
    copy_tree(&fixture("busybox"), &copy);
    let before = outside::fingerprint(&copy);
    Twin::tests(&["foreign::scribbles_through_a_bind"]).env("ROOT", &copy).run().must_pass();
    assert!(differences(&before, &outside::fingerprint(&copy)).len() > 100);
}

fn copy_tree(from: &Path, to: &Path) {
    let status = Command::new("cp").arg("-a").args([from, to]).status().unwrap();
    assert!(status.success());
}
