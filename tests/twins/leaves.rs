//! Guests whose leaf is too small for anything, is taken away, or outlives their init.

use std::time::Duration;

use harness::{Sandbox, Size, isolated};
use harness_tests::{gate, sys};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{getppid, setsid};

#[isolated(pid, mem = "4K", timeout = "60s")]
fn one_page() {}

#[isolated(mem = "64K", timeout = "60s")]
fn sixteen_pages() {}

#[isolated(pid, mem = "4K", timeout = "60s", expect = oom)]
fn one_page_is_expected() {}

/// Less than the first allocation of a body takes.
#[isolated(pid, mem = "1", timeout = "60s")]
fn one_byte() {}

#[isolated(mem = "64M", pids = 7, timeout = "60s")]
fn waits() {
    gate::arrive("leaf", &std::process::id().to_string());
}

#[isolated(mem = "64M", pids = 7, cgroup, timeout = "60s")]
fn waits_in_a_namespace() {
    gate::arrive("leaf", &std::process::id().to_string());
}

/// Whoever expects its code does not ask what it says.
#[isolated(mem = "64M", expect = exit(3), timeout = "60s")]
#[expect(clippy::exit, reason = "what this test is for")]
fn waits_and_exits() {
    gate::arrive("leaf", "");
    std::process::exit(3);
}

#[isolated(pid, mem = "64M", expect = signal(SIGUSR1), timeout = "60s")]
fn waits_and_is_killed() {
    gate::arrive("leaf", "");
    nix::sys::signal::raise(Signal::SIGUSR1).unwrap();
}

/// A program has nobody in it to look where it is.
#[test]
fn a_program_waits() {
    let at = gate::directory();
    let script = format!("echo >{0}/leaf.here; read line <{0}/leaf.go", at.display());
    let sandbox = Sandbox::new().memory_max(Size::mib(64)).timeout(Duration::from_secs(60));
    let run = sandbox.command("sh").args(["-c", &script]).output().unwrap();
    assert!(run.passed(), "{run}");
}

/// Without a pid namespace its child lives on.
#[isolated(mem = "64M", timeout = "60s")]
fn kills_its_init() {
    sys::fork(|| {
        setsid().unwrap();
        gate::tell("leaf", "");
        loop {
            nix::unistd::pause();
        }
    })
    .unwrap();
    gate::wait("leaf");
    kill(getppid(), Signal::SIGKILL).unwrap();
    loop {
        nix::unistd::pause();
    }
}

/// A test that lifts its own limit was not limited.
#[isolated(pid, pids = 7, timeout = "60s")]
fn lifts_its_limit() {
    let own = std::fs::read_to_string("/proc/self/cgroup").unwrap();
    let of_pids = |line: &&str| line.split(':').nth(1).is_some_and(|names| names == "pids");
    let line = own.lines().find(of_pids).or_else(|| own.lines().find(|line| line.starts_with("0::")));
    let path = line.unwrap().splitn(3, ':').nth(2).unwrap().trim_start_matches('/');
    let files = ["/sys/fs/cgroup/pids", "/sys/fs/cgroup"].map(|point| format!("{point}/{path}/pids.max"));
    let file = files.iter().find(|file| std::path::Path::new(file).exists()).unwrap();
    std::fs::write(file, "max").unwrap();
}
