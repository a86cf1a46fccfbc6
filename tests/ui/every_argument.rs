//! Every argument, in every form: `main.rs` builds this, and nobody runs it.

use harness::isolated;

#[isolated(user, pid, mount, uts, ipc, net, cgroup, time)]
fn namespaces() {}

#[isolated(all, pid1)]
fn all_and_pid1() {}

#[isolated()]
fn empty_parentheses() {}

#[isolated]
fn no_parentheses() {}

#[isolated(hostname = "box-1.example", uid = 1000, gid = 0)]
fn identity() {}

#[isolated(map = identity)]
fn identity_mapping() {}

#[isolated(map = root, user)]
fn root_mapping() {}

#[isolated(rootfs, readonly, workdir = "/srv", clear_env, env = "A=1", env = "B=", env = "C=a=b")]
fn filesystem() {}

#[isolated(rootfs = "/", bind = "src:/data", bind = "/etc:/host:ro", tmpfs = "/tmp", tmpfs = "/run:16MiB")]
fn mounts() {}

#[isolated(rootfs = ".")]
fn relative_rootfs() {}

#[isolated(
    mem = "100M",
    swap = 0,
    pids = 20,
    cpu = 0.5,
    cpuset = "0-3,7",
    timeout = "1.5s",
    cpu_time = "250ms"
)]
fn limits() {}

#[isolated(mem = 104_857_600, swap = "1.5GiB", cpu = 2, cpuset = "0", timeout = "2min")]
fn other_limits() {}

#[isolated(rlimit(as = "1G", core = 0, cpu = "2s", data = unlimited, fsize = "1M", locks = 1, memlock = "64K"))]
fn rlimits() {}

#[isolated(rlimit(
    msgqueue = 1,
    nice = 1,
    nofile = 64,
    nproc = 8,
    rss = 1,
    rtprio = 1,
    rttime = "100us",
    sigpending = 1,
    stack = "1M",
))]
fn other_rlimits() {}

#[isolated(mem = "16M", expect = oom, leaks = fail, unsupported = fail)]
fn oom() {}

#[isolated(timeout = "1s", expect = timeout, leaks = warn, unsupported = skip)]
fn timeout() {}

#[isolated(expect = exit(255), leaks = allow)]
fn exit() {}

#[isolated(expect = signal(SIGSEGV))]
fn signal() {}

#[isolated(expect = signal(KILL))]
fn short_signal() {}
