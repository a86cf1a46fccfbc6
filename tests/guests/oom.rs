//! The OOM killer in the guest.
//!
//! Limits far above what an empty body takes, and meals far above the limits.

use std::process::ExitStatus;

use harness::isolated;

use crate::{eat, program, run};

/// A child that eats 128 MiB.
fn hungry() -> ExitStatus {
    run("hungry", &["--step", "8M", "--pause", "0", "--until", "128M"])
}

#[isolated(pid, mem = "64M")]
fn stays_below() {
    eat(16);
}

#[isolated(pid, mem = "32M")]
fn eats_too_much() {
    eat(128);
}

#[isolated(mem = "32M")]
fn eats_too_much_without_a_namespace() {
    eat(128);
}

#[isolated(pid, mem = "32M")]
fn a_thread_eats_too_much() {
    drop(std::thread::spawn(|| eat(128)).join());
}

#[isolated(pid, mem = "32M")]
fn a_child_is_killed_and_ignored() {
    hungry();
}

#[isolated(mem = "32M")]
fn a_child_is_killed_without_a_namespace() {
    hungry();
}

#[isolated(pid, mem = "32M")]
fn a_child_is_killed_and_noticed() {
    assert!(hungry().success(), "the child died");
}

#[isolated(pid, mem = "64M")]
fn a_child_stays_below() {
    assert!(run("hungry", &["--step", "4M", "--pause", "0", "--until", "16M"]).success());
}

#[isolated(pid, mem = "32M")]
fn a_child_is_killed_before_exit_0() {
    hungry();
    crate::raw::exit_now(0);
}

#[isolated(pid, mem = "32M")]
fn another_survives() {
    program("sleeper").spawn().unwrap();
    eat(128);
}

#[isolated(pid, mem = "32M")]
fn in_a_sub_cgroup() {
    assert!(run("sub_cgroup_hog", &["--until", "128M"]).success());
}

/// The limit is the sub-cgroup's own: part of the test, and a kill all the same.
#[isolated(pid, mem = "64M")]
fn by_the_limit_of_a_sub_cgroup() {
    assert!(run("sub_cgroup_hog", &["--until", "128M", "--limit", "16M"]).success());
}

#[isolated(pid, mem = "64M")]
fn a_sub_cgroup_stays_below() {
    assert!(run("sub_cgroup_hog", &["--until", "8M"]).success());
}

/// Files on a tmpfs are memory. The writer is killed.
#[isolated(pid, mem = "32M", tmpfs = "/mnt:256M")]
fn by_files_on_a_tmpfs() {
    run("tmpfs_hog", &["--dir", "/mnt", "--until", "128M"]);
}

#[isolated(pid, mem = "64M", tmpfs = "/mnt:256M")]
fn files_on_a_tmpfs_stay_below() {
    assert!(run("tmpfs_hog", &["--dir", "/mnt", "--until", "16M"]).success());
}

#[isolated(pid, mem = "32M")]
fn by_a_memfd() {
    use nix::sys::memfd::{MFdFlags, memfd_create};
    use std::io::Write;
    let memfd = memfd_create(c"hog", MFdFlags::MFD_CLOEXEC).unwrap();
    let mut memfd = std::fs::File::from(memfd);
    for _ in 0..128 {
        memfd.write_all(&[1; 1 << 20]).unwrap();
    }
}

/// Address space is not memory: nothing is charged before it is touched.
#[isolated(pid, mem = "64M")]
fn reserves_and_does_not_touch() {
    let reserved = Vec::<u8>::with_capacity(1 << 30);
    assert_eq!(std::hint::black_box(&reserved).capacity(), 1 << 30);
}

/// No OOM kill: the allocation is refused, and std aborts.
#[isolated(pid, rlimit(as = "1G"))]
fn the_address_space_is_limited() {
    eat(2048);
}
