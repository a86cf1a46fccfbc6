//! Guests that the OOM killer visits, each for another reason, and their neighbours that it does not.

use std::fs;
use std::path::Path;

use harness::isolated;
use harness_tests::{gate, pen, sys};
use nix::sys::signal::{Signal, raise};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;

/// Small pages: the kernel gives up a huge one before it calls the OOM killer.
fn eat(mebibytes: usize) {
    nix::sys::prctl::set_thp_disable(true).unwrap();
    std::hint::black_box(vec![1_u8; mebibytes << 20]);
}

/// A child eats and is killed; we are not.
fn a_child_eats(first: impl FnOnce()) {
    let child = sys::fork(|| {
        first();
        // The killer takes who has most: not us, even if the kernel is in doubt.
        fs::write("/proc/self/oom_score_adj", "1000").unwrap();
        eat(64);
    });
    let ended = waitpid(Pid::from_raw(child.unwrap()), None).unwrap();
    assert!(matches!(ended, WaitStatus::Signaled(_, Signal::SIGKILL, _)), "{ended:?}");
}

/// What the kernel has counted in our leaf, for the test outside.
fn tell_kills(kills: u64) {
    fs::write(gate::directory().join("kills"), kills.to_string()).unwrap();
}

#[isolated(pid, mem = "16M", swap = "16M", timeout = "60s")]
fn own_limit() {
    eat(64);
}

/// On v1 the sum of memory and swap is limited to the same, and its limit is the one that is hit.
#[isolated(pid, mem = "16M", swap = 0, timeout = "60s")]
fn own_limit_without_swap() {
    eat(64);
}

/// The test outside limits the cgroup that the whole runner is in to less.
#[isolated(pid, mem = "1G", timeout = "60s")]
fn ancestors_limit() {
    eat(256);
}

#[isolated(pid, mem = "16M", timeout = "60s")]
fn child() {
    let leaf = pen::own().unwrap();
    a_child_eats(|| {});
    tell_kills(leaf.kills());
}

#[isolated(pid, mem = "16M", timeout = "60s")]
fn sub_cgroup() {
    let leaf = pen::own().unwrap();
    let below = leaf.directory.join("below");
    if !leaf.is_v1 {
        hand_memory_on(&leaf.directory);
    }
    fs::create_dir(&below).unwrap();
    a_child_eats(|| fs::write(below.join("cgroup.procs"), "0").unwrap());
    tell_kills(leaf.kills());
}

/// v2 enables controllers below cgroups without processes only.
fn hand_memory_on(leaf: &Path) {
    let beside = leaf.join("beside");
    fs::create_dir(&beside).unwrap();
    fs::write(beside.join("cgroup.procs"), "0").unwrap();
    fs::write(leaf.join("cgroup.subtree_control"), "+memory").unwrap();
}

/// v2 only: everything in the leaf dies with the victim.
#[isolated(pid, mem = "16M", timeout = "60s")]
fn group() {
    let leaf = pen::own().unwrap();
    fs::write(leaf.directory.join("memory.oom.group"), "1").unwrap();
    sys::fork(|| {
        loop {
            nix::unistd::pause();
        }
    })
    .unwrap();
    eat(64);
}

/// Takes all the memory of the machine: only where that is what the machine is for.
#[isolated(pid, pids = 100, timeout = "300s")]
fn host() {
    fs::write("/proc/self/oom_score_adj", "1000").unwrap();
    let mut meals = Vec::new();
    while meals.len() < 1024 {
        meals.push(vec![1_u8; 64 << 20]);
    }
    std::hint::black_box(meals);
}

/// No OOM: nearly everything, and then a SIGKILL from elsewhere.
#[isolated(pid, mem = "64M", timeout = "60s")]
fn killed_below_the_limit() {
    eat(48);
    raise(Signal::SIGKILL).unwrap();
}

/// No OOM: nearly everything.
#[isolated(pid, mem = "64M", timeout = "60s")]
fn below_the_limit() {
    eat(48);
    tell_kills(pen::own().unwrap().kills());
}
