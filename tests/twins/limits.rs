//! Guests whose leaf is looked at from outside while they run, and guests that say themselves what they use.

use std::fs;
use std::time::Duration;

use harness::isolated;
use harness_tests::{checks, gate, sys};
use nix::sys::resource::{UsageWho, getrusage};

#[isolated(pid, mem = "32M", timeout = "60s")]
fn memory() {
    gate::arrive("limit", &std::process::id().to_string());
}

#[isolated(pid, mem = "32M", swap = "8M", timeout = "60s")]
fn swap() {
    gate::arrive("limit", "");
}

#[isolated(pids = 7, timeout = "60s")]
fn pids() {
    gate::arrive("limit", "");
}

#[isolated(cpu = 0.5, timeout = "60s")]
fn cpu() {
    gate::arrive("limit", "");
}

#[isolated(cpuset = "0", timeout = "60s")]
fn cpuset() {
    gate::arrive("limit", "");
}

#[isolated(all, mem = "48M", pids = 9, cpu = 1.5, cpuset = "0", cpu_time = "50s", timeout = "60s")]
fn together() {
    gate::arrive("limit", "");
}

/// Two at the same time: this one runs into its limit, the other does not.
#[isolated(pid, mem = "16M", timeout = "60s", expect = oom)]
fn hungry() {
    gate::arrive("hungry", "");
    std::hint::black_box(vec![1_u8; 40 << 20]);
}

#[isolated(pid, mem = "64M", timeout = "60s")]
fn content() {
    gate::arrive("content", "");
    std::hint::black_box(vec![1_u8; 40 << 20]);
    gate::arrive("content", "");
}

#[isolated(pid, timeout = "100ms")]
fn waits_for_ever() {
    std::thread::park();
}

#[isolated(pid, cpu_time = "100ms")]
fn spins_for_ever() {
    loop {
        std::hint::spin_loop();
    }
}

/// A child's time counts, too.
#[isolated(cpu_time = "100ms")]
fn a_child_spins_for_ever() {
    sys::fork(|| {
        loop {
            std::hint::spin_loop();
        }
    })
    .unwrap();
    std::thread::park();
}

#[isolated(pid, cpu_time = "60s", timeout = "60s")]
fn in_time() {}

/// Small pages, so that there is a fault for each.
fn touch(mebibytes: usize) {
    nix::sys::prctl::set_thp_disable(true).unwrap();
    std::hint::black_box(vec![1_u8; mebibytes << 20]);
}

/// Says what it has used as the kernel tells it: seconds in microseconds, counts as they are.
fn say_what_was_used() {
    let usage = getrusage(UsageWho::RUSAGE_SELF).unwrap();
    let micros = |time: nix::sys::time::TimeVal| time.tv_sec() * 1_000_000 + time.tv_usec();
    println!(
        "used {} {} {} {} {} {}",
        micros(usage.user_time()),
        micros(usage.system_time()),
        usage.max_rss() * 1024,
        usage.minor_page_faults(),
        usage.voluntary_context_switches(),
        usage.involuntary_context_switches(),
    );
}

#[isolated(pid, mem = "100M", pids = 20)]
fn uses_32_mebibytes() {
    touch(32);
    for _ in 0..2000 {
        std::thread::sleep(Duration::from_micros(100));
    }
    say_what_was_used();
}

#[isolated(pid, mem = "100M", pids = 20)]
fn uses_5_threads() {
    let barrier = std::sync::Barrier::new(6);
    std::thread::scope(|scope| {
        for _ in 0..5 {
            scope.spawn(|| barrier.wait());
        }
        barrier.wait();
    });
}

#[isolated(pid, pids = 3)]
fn is_refused_a_process() {
    let children: Vec<_> = (0..5).map(|_| sys::fork(|| ())).collect();
    assert_eq!(children.iter().filter(|child| child.is_err()).count(), 3, "{children:?}");
}

#[isolated(pid, cpu = 0.1)]
fn is_throttled() {
    let used = || getrusage(UsageWho::RUSAGE_SELF).unwrap().user_time().tv_usec();
    while used() < 60_000 {
        std::hint::black_box(0);
    }
}

/// File pages that nobody maps are the guest's memory, too.
#[isolated(pid, mem = "100M", tmpfs = "/mnt")]
fn fills_a_tmpfs() {
    fs::write("/mnt/file", vec![1_u8; 16 << 20]).unwrap();
}

#[isolated(pid)]
fn without_a_leaf() {}

#[isolated(cpu = 0.5)]
fn on_every_processor() {
    checks::runs_on_cpu_0_only();
}
