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
        assert!(std::env::var("CARGO_MANIFEST_DIR").is_ok());
        0
    });
}
