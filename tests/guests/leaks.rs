//! Processes left behind.

use std::io::{PipeWriter, Read};

use harness::isolated;
use nix::mount::{MntFlags, MsFlags, mount, umount2};

use crate::raw::{end_thread, fork};
use crate::{hang, program, run};

fn leave_a_sleeper() {
    program("sleeper").spawn().unwrap();
}

#[isolated(pid)]
fn a_child() {
    leave_a_sleeper();
}

/// As that of a program with a long name, which is cut in the middle of a character.
pub(crate) fn leave_a_nameless_one() {
    // The child has it from the start.
    crate::raw::set_name(c"caf\xc3");
    if fork().is_none() {
        hang();
    }
}

#[isolated(pid)]
fn a_child_whose_name_is_no_text() {
    leave_a_nameless_one();
}

#[isolated(leaks = fail)]
fn a_child_whose_name_is_no_text_without_pids() {
    leave_a_nameless_one();
}

/// More than are told one by one.
#[isolated(pid)]
fn seventy_children() {
    for _ in 0..70 {
        if fork().is_none() {
            hang();
        }
    }
}

/// A process lives as long as any of its threads.
#[isolated(leaks = fail)]
fn a_child_without_its_first_thread() {
    if fork().is_none() {
        std::thread::spawn(|| hang());
        end_thread(0);
    }
}

#[isolated(pid)]
fn a_daemon() {
    assert!(run("double_fork", &[]).success());
}

#[isolated(pid)]
fn one_that_ignores_sigterm() {
    program("ignore_sigterm").spawn().unwrap();
}

#[isolated(pid)]
fn one_that_is_stopped() {
    let child = program("sleeper").spawn().unwrap();
    let child = nix::unistd::Pid::from_raw(child.id().cast_signed());
    nix::sys::signal::kill(child, nix::sys::signal::Signal::SIGSTOP).unwrap();
}

/// It keeps stdout open, too: nobody may wait for end of file.
#[isolated(pid)]
fn one_that_holds_stdout() {
    assert!(run("hold_stdout", &[]).success());
}

#[isolated]
fn one_that_holds_stdout_without_a_namespace() {
    assert!(run("hold_stdout", &[]).success());
}

/// The default without a pid namespace: a line, and a pass.
#[isolated]
fn a_child_without_a_namespace() {
    leave_a_sleeper();
}

#[isolated]
fn a_daemon_without_a_namespace() {
    assert!(run("double_fork", &[]).success());
}

#[isolated(leaks = fail)]
fn a_daemon_is_refused_without_a_namespace() {
    assert!(run("double_fork", &[]).success());
}

#[isolated(pid, leaks = warn)]
fn a_child_with_a_warning() {
    leave_a_sleeper();
}

#[isolated(pid, leaks = allow)]
fn a_child_is_allowed() {
    leave_a_sleeper();
}

#[isolated(pid)]
fn a_child_that_was_waited_for() {
    assert!(run("sleeper", &["--seconds", "0"]).success());
}

#[isolated(pid)]
fn a_child_that_was_killed() {
    let mut child = program("sleeper").spawn().unwrap();
    child.kill().unwrap();
}

/// It ends by itself when the body does.
#[isolated(pid)]
fn a_child_that_ends_with_the_body() {
    let (mut reader, writer) = std::io::pipe().unwrap();
    if crate::raw::fork().is_none() {
        drop(writer);
        reader.read_to_end(&mut Vec::new()).unwrap();
        crate::raw::exit_now(0);
    }
    keep_open(writer);
}

/// Until the end of the process.
fn keep_open(writer: PipeWriter) {
    use std::os::fd::IntoRawFd;
    let _ = writer.into_raw_fd();
}

#[isolated(pid)]
fn a_child_beside_a_panic() {
    leave_a_sleeper();
    panic!("explains more");
}

#[isolated(pid)]
fn a_child_hidden_by_a_mount() {
    leave_a_sleeper();
    mount(Some("none"), "/proc", Some("tmpfs"), MsFlags::empty(), None::<&str>).unwrap();
}

#[isolated(pid)]
fn a_child_hidden_by_an_unmount() {
    leave_a_sleeper();
    umount2("/proc", MntFlags::MNT_DETACH).unwrap();
}

/// Here the kernel does not kill it with its pid 1: the init has to find it.
#[isolated(mount, leaks = fail)]
fn a_child_hidden_by_a_mount_without_pids() {
    leave_a_sleeper();
    mount(Some("none"), "/proc", Some("tmpfs"), MsFlags::empty(), None::<&str>).unwrap();
}

#[isolated(pid, mem = "64M")]
fn a_sub_cgroup_with_a_process() {
    let mut child = program("sub_cgroup_hog");
    let mut child = child.args(["--until", "1M"]).spawn().unwrap();
    child.wait().unwrap();
    leave_a_sleeper();
}
