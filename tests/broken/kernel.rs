//! Kernels and sandboxes that refuse: user namespaces, privilege, system calls.

use harness_tests::machine::Need;
use harness_tests::needs;
use harness_tests::profile::{DOCKER, Refusal};
use harness_tests::twin::Twin;
use harness_tests::users::{Everybodys, NOBODY};

use crate::error::{Expected, failed, once, unsupported};

/// In a user namespace of our own, whose limit is its own: writing it changes nothing outside.
#[test]
fn no_user_namespaces() {
    needs!(Need::NAMESPACES);
    let unshare = ["unshare", "--user", "--map-root-user"];
    let script = "echo 0 >/proc/sys/user/max_user_namespaces";
    let ran = Twin::in_shell(&unshare, script, &["needs::user_namespace"]).run();
    let remedy = "sysctl -w user.max_user_namespaces";
    failed(&ran, "needs::user_namespace", &Expected { line: "clone3 user, uts", errno: "ENOSPC", remedy });
}

/// What the kernel refuses at the attempt is skipped as well, by those who skip.
#[test]
fn no_user_namespaces_and_a_skip() {
    needs!(Need::NAMESPACES);
    let unshare = ["unshare", "--user", "--map-root-user"];
    let script = "echo 0 >/proc/sys/user/max_user_namespaces";
    let twin = Twin::in_shell(&unshare, script, &["needs::user_namespace"]);
    let ran = twin.env("HARNESS_UNSUPPORTED", "skip").run();
    ran.must_pass();
    assert_eq!(ran.run_of("needs::user_namespace")["verdict"], "skip");
    once(&ran.stderr, "SKIP twins::needs::user_namespace: ");
}

#[test]
fn without_privilege_namespaces_work() {
    needs!(Need::Root);
    let binary = Everybodys::new();
    binary.as_nobody("", &["needs::pid_and_uts", "needs::nothing"]).run().must_pass();
}

#[test]
fn without_privilege_limits_need_delegation() {
    needs!(Need::Root, Need::MEMORY);
    let binary = Everybodys::new();
    let ran = binary.as_nobody("", &["needs::mem"]).run();
    unsupported(&ran, "needs::mem", "mem = ...", "permission denied (EACCES)", "");
}

#[test]
fn without_a_process_to_spare() {
    needs!(Need::Root);
    let binary = Everybodys::new();
    // The limit counts all processes of this user, of whom there is one: ours.
    let prlimit = "exec prlimit --nproc=1 \"$0\" \"$@\"";
    let ran = binary.as_nobody(prlimit, &["needs::pid_and_uts"]).run();
    let (found, remedy) = ("could not be copied: EAGAIN", "ulimit -u");
    unsupported(&ran, "needs::pid_and_uts", "the zygote", found, remedy);
}

/// As in a container: where parts of /proc are covered, no new one may be mounted.
#[test]
fn without_privilege_and_with_a_masked_proc() {
    needs!(Need::Root);
    let binary = Everybodys::new();
    let unshare = ["unshare", "--mount", "--propagation=private"];
    let script = format!("mount --bind /dev/null /proc/uptime; exec {} \"$0\" \"$@\"", NOBODY.join(" "));
    let ran = binary.in_shell(&unshare, &script, &["needs::pid_and_uts"]).run();
    let remedy = "systempaths=unconfined";
    failed(&ran, "needs::pid_and_uts", &Expected { line: "mount /proc", errno: "EPERM", remedy });
}

/// A view of the host, or a clear error.
#[test]
fn without_privilege_a_view_of_the_host() {
    needs!(Need::Root);
    let binary = Everybodys::new();
    let ran = binary.as_nobody("", &["needs::view_of_the_host"]).run();
    if !ran.passed() {
        // Before Linux 5.11, for the first directory that is tried.
        let output = ran.output();
        let line = output.lines().find_map(|line| line.trim().strip_prefix("failed  ")).unwrap();
        let line = line.split_once(": ").unwrap().0;
        assert!(line.starts_with("mount the overlay /"), "{line}");
        let remedy = "without root";
        failed(&ran, "needs::view_of_the_host", &Expected { line, errno: "EPERM", remedy });
    }
}

#[test]
fn clone3_is_unknown() {
    needs!(Need::MEMORY);
    let unknown = [Refusal::of(libc::SYS_clone3, libc::ENOSYS)];
    let tests = ["needs::pid_and_uts", "needs::mem", "needs::view_of_the_host"];
    Twin::tests(&tests).refused(&unknown).run().must_pass();
}

#[test]
fn namespaces_are_forbidden() {
    needs!(Need::Root);
    let ran = Twin::tests(&["needs::pid_and_uts"]).refused(DOCKER).run();
    let remedy = "namespaces are forbidden here";
    failed(&ran, "needs::pid_and_uts", &Expected { line: "clone3 pid, mount, uts", errno: "EPERM", remedy });
}

#[test]
fn old_calls_only() {
    needs!(Need::NAMESPACES);
    let calls = [libc::SYS_clone3, libc::SYS_close_range, libc::SYS_mount_setattr];
    let unknown = calls.map(|call| Refusal::of(call, libc::ENOSYS));
    let tests = ["needs::pid_and_uts", "needs::view_of_the_host", "files::writes_to_a_readonly_bind"];
    let ran = Twin::tests(&tests).env("SCRIBBLE", "harness-never").refused(&unknown).run();
    assert_eq!(ran.outcome("needs::pid_and_uts"), "passed", "{}", ran.output());
    assert_eq!(ran.outcome("needs::view_of_the_host"), "passed", "{}", ran.output());
    assert_eq!(ran.outcome("files::writes_to_a_readonly_bind"), "panicked", "{}", ran.output());
    assert!(ran.stdout.contains("Read-only file system"), "{}", ran.output());
}
