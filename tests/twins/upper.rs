//! Guests that write to roots whose upperdir is on a disk, or that are copies.

use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;

use harness::isolated;

fn scribble() {
    fs::write("/hello.txt", "something else").unwrap();
    fs::remove_dir_all("/data").unwrap();
    fs::create_dir_all("/new/closed/inner").unwrap();
    fs::set_permissions("/new/closed", Permissions::from_mode(0o0)).unwrap();
}

#[isolated(pid, rootfs = "rootfs/fixture", upper = "disk")]
fn scribbles_on_disk() {
    scribble();
}

#[isolated(pid, rootfs = "rootfs/fixture", upper = "copy")]
fn scribbles_over_a_copy() {
    scribble();
}

#[isolated(pid, rootfs = "rootfs/fixture", upper = "disk")]
fn panics_on_disk() {
    scribble();
    panic!("at the end");
}

fn write_48_mebibytes() {
    let mut file = fs::File::create("/large").unwrap();
    for _ in 0..48 {
        file.write_all(&[7; 1 << 20]).unwrap();
        file.sync_all().unwrap();
    }
}

#[isolated(pid, rootfs = "rootfs/fixture", upper = "disk", mem = "24M")]
fn writes_more_than_its_memory_to_disk() {
    write_48_mebibytes();
}

#[isolated(pid, rootfs = "rootfs/fixture", mem = "24M")]
fn writes_more_than_its_memory() {
    write_48_mebibytes();
}
