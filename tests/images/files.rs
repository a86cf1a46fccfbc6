//! `file("PATH" = "CONTENT")`.

use std::fs;
use std::net::ToSocketAddrs;
use std::path::Path;

use harness::isolated;
use harness_tests::machine::Need;
use harness_tests::twin::Twin;
use harness_tests::{checks, needs};

#[isolated(
    pid,
    rootfs = "rootfs/empty",
    file("/etc/hosts" = "127.0.0.1 db\n", "/new/place/manifest" = include_str!("../Cargo.toml"))
)]
fn in_a_root_of_its_own() {
    assert_eq!(fs::read_to_string("/etc/hosts").unwrap(), "127.0.0.1 db\n");
    assert!(fs::read_to_string("/new/place/manifest").unwrap().contains("harness-tests"));
    let address = "db:80".to_socket_addrs().unwrap().next().unwrap();
    assert_eq!(address.to_string(), "127.0.0.1:80");
    fs::write("/etc/hosts", "written").unwrap();
    assert_eq!(fs::read_to_string("/etc/hosts").unwrap(), "written");
}

const NOBODYS: &str = "a motd of our own";

#[isolated(pid, rootfs, file("/etc/passwd" = "root:x:0:0::/:/bin/sh\n"), file("/etc/hostname" = NOBODYS))]
fn in_a_view_of_the_host() {
    assert_eq!(fs::read_to_string("/etc/passwd").unwrap(), "root:x:0:0::/:/bin/sh\n");
    assert_eq!(fs::read_to_string("/etc/hostname").unwrap(), NOBODYS);
}

/// The host's own tree: nothing is made in it, one of its files is covered.
#[isolated(pid, file("/etc/passwd" = "somebody else"))]
fn over_a_file_of_the_host() {
    fs::write("/etc/passwd", "written").unwrap();
    assert_eq!(fs::read_to_string("/etc/passwd").unwrap(), "written");
    assert!(Path::new("/tmp").exists());
}

#[isolated(pid, rootfs = "rootfs/fixture", readonly, file("/hello.txt" = "of its own"))]
fn in_a_readonly_root() {
    assert_eq!(fs::read_to_string("/hello.txt").unwrap(), "of its own");
    checks::is_readonly(&["/"]);
    assert!(fs::write("/hello.txt", "x").is_err());
}

#[isolated(pid, rootfs = "rootfs/fixture", upper = "copy", file("/hello.txt" = "of its own"))]
fn in_a_copy() {
    assert_eq!(fs::read_to_string("/hello.txt").unwrap(), "of its own");
}

#[test]
fn the_host_keeps_its_own() {
    needs!(Need::NAMESPACES);
    let before = fs::read("/etc/passwd").unwrap();
    Twin::tests(&["files::covers_a_file_of_the_host"]).run().must_pass();
    assert_eq!(fs::read("/etc/passwd").unwrap(), before);
}

#[test]
fn without_a_root_nothing_is_made() {
    needs!(Need::NAMESPACES);
    let ran = Twin::tests(&["files::makes_a_file_in_the_host"]).run();
    let error = &ran.run_of("files::makes_a_file_in_the_host")["setup_error"];
    assert_eq!(error["errno"], "ENOENT", "{error}");
    assert!(ran.stdout.contains("make the mount point /etc/harness-is-not-there"), "{}", ran.output());
    assert!(!Path::new("/etc/harness-is-not-there").exists());
}
