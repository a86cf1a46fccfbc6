//! The same tests for every machine: what each asks for is there, or it does not run. Those in
//! `must_fail` pass nowhere.

use std::fs;
use std::path::Path;

use harness::isolated;
use harness_tests::{checks, pen};

#[isolated]
fn nothing() {}

#[isolated(pid)]
fn own_pids() {
    checks::alone_with_an_init();
}

#[isolated(uts, hostname = "box")]
fn own_name() {
    checks::hostname_is_box();
}

#[isolated(net)]
fn own_network() {
    checks::only_loopback();
}

#[isolated(ipc)]
fn own_queues() {
    let id = harness_tests::sys::make_queue(0x6861_726e).unwrap();
    harness_tests::sys::remove_queue(id);
}

#[isolated(user, uts)]
fn own_ids() {}

#[isolated(time)]
fn own_clock() {}

#[isolated(tmpfs = "/mnt:1M")]
fn own_files() {
    checks::is_full_at(Path::new("/mnt"), 1024);
}

#[isolated(pid, rootfs)]
fn view_of_the_host() {
    fs::write("/harness-everywhere", "").unwrap();
}

#[isolated(rlimit(nofile = 64))]
fn few_files() {
    checks::rlimit_is(nix::sys::resource::Resource::RLIMIT_NOFILE, 64);
}

/// Sees its own limit where the hierarchy is to be seen.
#[isolated(mem = "32M")]
fn little_memory() {
    let Ok(leaf) = pen::own() else { return };
    let limit = ["memory.limit_in_bytes", "memory.max"];
    let limit = limit.iter().find_map(|file| fs::read_to_string(leaf.directory.join(file)).ok());
    assert_eq!(limit.unwrap().trim(), (32 << 20).to_string());
}

#[isolated(mem = "16M", expect = oom)]
fn out_of_memory() {
    std::hint::black_box(vec![1_u8; 64 << 20]);
}

#[isolated(pids = 1)]
fn few_processes() {
    checks::forks_fail();
}

/// A slow machine may use up less than this before it gets here.
#[isolated(cpu_time = "60s")]
fn little_cpu_time() {}

#[isolated(timeout = "60s")]
fn little_time() {}

#[isolated(pid, net, mem = "64M", pids = 8, timeout = "60s")]
fn several() {
    checks::alone_with_an_init();
    checks::only_loopback();
}

mod must_fail {
    use super::*;

    #[isolated]
    fn panics() {
        panic!("on purpose");
    }

    #[isolated(pid)]
    fn panics_in_own_pids() {
        panic!("on purpose");
    }

    #[isolated]
    #[expect(clippy::exit, reason = "what this guest is for")]
    fn exits() {
        std::process::exit(0);
    }

    #[isolated(pid)]
    fn leaves_a_process() {
        harness_tests::sys::fork(|| {
            loop {
                nix::unistd::pause();
            }
        })
        .unwrap();
    }

    #[isolated(timeout = "50ms")]
    fn does_not_end() {
        std::thread::park();
    }

    #[isolated(cpu_time = "50ms")]
    fn spins() {
        loop {
            std::hint::spin_loop();
        }
    }

    #[isolated(mem = "16M")]
    fn eats_too_much() {
        std::hint::black_box(vec![1_u8; 64 << 20]);
    }

    #[isolated(mem = "64M", expect = oom)]
    fn eats_little() {}

    #[isolated(pids = 8)]
    fn may_fork() {
        checks::forks_fail();
    }

    #[isolated(net)]
    fn has_another_name() {
        checks::hostname_is_box();
    }

    #[isolated(uts)]
    fn sees_the_network() {
        checks::only_loopback();
        checks::alone_with_an_init();
    }
}
