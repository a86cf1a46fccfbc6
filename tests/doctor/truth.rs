//! What the doctor says is what a test meets: twins that ask for a capability are run on the same machine.

use harness_tests::machine::Need;
use harness_tests::needs;
use harness_tests::skip::skip;
use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::command::{Machine, doctor, twins};

/// What the doctor says of a capability.
fn line<'a>(report: &'a Value, name: &str) -> &'a Value {
    let lines = report["capabilities"].as_array().expect("an array");
    lines.iter().find(|line| line["name"] == name).unwrap_or_else(|| panic!("no {name}"))
}

fn answer<'a>(report: &'a Value, name: &str) -> &'a str {
    line(report, name)["answer"].as_str().expect("a string")
}

/// Each twin with what it asks for: it passes where none of it is `no`, and there only.
const TWINS: [(&str, &[&str]); 6] = [
    ("needs::pid_and_uts", &["pid", "uts", "proc", "pidfd"]),
    ("needs::user_namespace", &["userns"]),
    ("needs::view_of_the_host", &["pid", "proc", "overlay"]),
    ("needs::mem", &["memory"]),
    ("needs::every_limit", &["memory", "pids", "cpu"]),
    ("needs::every_namespace", &["userns", "pid", "mount", "uts", "ipc", "net", "cgroupns", "time"]),
];

#[test]
fn tests_meet_what_it_says() {
    for machine in Machine::all() {
        let report = machine.doctor();
        let tests: Vec<_> = std::iter::once("--exact").chain(TWINS.map(|(test, _)| test)).collect();
        let ran = machine.run(&twins(), &tests);
        for (test, needs) in TWINS {
            let has_passed = ran.run_of(test)["verdict"] == "pass";
            let is_there = needs.iter().all(|name| answer(report, name) != "no");
            assert_eq!(has_passed, is_there, "{machine:?}: {test}\n{report:#}\n{}", ran.output());
        }
    }
}

/// A program that is none of ours meets the same.
#[test]
fn unshare_meets_what_it_says() {
    let report = Machine::Here.doctor();
    let is_root = nix::unistd::geteuid().is_root();
    let kinds = ["pid", "mount", "uts", "ipc", "net", "cgroup", "time"];
    for kind in kinds.iter().chain(&["user"]) {
        let mut unshare = Command::new("unshare");
        if !is_root {
            // Without the map a user namespace is of no use, and some machines allow it so far.
            unshare.args(["--user", "--map-root-user"]);
        }
        let works = unshare.arg(format!("--{kind}")).args(["--fork", "true"]).status().unwrap().success();
        let name = match *kind {
            "user" => "userns",
            // With a leaf, which needs a cgroup.
            "cgroup" if answer(report, "cgroup") == "no" => continue,
            "cgroup" => "cgroupns",
            name => name,
        };
        assert_eq!(answer(report, name) != "no", works, "{kind}\n{report:#}");
    }
    let setting = fs::read_to_string("/sys/kernel/mm/transparent_hugepage/enabled").unwrap_or_default();
    let is_never = setting.is_empty() || setting.contains("[never]");
    assert_eq!(answer(report, "thp") == "no", is_never);
    let status = fs::read_to_string("/proc/self/status").unwrap();
    assert_eq!(answer(report, "no-seccomp") == "yes", !status.contains("Seccomp:\t2"));
}

/// Without privilege everything goes through a user namespace, and the doctor says so. That is there enough to
/// be required, by the command and by a test.
#[test]
fn unprivileged() {
    let report = Machine::Unprivileged.doctor();
    assert_ne!(report["machine"]["uid"], 0);
    assert_eq!(report["machine"]["privileged"], false);
    if answer(report, "userns") == "no" {
        // The agreement with the twins is tested above.
        return skip("doctor::truth::unprivileged", "user namespaces", "this machine forbids them");
    }
    for name in ["pid", "mount", "uts", "ipc", "net"] {
        assert_eq!(answer(report, name), "partly", "{name}");
        assert!(line(report, name)["found"].as_str().unwrap().ends_with("through a user namespace"));
    }
    Machine::Unprivileged.run(&doctor(), &["doctor", "--require", "userns,pid,uts"]).must_pass();
    let twins = Machine::Unprivileged.twin(&twins(), &["--exact", "needs::pid_and_uts"]);
    twins.env("HARNESS_REQUIRE", "userns,pid,uts").run().must_pass();
}

#[test]
fn a_filter_is_found_and_named() {
    needs!(Need::NAMESPACES);
    let report = Machine::Filtered.doctor();
    let filter = line(report, "no-seccomp");
    assert_eq!(filter["answer"], "no", "{filter}");
    assert!(filter["found"].as_str().unwrap().contains("unshare: operation not permitted (EPERM)"));
    assert!(filter["remedy"].as_str().unwrap().contains("--security-opt seccomp=unconfined"));
    assert_eq!(answer(report, "clone3"), "no");
    assert!(line(report, "pid")["remedy"].as_str().unwrap().contains("seccomp=unconfined"));
    let report = Machine::WithoutMounts.doctor();
    assert!(
        line(report, "no-seccomp")["found"].as_str().unwrap().contains("mount: permission denied (EACCES)")
    );
    assert_eq!([answer(report, "mount"), answer(report, "uts")], ["no", "partly"]);
    assert_ne!(answer(report, "net"), "no");
    assert!(line(report, "uts")["found"].as_str().unwrap().starts_with("made, but sethostname "));
    // clone is used where clone3 is hidden.
    let report = Machine::WithoutClone3.doctor();
    assert_eq!((answer(report, "no-seccomp"), answer(report, "clone3")), ("partly", "no"));
    assert_eq!(answer(report, "clone-into-cgroup"), "no");
    assert_ne!(answer(report, "pid"), "no");
}

#[test]
fn the_setting_that_forbids_user_namespaces_is_named() {
    let test = "truth::the_setting_that_forbids_user_namespaces_is_named";
    let Some(machine) = Machine::WithoutUserns.for_test(test) else { return };
    let report = machine.doctor();
    for name in ["userns", "pid", "uts", "overlay"] {
        let line = line(report, name);
        assert_eq!(line["answer"], "no", "{line}");
        assert!(line["found"].as_str().unwrap().contains("(ENOSPC)"), "{line}");
        assert_eq!(line["remedy"], "`sysctl -w user.max_user_namespaces=15000`", "{line}");
    }
}

#[test]
fn a_machine_without_cgroups() {
    let Some(machine) = Machine::WithoutCgroups.for_test("truth::a_machine_without_cgroups") else { return };
    let report = machine.doctor();
    for name in
        ["cgroup", "memory", "pids", "cpu", "cpuset", "swap", "memory-peak", "cgroup-kill", "cgroupns"]
    {
        let line = line(report, name);
        assert_eq!(line["answer"], "no", "{line}");
        assert!(line["remedy"].as_str().unwrap().contains("mount -t cgroup2"), "{line}");
    }
}
