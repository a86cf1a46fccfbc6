//! A limit, in whatever cgroup the runner is started.

use harness::isolated;

/// Small pages: the kernel gives up a huge one before it calls the OOM killer.
fn eat(mebibytes: usize) {
    nix::sys::prctl::set_thp_disable(true).unwrap();
    std::hint::black_box(vec![1_u8; mebibytes << 20]);
}

#[isolated(pid, mem = "32M", timeout = "60s")]
fn fits() {
    eat(8);
}

#[isolated(pid, mem = "16M", timeout = "60s")]
fn does_not_fit() {
    eat(64);
}

#[isolated(pid, mem = "16M", timeout = "60s", expect = oom)]
fn is_killed() {
    eat(64);
}

#[isolated(pid, mem = "32M", cpuset = "0-1")]
fn two_cpus() {}
