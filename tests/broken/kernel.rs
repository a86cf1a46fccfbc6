//! Kernels and sandboxes that refuse: user namespaces, privilege, system calls.

use std::fs;
use std::path::PathBuf;

use harness_tests::sys;
use harness_tests::twin::{Twin, binary};

use crate::error::{Expected, failed, once, unsupported};

/// In a user namespace of our own, whose limit is its own: writing it changes nothing outside.
#[test]
fn no_user_namespaces() {
    let unshare = ["unshare", "--user", "--map-root-user"];
    let script = "echo 0 >/proc/sys/user/max_user_namespaces";
    let ran = Twin::in_shell(&unshare, script, &["needs::user_namespace"]).run();
    let remedy = "sysctl -w user.max_user_namespaces";
    failed(&ran, "needs::user_namespace", &Expected { line: "clone3 user, uts", errno: "ENOSPC", remedy });
}

/// What the kernel refuses at the attempt is skipped as well, by those who skip.
#[test]
fn no_user_namespaces_and_a_skip() {
    let unshare = ["unshare", "--user", "--map-root-user"];
    let script = "echo 0 >/proc/sys/user/max_user_namespaces";
    let twin = Twin::in_shell(&unshare, script, &["needs::user_namespace"]);
    let ran = twin.env("HARNESS_UNSUPPORTED", "skip").run();
    ran.must_pass();
    assert_eq!(ran.run_of("needs::user_namespace")["verdict"], "skip");
    once(&ran.stderr, "SKIP twins::needs::user_namespace: ");
}

/// A copy that everybody may run: the target directory may lie below a home.
struct Everybodys {
    directory: tempfile::TempDir,
    binary: PathBuf,
}

fn everybodys() -> Everybodys {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let copy = directory.path().join("twins");
    fs::copy(binary(), &copy).unwrap();
    Everybodys { binary: copy, directory }
}

const NOBODY: &[&str] = &["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];

fn as_nobody(binary: &Everybodys, script: &str, tests: &[&str]) -> Twin {
    // Nobody may be forbidden to enter the directory that the tests are started in.
    let place = binary.directory.path().to_owned();
    let twin = Twin::copy_in_shell(NOBODY, script, &binary.binary, tests);
    twin.with(|command| {
        command.current_dir(place);
    })
}

#[test]
fn without_privilege_namespaces_work() {
    let binary = everybodys();
    as_nobody(&binary, "", &["needs::pid_and_uts", "needs::nothing"]).run().must_pass();
}

#[test]
fn without_privilege_limits_need_delegation() {
    let binary = everybodys();
    let ran = as_nobody(&binary, "", &["needs::mem"]).run();
    let output = ran.output();
    let line = output.lines().find_map(|line| line.trim().strip_prefix("failed  "));
    let line = line.unwrap_or_else(|| panic!("{output}")).split_once(": ").unwrap().0;
    assert!(line.starts_with("make the cgroup leaf "), "{line}");
    failed(&ran, "needs::mem", &Expected { line, errno: "EACCES", remedy: "Delegate=yes" });
}

#[test]
fn without_a_process_to_spare() {
    let binary = everybodys();
    // The limit counts all processes of this user, of whom there is one: ours.
    let prlimit = "exec prlimit --nproc=1 \"$0\" \"$@\"";
    let ran = as_nobody(&binary, prlimit, &["needs::pid_and_uts"]).run();
    let (found, remedy) = ("could not be copied: EAGAIN", "ulimit -u");
    unsupported(&ran, "needs::pid_and_uts", "the zygote", found, remedy);
}

/// As in a container: where parts of /proc are covered, no new one may be mounted.
#[test]
fn without_privilege_and_with_a_masked_proc() {
    let binary = everybodys();
    let unshare = ["unshare", "--mount", "--propagation=private"];
    let script = format!("mount --bind /dev/null /proc/uptime; exec {} \"$0\" \"$@\"", NOBODY.join(" "));
    let twin = Twin::copy_in_shell(&unshare, &script, &binary.binary, &["needs::pid_and_uts"]);
    let place = binary.directory.path().to_owned();
    let ran = twin
        .with(|command| {
            command.current_dir(place);
        })
        .run();
    let remedy = "systempaths=unconfined";
    failed(&ran, "needs::pid_and_uts", &Expected { line: "mount /proc", errno: "EPERM", remedy });
}

/// A view of the host, or a clear error.
#[test]
fn without_privilege_a_view_of_the_host() {
    let binary = everybodys();
    let ran = as_nobody(&binary, "", &["needs::view_of_the_host"]).run();
    if !ran.passed() {
        let remedy = "without root";
        let line = "mount the overlay /";
        failed(&ran, "needs::view_of_the_host", &Expected { line, errno: "EINVAL", remedy });
    }
}

#[test]
fn clone3_is_unknown() {
    let unknown = |command: &mut std::process::Command| {
        sys::before_exec(command, || sys::refuse(libc::SYS_clone3, None, libc::ENOSYS));
    };
    let tests = ["needs::pid_and_uts", "needs::mem", "needs::view_of_the_host"];
    Twin::tests(&tests).with(unknown).run().must_pass();
}

#[test]
fn namespaces_are_forbidden() {
    let forbidden = |command: &mut std::process::Command| {
        sys::before_exec(command, sys::refuse_namespaces);
    };
    let ran = Twin::tests(&["needs::pid_and_uts"]).with(forbidden).run();
    let remedy = "namespaces are forbidden here";
    failed(&ran, "needs::pid_and_uts", &Expected { line: "clone3 pid, mount, uts", errno: "EPERM", remedy });
}

#[test]
fn old_calls_only() {
    let unknown = |command: &mut std::process::Command| {
        sys::before_exec(command, || {
            sys::refuse(libc::SYS_clone3, None, libc::ENOSYS)?;
            sys::refuse(libc::SYS_close_range, None, libc::ENOSYS)?;
            sys::refuse(libc::SYS_mount_setattr, None, libc::ENOSYS)
        });
    };
    let tests = ["needs::pid_and_uts", "needs::view_of_the_host", "files::writes_to_a_readonly_bind"];
    let ran = Twin::tests(&tests).env("SCRIBBLE", "harness-never").with(unknown).run();
    assert_eq!(ran.outcome("needs::pid_and_uts"), "passed", "{}", ran.output());
    assert_eq!(ran.outcome("needs::view_of_the_host"), "passed", "{}", ran.output());
    assert_eq!(ran.outcome("files::writes_to_a_readonly_bind"), "panicked", "{}", ran.output());
    assert!(ran.stdout.contains("Read-only file system"), "{}", ran.output());
}
