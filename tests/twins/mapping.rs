//! `map`: who the body is in its user namespace.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use harness::isolated;
use harness_tests::{checks, outside, users};
use nix::unistd::{getegid, geteuid};

/// A file of our own that even we may not read: root of a user namespace may all the same.
fn closed_file_is_readable() -> bool {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("closed");
    fs::write(&path, "").unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o000)).unwrap();
    fs::read(&path).is_ok()
}

fn capabilities() -> String {
    outside::field(std::process::id().cast_signed(), "CapEff:").unwrap()
}

fn is_nobody() {
    checks::unprivileged(users::NOBODYS_ID, users::NOBODYS_ID);
    assert!(!closed_file_is_readable());
}

fn is_root_inside() {
    assert_eq!((geteuid().as_raw(), getegid().as_raw()), (0, 0));
    assert_ne!(capabilities(), "0000000000000000");
    assert!(closed_file_is_readable());
}

#[isolated(map = identity, pid, uts, net, ipc)]
fn nobody_stays_nobody() {
    is_nobody();
}

#[isolated(map = root, pid, uts, net, ipc)]
fn nobody_is_root() {
    is_root_inside();
}

#[isolated(pid)]
fn nobody_is_root_by_default() {
    is_root_inside();
}

/// Root stays root, whichever way, in a user namespace.
#[isolated(map = identity)]
fn root_stays_root() {
    is_root_inside();
    assert_eq!(fs::read_to_string("/proc/self/setgroups").unwrap().trim(), "allow");
}

mod must_fail {
    use super::*;

    #[isolated(map = root)]
    fn is_nobody_with_a_root_map() {
        is_nobody();
    }

    #[isolated(map = identity)]
    fn is_root_with_an_identity_map() {
        is_root_inside();
    }
}
