//! Changing the world under the harness. What the kernel allows a test to do is no failure; hiding what
//! went wrong must not work.

use harness::isolated;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::resource::{Resource, setrlimit};

#[isolated(pid)]
fn unmounts_proc() {
    umount2("/proc", MntFlags::MNT_DETACH).unwrap();
}

#[isolated(pid)]
fn mounts_over_proc() {
    mount(Some("none"), "/proc", Some("tmpfs"), MsFlags::empty(), None::<&str>).unwrap();
}

#[isolated(pid)]
fn mounts_over_proc_and_panics() {
    mount(Some("none"), "/proc", Some("tmpfs"), MsFlags::empty(), None::<&str>).unwrap();
    panic!("without /proc");
}

#[isolated(pid, tmpfs = "/mnt")]
fn mounts_something_of_its_own() {
    mount(Some("none"), "/mnt", Some("tmpfs"), MsFlags::empty(), None::<&str>).unwrap();
    std::fs::write("/mnt/file", "text").unwrap();
}

#[isolated(pid, tmpfs = "/mnt")]
fn removes_its_directory() {
    std::fs::create_dir("/mnt/here").unwrap();
    std::env::set_current_dir("/mnt/here").unwrap();
    std::fs::remove_dir("/mnt/here").unwrap();
}

#[isolated(pid, tmpfs = "/mnt")]
fn changes_its_root() {
    nix::unistd::chroot("/mnt").unwrap();
    std::env::set_current_dir("/").unwrap();
    assert_eq!(std::fs::read_dir("/").unwrap().count(), 0);
}

const RLIMITS: [Resource; 4] =
    [Resource::RLIMIT_NOFILE, Resource::RLIMIT_FSIZE, Resource::RLIMIT_NPROC, Resource::RLIMIT_CORE];

#[isolated(pid)]
fn sets_its_rlimits_to_0() {
    RLIMITS.into_iter().for_each(|resource| setrlimit(resource, 0, 0).unwrap());
}

#[isolated(pid)]
fn sets_its_rlimits_to_0_and_panics() {
    RLIMITS.into_iter().for_each(|resource| setrlimit(resource, 0, 0).unwrap());
    panic!("without descriptors");
}

#[isolated(pid)]
fn leaves_its_process_group() {
    let pid = nix::unistd::getpid();
    nix::unistd::setpgid(pid, pid).unwrap();
}

#[isolated(pid)]
fn becomes_a_session_leader_and_kills_it() {
    if crate::raw::fork().is_none() {
        nix::unistd::setsid().unwrap();
        crate::raw::exit_now(0);
    }
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(0), nix::sys::signal::Signal::SIGKILL).unwrap();
}

#[isolated(pid)]
fn unshares_once_more() {
    use nix::sched::{CloneFlags, unshare};
    unshare(CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWUTS).unwrap();
    nix::unistd::sethostname("deeper").unwrap();
}

/// The children of a body that unshared its pids live in a namespace below.
#[isolated(pid)]
fn leaves_a_child_in_a_namespace_below() {
    nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWPID).unwrap();
    crate::program("sleeper").spawn().unwrap();
}

/// Gives up what privilege there is, where there is somebody else to become.
fn become_nobody() {
    let nobody = nix::unistd::Uid::from_raw(65534);
    let became = nix::unistd::setresuid(nobody, nobody, nobody);
    let is_alone = harness_tests::checks::is_the_only_user();
    assert_eq!(became, if is_alone { Err(nix::errno::Errno::EINVAL) } else { Ok(()) });
}

#[isolated(pid, tmpfs = "/mnt")]
fn becomes_nobody() {
    become_nobody();
    assert!(std::fs::write("/proc/sys/kernel/hostname", "x").is_err());
}

#[isolated(pid)]
fn becomes_nobody_and_panics() {
    become_nobody();
    panic!("as nobody");
}

#[isolated(pid, clear_env)]
fn has_no_environment() {
    assert_eq!(std::env::vars_os().count(), 0);
}

/// Guests have no zygote: a test that isolates inside a test is told so.
#[isolated(pid)]
fn isolates_in_the_guest() {
    use harness::__private::{Spec, run};
    const INNER: Spec<'static> = Spec::new("guests::inner", env!("CARGO_MANIFEST_DIR"));
    run(&INNER, || 0);
}
