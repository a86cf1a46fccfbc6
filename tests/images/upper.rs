//! `upper`: where what a guest writes to its root goes.

use std::fs;
use std::path::Path;

use harness::isolated;
use harness_tests::machine::Need;
use harness_tests::twin::Twin;
use harness_tests::{needs, outside};

fn fixture() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("rootfs/fixture")
}

fn filesystem_of_the_root() -> String {
    let mounts = outside::mounts();
    let root = mounts.lines().find(|line| line.split(' ').nth(4) == Some("/")).unwrap();
    root.split(" - ").nth(1).unwrap().split(' ').next().unwrap().to_owned()
}

#[isolated(pid, rootfs = "rootfs/fixture", upper = "disk")]
fn on_disk() {
    assert_eq!(filesystem_of_the_root(), "overlay");
    assert_eq!(fs::read_to_string("/hello.txt").unwrap(), "hello\n");
    fs::write("/hello.txt", "other").unwrap();
    assert_eq!(fs::read_to_string("/hello.txt").unwrap(), "other");
}

#[isolated(pid, rootfs, upper = "disk")]
fn of_the_host_on_disk() {
    fs::write("/tmp/harness-upper", "x").unwrap();
    fs::write("/usr/harness-upper", "x").unwrap();
}

#[isolated(pid, rootfs = "rootfs/fixture", upper = "copy")]
fn a_copy_has_no_overlay() {
    assert_eq!(filesystem_of_the_root(), "tmpfs");
    assert_eq!(fs::read_to_string("/data/sub/file").unwrap(), "some data\n");
    assert!(Path::new("/dev/null").exists() && Path::new("/proc/self").exists());
    fs::write("/hello.txt", "other").unwrap();
    fs::remove_dir_all("/data").unwrap();
    fs::write("/new", "x").unwrap();
}

#[test]
fn no_directory_is_changed_and_nothing_is_left() {
    needs!(Need::OVERLAY);
    let cache = tempfile::tempdir().unwrap();
    let before = outside::fingerprint(&fixture());
    let tests = ["upper::scribbles_on_disk", "upper::scribbles_over_a_copy", "upper::panics_on_disk"];
    let ran = Twin::tests(&tests).env("HARNESS_CACHE", cache.path()).run();
    for (test, outcome) in tests.iter().zip(["passed", "passed", "panicked"]) {
        assert_eq!(ran.outcome(test), outcome, "{}", ran.output());
    }
    assert_eq!(outside::fingerprint(&fixture()), before);
    // It was used.
    assert_eq!(fs::read_dir(cache.path().join("upper")).unwrap().count(), 0);
}

/// A disk is not memory; and the tmpfs is.
#[test]
fn only_the_tmpfs_is_charged() {
    needs!(Need::MEMORY);
    let ran =
        Twin::tests(&["upper::writes_more_than_its_memory_to_disk", "upper::writes_more_than_its_memory"])
            .run();
    assert_eq!(ran.outcome("upper::writes_more_than_its_memory_to_disk"), "passed", "{}", ran.output());
    assert_eq!(ran.outcome("upper::writes_more_than_its_memory"), "oom_killed", "{}", ran.output());
}

#[test]
fn where_no_directory_can_be_made() {
    needs!(Need::NAMESPACES);
    let file = tempfile::NamedTempFile::new().unwrap();
    let ran = Twin::tests(&["upper::scribbles_on_disk"]).env("HARNESS_CACHE", file.path()).run();
    let error = &ran.run_of("upper::scribbles_on_disk")["setup_error"];
    assert_eq!(error["errno"], "ENOTDIR", "{error}");
    assert!(ran.stdout.contains("make a directory for the upperdir"), "{}", ran.output());
}
