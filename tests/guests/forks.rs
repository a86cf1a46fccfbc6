//! Children of the body: processes that come out of the test function a second time, and others.

use harness::isolated;

use crate::raw::{exit_now, fork, wait};

/// The twin of all below.
#[isolated(pid)]
fn the_child_exits() {
    match fork() {
        Some(child) => wait(child),
        None => exit_now(0),
    }
}

/// The child's success is not the body's.
#[isolated(pid)]
fn the_child_returns_for_the_parent() {
    if let Some(child) = fork() {
        wait(child);
        exit_now(0);
    }
}

/// In a namespace below a child of the body's child has the body's own number.
#[isolated(pid)]
fn a_grandchild_with_the_bodys_pid_returns() {
    let body = std::process::id();
    nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWPID).unwrap();
    if let Some(child) = fork() {
        wait(child);
        exit_now(0);
    }
    if let Some(grandchild) = fork() {
        wait(grandchild);
        exit_now(0);
    }
    assert_eq!(std::process::id(), body);
}

#[isolated(pid)]
fn both_return() {
    if let Some(child) = fork() {
        wait(child);
    }
}

#[isolated]
fn both_return_without_a_namespace() {
    if let Some(child) = fork() {
        wait(child);
    }
}

#[isolated(pid)]
fn the_child_panics_and_is_ignored() {
    match fork() {
        Some(child) => wait(child),
        None => panic!("of the child"),
    }
}

#[isolated(pid)]
fn the_child_returns_and_the_parent_panics() {
    if let Some(child) = fork() {
        wait(child);
        panic!("of the parent");
    }
}

/// The pid of a child that escapes could be reused: the body's own is what counts.
#[isolated(pid1)]
fn the_child_returns_for_a_pid_1() {
    if let Some(child) = fork() {
        wait(child);
        exit_now(0);
    }
}

#[isolated(pid)]
fn a_child_dies_and_is_ignored() {
    assert_eq!(crate::run("segfault", &[]).code(), None);
    assert_eq!(crate::run("stack_overflow", &[]).code(), None);
    assert_eq!(crate::run("abort", &[]).code(), None);
    assert_eq!(crate::run("raise", &["--signal", "9"]).code(), None);
}

/// An orphan that has ended, and a child nobody waited for: zombies are not left behind.
#[isolated(pid)]
fn zombies_are_left() {
    let (mut ended, writer) = std::io::pipe().unwrap();
    if fork().is_none() {
        fork();
        exit_now(0);
    }
    drop(writer);
    // End of file: both have ended.
    std::io::copy(&mut ended, &mut std::io::sink()).unwrap();
}

#[isolated(pid, pids = 16)]
fn a_fork_bomb_is_refused() {
    assert_eq!(crate::run("fork_bomb", &["--children", "64"]).code(), Some(3));
}

#[isolated(pid, pids = 16)]
fn a_fork_bomb_is_believed() {
    assert!(crate::run("fork_bomb", &["--children", "64"]).success(), "the bomb was refused");
}

#[isolated(pid, pids = 100)]
fn a_fork_bomb_fits() {
    assert!(crate::run("fork_bomb", &["--children", "64"]).success());
}
