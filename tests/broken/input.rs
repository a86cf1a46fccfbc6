//! Arguments that the compiler cannot check, on a machine that is all right.

use harness_tests::machine::Need;
use harness_tests::needs;
use std::path::Path;

use crate::error::{Expected, failed, run, unsupported};

const CASES: &[(&str, Expected<'static>)] = &[
    (
        "needs::missing_root",
        Expected { line: "open the root filesystem /no/such/root", errno: "ENOENT", remedy: "check `rootfs" },
    ),
    (
        "needs::missing_bind_source",
        Expected { line: "bind /no/such/source", errno: "ENOENT", remedy: "check the source of `bind`" },
    ),
    (
        "needs::file_on_a_directory",
        Expected { line: "bind /etc/passwd on /mnt", errno: "EINVAL", remedy: "must be of one kind" },
    ),
    (
        "needs::missing_workdir",
        Expected {
            line: "change to the working directory /no/such/directory",
            errno: "ENOENT",
            remedy: "a directory that exists in the guest",
        },
    ),
    (
        "needs::file_as_workdir",
        Expected {
            line: "change to the working directory /etc/passwd",
            errno: "ENOTDIR",
            remedy: "a directory that exists in the guest",
        },
    ),
    (
        "needs::too_many_files",
        Expected { line: "setrlimit nofile = 4000000000", errno: "EPERM", remedy: "CAP_SYS_RESOURCE" },
    ),
];

#[test]
fn each_names_step_object_errno_and_remedy() {
    needs!(Need::NAMESPACES);
    for (test, expected) in CASES {
        failed(&run(test), test, expected);
    }
}

/// Nothing is made on the host to mount on.
#[test]
fn a_missing_mount_point() {
    needs!(Need::NAMESPACES);
    let remedy = "make it beforehand, or give a `rootfs`";
    let bind = run("needs::missing_bind_target");
    let line = "make the mount point /no/such/target";
    failed(&bind, "needs::missing_bind_target", &Expected { line, errno: "ENOENT", remedy });
    let tmpfs = run("needs::missing_tmpfs_target");
    failed(&tmpfs, "needs::missing_tmpfs_target", &Expected { line, errno: "ENOENT", remedy });
    assert!(!Path::new("/no").exists());
}

#[test]
fn a_cpu_that_is_not_there() {
    needs!(Need::CPUSET);
    let ran = run("needs::missing_cpu");
    let errno = ran.run_of("needs::missing_cpu")["setup_error"]["errno"].clone();
    // Beyond what the kernel was built for, or only not there.
    assert!(errno == "ERANGE" || errno == "EINVAL", "{}", ran.output());
    assert!(ran.stdout.contains("`60000` to ") && ran.stdout.contains("name present cpus only"));
}

/// libtest must not take the failed set-up for the panic that the test is to show.
#[test]
fn should_panic_is_not_satisfied() {
    needs!(Need::NAMESPACES);
    let test = "needs::missing_workdir_under_should_panic";
    let ran = run(test);
    assert!(!ran.passed());
    assert!(ran.stdout.contains("test did not panic as expected"), "{}", ran.output());
    assert_eq!(ran.run_of(test)["setup_error"]["errno"], "ENOENT");
}

#[test]
fn an_isolated_call_in_a_guest() {
    needs!(Need::NAMESPACES);
    let ran = run("needs::nested");
    assert!(!ran.passed());
    assert_eq!(ran.outcome("needs::nested"), "panicked");
    unsupported(&ran, "needs::pid_and_uts", "the zygote", "is a guest itself", "from the runner");
}
