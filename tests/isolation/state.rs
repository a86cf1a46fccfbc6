//! What a guest starts with: environment, directory, descriptors, umask.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::fd::AsFd;

use harness::isolated;
use harness_tests::machine::Need;
use harness_tests::needs;
use harness_tests::sys;
use harness_tests::twin::Twin;

#[isolated(env = "HARNESS_GIVEN=a=b c", env = "PATH=/nowhere")]
fn variables_are_set() {
    assert_eq!(std::env::var("HARNESS_GIVEN").as_deref(), Ok("a=b c"));
    assert_eq!(std::env::var("PATH").as_deref(), Ok("/nowhere"));
    assert!(std::env::vars().count() > 2);
}

#[isolated(clear_env, env = "ONLY=this")]
fn a_cleared_environment_has_the_given_ones_only() {
    let all: BTreeMap<_, _> = std::env::vars().collect();
    assert_eq!(all, BTreeMap::from([("ONLY".to_owned(), "this".to_owned())]));
}

#[isolated(workdir = "/usr")]
fn the_directory_given() {
    assert_eq!(std::env::current_dir().unwrap().to_str(), Some("/usr"));
}

#[isolated]
fn the_directory_of_the_runner() {
    // Cargo starts tests in their package.
    assert_eq!(std::env::current_dir().unwrap().to_str(), Some(env!("CARGO_MANIFEST_DIR")));
}

#[isolated(pid)]
fn arguments_are_those_of_the_runner() {
    assert!(std::env::args().next().unwrap().contains("isolation"));
}

#[test]
fn environment_and_directory_of_the_moment() {
    needs!(Need::NAMESPACES);
    let twin = Twin::tests(&["present::environment_and_directory"]);
    twin.env("HARNESS_STARTED_WITH", "this").env_remove("HARNESS_PAST").run().must_pass();
}

#[test]
fn descriptors_of_the_runner_do_not_arrive() {
    needs!(Need::MEMORY, Need::PIDS);
    let file = File::open("/etc").unwrap();
    let twin = Twin::tests(&["present::descriptors"]);
    let give = |command: &mut std::process::Command| {
        sys::before_exec(command, move || sys::copy_to(file.as_fd(), 57));
    };
    twin.with(give).run().must_pass();
}

#[test]
fn umask_of_the_runner() {
    needs!(Need::NAMESPACES);
    Twin::in_shell(&[], "umask 0027", &["present::umask"]).run().must_pass();
}
