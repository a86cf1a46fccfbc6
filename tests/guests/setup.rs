//! Guests that cannot be set up: the body must not run, and nothing may pass.

use harness::isolated;

#[isolated(pid, workdir = "/no/such/directory")]
fn a_missing_directory() {}

/// Above `fs.nr_open`, which not even root may exceed.
#[isolated(pid, rlimit(nofile = 4_000_000_000))]
fn more_descriptors_than_the_kernel_gives() {}

#[isolated(pid, bind = "/etc/hostname:/proc/no/such/place")]
fn a_mount_point_that_cannot_be_made() {}

#[isolated(pid, workdir = "/no/such/directory", expect = exit(1))]
fn a_missing_directory_is_no_exit() {}

#[isolated(pid, workdir = "/no/such/directory", leaks = allow, unsupported = skip)]
fn a_missing_directory_is_not_unsupported() {}
