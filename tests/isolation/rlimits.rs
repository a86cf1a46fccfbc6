//! `rlimit(...)`: each is set, read back, and enforced.

use std::fs::File;
use std::io::Write;

use harness::isolated;
use harness_tests::checks;
use nix::errno::Errno;
use nix::sys::resource::{Resource, getrlimit};

#[isolated(rlimit(
    as = "8G",
    core = "1M",
    cpu = "20s",
    data = "4G",
    fsize = "2M",
    locks = 11,
    memlock = "64K",
    msgqueue = "128K",
    nice = 0,
    nofile = 64,
    nproc = 500,
    rss = "1G",
    rtprio = 0,
    rttime = "5s",
    sigpending = 100,
    stack = "4M"
))]
fn every_one_is_set() {
    for (resource, value) in [
        (Resource::RLIMIT_AS, 8 << 30),
        (Resource::RLIMIT_DATA, 4 << 30),
        (Resource::RLIMIT_FSIZE, 2 << 20),
        (Resource::RLIMIT_LOCKS, 11),
        (Resource::RLIMIT_MEMLOCK, 64 << 10),
        (Resource::RLIMIT_MSGQUEUE, 128 << 10),
        (Resource::RLIMIT_NICE, 0),
        (Resource::RLIMIT_NOFILE, 64),
        (Resource::RLIMIT_NPROC, 500),
        (Resource::RLIMIT_RSS, 1 << 30),
        (Resource::RLIMIT_RTPRIO, 0),
        (Resource::RLIMIT_RTTIME, 5_000_000),
        (Resource::RLIMIT_SIGPENDING, 100),
        (Resource::RLIMIT_STACK, 4 << 20),
        (Resource::RLIMIT_CORE, 1 << 20),
    ] {
        checks::rlimit_is(resource, value);
    }
    assert_eq!(getrlimit(Resource::RLIMIT_CPU), Ok((20, 21)));
}

#[isolated(rlimit(nofile = 64, fsize = unlimited))]
fn the_others_are_the_runners() {
    checks::rlimit_is(Resource::RLIMIT_FSIZE, libc::RLIM_INFINITY);
    let (soft, hard) = getrlimit(Resource::RLIMIT_STACK).unwrap();
    assert!(soft >= 1 << 20 && hard >= soft);
}

#[isolated(rlimit(nofile = 64))]
fn nofile_is_enforced() {
    let open: Vec<_> = (0..64).map_while(|_| File::open("/dev/null").ok()).collect();
    let error = File::open("/dev/null").map_err(|error| error.raw_os_error());
    assert_eq!(error.map(drop), Err(Some(Errno::EMFILE as i32)));
    assert!(open.len() >= 60, "{}", open.len());
}

#[isolated(pid, tmpfs = "/mnt", rlimit(fsize = "64K"), expect = signal(SIGXFSZ))]
fn fsize_is_enforced() {
    let mut file = File::create("/mnt/file").unwrap();
    drop(file.write_all(&[0; 65 << 10]));
    drop(file.write_all(&[0; 65 << 10]));
}

#[isolated(pid, rlimit(cpu = "1s"), expect = signal(SIGXCPU))]
fn cpu_is_enforced() {
    // The hard limit is a second more: at it the kernel kills, and does not come to SIGXCPU.
    loop {
        std::hint::spin_loop();
    }
}

#[isolated(pid, rlimit(as = "4G"))]
fn as_is_enforced() {
    let mut huge: Vec<u8> = Vec::new();
    assert!(huge.try_reserve_exact(5 << 30).is_err());
}

#[isolated(pid, uid = 1000, gid = 1000, rlimit(nproc = 1))]
fn nproc_is_enforced() {
    checks::forks_fail();
}

#[isolated(pid, rlimit(stack = "256K", core = 0), expect = signal(SIGABRT))]
fn stack_is_enforced() {
    fn deep(level: u64) -> u64 {
        let frame = std::hint::black_box([level; 512]);
        if level == u64::MAX { 0 } else { deep(level + 1) + frame[7] }
    }
    deep(0);
}
