//! A view of the host in a user namespace, where `/` cannot be a lowerdir: put together entry by entry.

use harness_tests::machine::Need;
use harness_tests::needs;
use std::fs;
use std::path::Path;

use harness::isolated;

const MARKS: [&str; 4] = ["/harness-mark", "/etc/harness-mark", "/usr/harness-mark", "/var/harness-mark"];

#[isolated(all, rootfs)]
fn writes_stay_inside_and_reads_see_the_host() {
    for mark in MARKS {
        fs::write(mark, "inside").unwrap();
        assert_eq!(fs::read_to_string(mark).unwrap(), "inside");
    }
    assert!(fs::metadata("/etc/passwd").unwrap().len() > 0);
    assert!(Path::new("/bin/sh").exists());
    fs::remove_file("/etc/passwd").unwrap();
    assert!(std::process::Command::new("/bin/sh").args(["-c", "exit 0"]).status().unwrap().success());
}

/// Whenever it is looked at.
#[test]
fn the_host_never_sees_them() {
    needs!(Need::NAMESPACES);
    for mark in MARKS {
        assert!(!Path::new(mark).exists(), "{mark}");
    }
    assert!(Path::new("/etc/passwd").exists());
}
