//! The checks of `isolation/`, `limits/` and `rootfs/` in guests that lack what they check: each must fail.

use std::path::Path;

use harness::isolated;
use harness_tests::checks;
use nix::sys::resource::Resource;

#[isolated(pid)]
fn hostname() {
    checks::hostname_is_box();
}

#[isolated(uts)]
fn pid() {
    checks::alone_with_an_init();
}

#[isolated(pid)]
fn pid1() {
    checks::alone();
}

#[isolated(uts)]
fn net() {
    checks::only_loopback();
}

#[isolated(mem = "100M", pids = 10)]
fn cgroup() {
    checks::leaf_is_the_root();
}

#[isolated(gid = 1000)]
fn uid() {
    checks::unprivileged(1000, 1000);
}

#[isolated(pids = 2)]
fn pids() {
    checks::forks_fail();
}

#[isolated(rlimit(nofile = 65))]
fn nofile() {
    checks::rlimit_is(Resource::RLIMIT_NOFILE, 64);
}

#[isolated(tmpfs = "/mnt")]
fn tmpfs_size() {
    checks::is_full_at(Path::new("/mnt"), 1024);
}

#[isolated(rootfs)]
fn readonly() {
    checks::is_readonly(&["/tmp"]);
}
