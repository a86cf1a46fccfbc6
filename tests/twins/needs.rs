//! Guests that ask for what is not there, on this machine or on one that the test outside has broken.

use harness::isolated;
use harness_tests::outside;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

#[isolated(pid, uts)]
fn pid_and_uts() {
    assert_eq!(std::process::id(), 2);
}

#[isolated(mem = "100M")]
fn mem() {}

#[isolated(pids = 20)]
fn pids() {}

#[isolated(cpu = 0.5)]
fn cpu() {}

#[isolated(cpu_time = "20s")]
fn cpu_time() {}

#[isolated(cpuset = "0")]
fn cpuset() {}

#[isolated(pid, mem = "100M", unsupported = skip)]
fn mem_or_skip() {}

#[isolated(pid, mem = "100M", unsupported = fail)]
fn mem_or_fail() {}

#[isolated(user, uts)]
fn user_namespace() {}

#[isolated(all)]
fn every_namespace() {}

#[isolated(mem = "100M", pids = 20, cpu = 0.5)]
fn every_limit() {}

#[isolated]
fn nothing() {}

#[isolated(pid, rootfs = "rootfs/fixture")]
fn foreign_root() {}

#[isolated(pid, rootfs)]
fn view_of_the_host() {}

#[isolated(pid, rootfs = "/no/such/root")]
fn missing_root() {}

#[isolated(pid, rootfs = "/etc/passwd")]
fn file_as_root() {}

#[isolated(pid, bind = "/no/such/source:/mnt")]
fn missing_bind_source() {}

#[isolated(pid, bind = "rootfs/fixture:/no/such/target")]
fn missing_bind_target() {}

#[isolated(pid, bind = "/etc/passwd:/mnt")]
fn file_on_a_directory() {}

#[isolated(pid, tmpfs = "/no/such/target")]
fn missing_tmpfs_target() {}

#[isolated(pid, workdir = "/no/such/directory")]
fn missing_workdir() {}

#[isolated(pid, workdir = "/etc/passwd")]
fn file_as_workdir() {}

/// Not even root may have more than `fs.nr_open`.
#[isolated(pid, rlimit(nofile = 4_000_000_000))]
fn too_many_files() {}

/// A CPU that no machine has.
#[isolated(pid, cpuset = "60000")]
fn missing_cpu() {}

/// A set-up that fails is not the panic that the test is to show.
#[isolated(pid, workdir = "/no/such/directory")]
#[should_panic]
fn missing_workdir_under_should_panic() {
    panic!("as it should");
}

/// Not asked to skip by name: the attribute does not take that together with `#[should_panic]`.
#[isolated(mem = "100M")]
#[should_panic]
fn too_little_under_should_panic() {
    panic!("as it should");
}

/// Passes, unless nothing isolated may run: then returning is the failure.
#[isolated(pid)]
#[should_panic]
fn panics_as_it_should() {
    panic!("as it should");
}

/// Overlay takes no /proc as a lower layer: a machine may have overlay and still lack this.
#[isolated(rootfs = "/proc", unsupported = skip)]
fn overlay_over_proc_or_skip() {}

/// A guest calls an isolated function.
#[isolated(pid)]
fn nested() {
    pid_and_uts();
}

#[test]
fn killed_zygote() {
    pid_and_uts();
    kill_zygote();
    pid_and_uts();
}

#[test]
fn killed_zygote_with_a_leaf() {
    mem();
    kill_zygote();
    mem();
}

fn kill_zygote() {
    let own = std::process::id().cast_signed();
    let children = outside::children(own);
    let zygote = children.iter().find(|child| child.comm == "harness-zygote").expect("a zygote");
    kill(Pid::from_raw(zygote.pid), Signal::SIGKILL).unwrap();
    assert!(harness_tests::sys::ends(zygote.pid));
}

/// Says how many zygotes this process has.
#[test]
fn zygotes() {
    let own = std::process::id().cast_signed();
    println!(
        "zygotes: {}",
        outside::children(own).iter().filter(|child| child.comm == "harness-zygote").count()
    );
}
