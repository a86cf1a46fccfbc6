//! A runner that is killed, or ends by itself, takes its guests with it; the next one sweeps its leaf.

use harness_tests::gate::Gate;
use harness_tests::machine::Need;
use harness_tests::needs;
use harness_tests::outside;
use harness_tests::twin::{Ran, Running, Twin};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// A run whose guest, its child and its daemon are there.
fn crowd(test: &str, end: impl FnOnce(&Running)) -> Ran {
    let twin = Twin::tests(&[test]);
    let mut gate = twin.gate("crowd");
    let running = twin.start();
    all_here(&mut gate);
    end(&running);
    running.end()
}

/// The body and its daemon, in any order.
fn all_here(gate: &mut Gate) {
    let mut here = [gate.arrived(), gate.arrived()];
    here.sort();
    assert_eq!(here, ["body", "daemon"]);
}

fn kill_runner(running: &Running) {
    kill(Pid::from_raw(running.pid), Signal::SIGKILL).unwrap();
}

/// A leaf needs somebody to remove it: the next runner, which may be that of any other test here.
fn swept(ran: &Ran) {
    Twin::tests(&["killed::next"]).run().must_pass();
    assert_eq!(outside::leaves(ran.pid), [] as [std::path::PathBuf; 0]);
}

#[test]
fn killed_with_a_pid_namespace() {
    needs!(Need::NAMESPACES);
    crowd("killed::with_a_pid_namespace", kill_runner).left_nothing();
}

#[test]
fn killed_without_a_pid_namespace() {
    needs!(Need::NAMESPACES);
    crowd("killed::without_a_pid_namespace", kill_runner).left_nothing();
}

#[test]
fn killed_with_a_body_as_pid_1() {
    needs!(Need::NAMESPACES);
    crowd("killed::as_pid_1", kill_runner).left_nothing();
}

#[test]
fn killed_with_a_leaf() {
    needs!(Need::MEMORY);
    swept(&crowd("killed::in_a_leaf", kill_runner));
}

/// With everything that was killed with it: its zygote, too.
#[test]
fn killed_with_its_zygote() {
    needs!(Need::NAMESPACES);
    let both = |running: &Running| {
        let zygote = running.process("harness-zygote");
        kill(Pid::from_raw(zygote.pid), Signal::SIGKILL).unwrap();
        kill_runner(running);
    };
    crowd("killed::without_a_pid_namespace", both).left_nothing();
}

/// The copy keeps the init's socket open.
#[test]
fn killed_beside_a_copy_of_itself() {
    needs!(Need::NAMESPACES);
    for test in
        ["killed::beside_a_copy_of_the_runner", "killed::beside_a_copy_of_the_runner_with_a_pid_namespace"]
    {
        let twin = Twin::tests(&[test]);
        let (mut crowd, mut copy, mut exit) = (twin.gate("crowd"), twin.gate("copy"), twin.gate("exit"));
        let running = twin.start();
        all_here(&mut crowd);
        copy.open();
        assert_eq!(exit.arrived(), "copy");
        kill_runner(&running);
        // The guest's own, and what it has started.
        outside::until("only the copy is left", || running.processes().len() == 1);
        exit.open();
        running.end().left_nothing();
    }
}

/// As nextest does at its timeout, and a terminal at Ctrl-C.
#[test]
fn killed_with_its_process_group() {
    needs!(Need::NAMESPACES);
    use std::os::unix::process::CommandExt;
    let twin = Twin::tests(&["killed::without_a_pid_namespace"]).with(|command| {
        command.process_group(0);
    });
    let mut gate = twin.gate("crowd");
    let running = twin.start();
    all_here(&mut gate);
    kill(Pid::from_raw(-running.pid), Signal::SIGKILL).unwrap();
    running.finish();
}

fn ends_by_itself(test: &str) -> Ran {
    let twin = Twin::tests(&[test]);
    let (mut crowd, mut exit) = (twin.gate("crowd"), twin.gate("exit"));
    let running = twin.start();
    all_here(&mut crowd);
    exit.open();
    running.end()
}

#[test]
fn a_runner_that_exits() {
    needs!(Need::MEMORY);
    let ran = ends_by_itself("killed::runner_exits");
    assert_eq!(ran.ended.status.code(), Some(7));
    swept(&ran);
}

#[test]
fn a_runner_that_aborts() {
    needs!(Need::NAMESPACES);
    let ran = ends_by_itself("killed::runner_aborts");
    assert!(!ran.passed());
    ran.left_nothing();
}

/// What a runner leaves to a pid 1 that reaps nobody; `here` waits until it has made what it may leave.
fn left_to_pid_1(test: &str, here: impl FnOnce(&mut Gate)) -> String {
    let pid_1 = fixtures::program("idle_pid1");
    let twin = Twin::in_shell(&[pid_1.to_str().unwrap()], "", &[test]);
    let (mut crowd, mut exit) = (twin.gate("crowd"), twin.gate("exit"));
    let running = twin.start();
    here(&mut crowd);
    exit.open();
    let ran = running.end();
    assert!(ran.stdout.contains("the command ended"), "{}", ran.output());
    ran.stdout.lines().filter(|line| line.starts_with("left ")).collect::<Vec<_>>().join(", ")
}

/// Each would stay there as a zombie, until the container ends.
#[test]
fn a_zygote_is_not_left_to_pid_1() {
    needs!(Need::NAMESPACES);
    assert_eq!(left_to_pid_1("killed::next_without_a_leaf", |_| ()), "");
    // Its guest is killed with it.
    assert!(!left_to_pid_1("killed::runner_exits_without_a_leaf", all_here).contains("harness-zygote"));
}

#[test]
fn a_zygote_that_is_left_to_pid_1_is_seen() {
    needs!(Need::NAMESPACES);
    assert!(left_to_pid_1("killed::runner_aborts", all_here).contains("left harness-zygote"));
}
