//! What an image says about programs: it counts for a program and for a test function, where nothing was asked.

use std::path::Path;

use harness::Sandbox;
use harness_tests::machine::Need;
use harness_tests::root;
use harness_tests::sandbox::{shell, text};
use harness_tests::{fixture, needs, run};

fn sandbox() -> Sandbox {
    Sandbox::new().pid().rootfs(fixture("busybox.oci"))
}

#[test]
fn a_program_has_its_environment_and_directory() {
    needs!(Need::NAMESPACES, Need::Fixture("busybox.oci"));
    let run = run!(shell(sandbox(), "echo $GREETING; pwd; echo ${CARGO_MANIFEST_DIR:-none}"));
    assert_eq!(text(&run.stdout), "hello\n/home/user\nnone", "{run}");
    let run = run!(shell(sandbox().env("GREETING", "bye").workdir("/etc"), "echo $GREETING; pwd"));
    assert_eq!(text(&run.stdout), "bye\n/etc", "{run}");
}

/// Its `/bin/sh` reads the end of its empty input.
#[test]
fn its_own_command_runs_without_another() {
    needs!(Need::NAMESPACES, Need::Fixture("busybox.oci"));
    let run = run!(sandbox());
    assert!(run.passed(), "{run}");
    // A directory has none.
    let error = Sandbox::new().pid().rootfs(fixture("busybox")).output().unwrap_err();
    assert!(error.to_string().starts_with("find the program"), "{error}");
}

#[test]
fn a_test_function_has_them_too() {
    needs!(Need::NAMESPACES, Need::Fixture("busybox.oci"));
    let spec = root::spec("images::configuration::a_test_function_has_them_too", "busybox.oci");
    root::run(spec, || {
        assert_eq!(std::env::var("GREETING").as_deref(), Ok("hello"));
        assert_eq!(std::env::current_dir().unwrap(), Path::new("/home/user"));
        0
    });
}

/// Without privilege one group can be mapped: the user's own.
fn groups() -> &'static str {
    if nix::unistd::geteuid().is_root() { "1000 29" } else { "1000" }
}

#[test]
fn its_user_has_groups_and_a_home() {
    needs!(Need::NAMESPACES, Need::Fixture("busybox-user.oci"));
    let sandbox = || Sandbox::new().pid().rootfs(fixture("busybox-user.oci"));
    let who = "id -u; id -g; id -G; echo $HOME";
    let run = run!(shell(sandbox(), who));
    assert_eq!(text(&run.stdout), format!("1000\n1000\n{}\n/home/user", groups()), "{run}");
    // Another user has neither.
    let run = run!(shell(sandbox().uid(7).gid(7), who));
    assert_eq!(text(&run.stdout), "7\n7\n7", "{run}");
    // Without a user it is root.
    let run = run!(shell(Sandbox::new().pid().rootfs(fixture("busybox.oci")), who));
    assert_eq!(text(&run.stdout), "0\n0\n0\n/root", "{run}");
}

#[test]
fn a_test_function_is_its_user() {
    needs!(Need::NAMESPACES, Need::Fixture("busybox-user.oci"));
    let spec = root::spec("images::configuration::a_test_function_is_its_user", "busybox-user.oci");
    root::run(spec, || {
        assert_eq!(nix::unistd::getresuid().unwrap().effective.as_raw(), 1000);
        assert_eq!(std::env::var("HOME").as_deref(), Ok("/home/user"));
        0
    });
}
