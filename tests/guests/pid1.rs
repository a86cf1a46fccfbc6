//! The body as pid 1, asked for by name. The kernel treats pid 1 differently (pid_namespaces(7)): it
//! ignores what it sends to itself, and abort ends in SIGSEGV.
#![expect(clippy::exit, reason = "leaving early is one of the cases")]

use harness::isolated;

use crate::leaks::leave_a_nameless_one;
use crate::raw::{raise, segfault};
use crate::{eat, hang, program};

#[isolated(pid1)]
fn returns() {
    assert_eq!(std::process::id(), 1);
}

#[isolated(pid1)]
fn panics() {
    panic!("as pid 1");
}

#[isolated(pid1)]
fn returns_an_error() -> Result<(), String> {
    Err("as pid 1".to_owned())
}

#[isolated(pid1)]
fn exit_0() {
    std::process::exit(0);
}

#[isolated(pid1)]
fn ignores_sigterm_and_sigkill() {
    raise(libc::SIGTERM);
    raise(libc::SIGKILL);
}

#[isolated(pid1)]
fn ignores_sigterm_and_panics() {
    raise(libc::SIGTERM);
    panic!("went on");
}

#[isolated(pid1)]
fn aborts() {
    std::process::abort();
}

#[isolated(pid1)]
fn segfaults() {
    segfault();
}

#[isolated(pid1)]
fn overflows_its_stack() {
    crate::signals::recurse(1);
}

#[isolated(pid1, mem = "32M")]
fn eats_too_much() {
    eat(128);
}

#[isolated(pid1, timeout = "300ms")]
fn hangs() {
    hang();
}

#[isolated(pid1)]
fn leaves_a_child() {
    program("sleeper").spawn().unwrap();
}

#[isolated(pid1)]
fn leaves_a_child_and_covers_proc() {
    program("sleeper").spawn().unwrap();
    mount_over_proc();
}

#[isolated(pid1)]
fn leaves_a_child_whose_name_is_no_text() {
    leave_a_nameless_one();
}

fn use_up_descriptors() {
    while let Ok(file) = std::fs::File::open("/dev/null") {
        let _ = std::os::fd::IntoRawFd::into_raw_fd(file);
    }
}

/// Nothing can be read any more.
#[isolated(pid1, rlimit(nofile = 64))]
fn leaves_a_child_and_uses_up_its_descriptors() {
    program("sleeper").spawn().unwrap();
    use_up_descriptors();
}

/// The twin: nobody is there.
#[isolated(pid1, rlimit(nofile = 64))]
fn uses_up_its_descriptors() {
    use_up_descriptors();
}

/// The twin: nobody is there.
#[isolated(pid1)]
fn covers_proc() {
    mount_over_proc();
}

fn mount_over_proc() {
    const NONE: Option<&str> = None;
    nix::mount::mount(NONE, "/proc", Some("tmpfs"), nix::mount::MsFlags::empty(), NONE).unwrap();
}

#[isolated(pid1)]
fn waits_for_its_child() {
    assert!(crate::run("sleeper", &["--seconds", "0"]).success());
}
