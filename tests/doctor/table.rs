//! The formats and the exit codes.

use harness_tests::machine::Need;
use harness_tests::twin::Ran;
use harness_tests::{needs, prebuilt};
use serde_json::Value;

use crate::command::{Machine, doctor};

/// Names are only ever added.
const NAMES: [&str; 27] = [
    "userns",
    "pid",
    "mount",
    "uts",
    "ipc",
    "net",
    "cgroupns",
    "time",
    "proc",
    "overlay",
    "userns-overlay",
    "cgroup",
    "memory",
    "swap",
    "pids",
    "cpu",
    "cpuset",
    "memory-peak",
    "psi",
    "cgroup-kill",
    "clone-into-cgroup",
    "pidfd",
    "clone3",
    "no-seccomp",
    "no-apparmor",
    "ptrace",
    "thp",
];

fn here(arguments: &[&str]) -> Ran {
    Machine::Here.run(&doctor(), arguments)
}

fn code(ran: &Ran) -> Option<i32> {
    ran.ended.status.code()
}

#[test]
fn the_object_is_as_its_schema_says() {
    let report = Machine::Here.doctor();
    assert_eq!(keys(report), ["capabilities", "machine", "schema"]);
    assert_eq!(report["schema"], 1);
    assert_eq!(keys(&report["machine"]), ["architecture", "privileged", "release", "uid"]);
    let lines = report["capabilities"].as_array().unwrap();
    assert_eq!(lines.iter().map(|line| line["name"].as_str().unwrap()).collect::<Vec<_>>(), NAMES);
    for line in lines {
        assert!(["yes", "partly", "no"].contains(&line["answer"].as_str().unwrap()), "{line}");
        assert!(
            ["needed_by", "found"].iter().all(|key| line[key].as_str().is_some_and(|text| !text.is_empty()))
        );
    }
}

fn keys(object: &Value) -> Vec<&str> {
    object.as_object().expect("an object").keys().map(String::as_str).collect()
}

/// Whatever is missing says how to get it, on every machine.
#[test]
fn what_is_missing_has_a_remedy() {
    for machine in Machine::all() {
        for line in machine.doctor()["capabilities"].as_array().unwrap() {
            let is_missing = line["answer"] == "no";
            // A kernel that has no huge pages cannot be given any.
            assert!(
                !is_missing || line["remedy"].is_string() || line["name"] == "thp",
                "{machine:?}: {line}"
            );
        }
    }
}

#[test]
fn the_table_is_for_a_person() {
    // Emulated: where everything is there, and where nearly nothing is.
    let is_emulated = std::env::var_os(prebuilt::DIRECTORY).is_some();
    let is_one_of_two = |machine: &Machine| matches!(machine, Machine::Here | Machine::Filtered);
    for machine in Machine::all().filter(|machine| !is_emulated || is_one_of_two(machine)) {
        let ran = machine.run(&doctor(), &["doctor"]);
        ran.must_pass();
        assert_eq!(ran.stderr, "");
        let lines: Vec<_> = ran.stdout.lines().collect();
        assert!(
            lines.iter().all(|line| line.chars().count() <= 100 && !line.ends_with(' ')),
            "{}",
            ran.stdout
        );
        for name in NAMES {
            let begins = |line: &&&str| {
                line.strip_prefix("  ").is_some_and(|rest| rest.starts_with(&format!("{name} ")))
            };
            assert_eq!(lines.iter().filter(begins).count(), 1, "{name} in\n{}", ran.stdout);
        }
        assert!(lines.last().unwrap().ends_with(" no"), "{}", ran.stdout);
    }
}

#[test]
fn what_is_required_and_there() {
    needs!(Need::NAMESPACES);
    let ran = here(&["doctor", "--require", "pidfd,  uts"]);
    assert_eq!((code(&ran), &*ran.stderr), (Some(0), ""));
    assert!(ran.stdout.contains("\n  pidfd "));
}

/// Each by its name, with its remedy, on stderr: stdout is the same as without.
#[test]
fn what_is_required_and_missing() {
    let Some(machine) = Machine::WithoutCgroups.for_test("table::what_is_required_and_missing") else {
        return;
    };
    for list in ["pidfd,memory,cgroupns", "all"] {
        let arguments = ["doctor", "--json", "--require", list];
        let ran = machine.run(&doctor(), &arguments);
        assert_eq!(code(&ran), Some(1), "{}", ran.output());
        assert!(ran.stderr.starts_with("harness: this machine lacks what it is required to offer\n"));
        for name in ["memory", "cgroupns"] {
            assert_eq!(ran.stderr.matches(&format!("  missing   {name} (for ")).count(), 1, "{}", ran.stderr);
        }
        assert!(ran.stderr.contains("  remedy    mount it"), "{}", ran.stderr);
        assert!(!ran.stderr.contains("missing   pidfd"), "{}", ran.stderr);
        let report: Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!(report["schema"], 1);
    }
}

#[test]
fn what_is_not_understood() {
    let ran = here(&["doctor", "--require", "pid,memroy"]);
    assert_eq!((code(&ran), &*ran.stdout), (Some(2), ""));
    for text in
        ["--require=pid,memroy: `memroy` is not understood", "accepted  all, userns, ", "perhaps `memory`"]
    {
        assert!(ran.stderr.contains(text), "{}", ran.stderr);
    }
    for arguments in [&["doctor", "--requires", "pid"][..], &["docter"], &[], &["doctor", "memory"]] {
        let ran = here(arguments);
        assert_eq!(code(&ran), Some(2), "{arguments:?}: {}", ran.output());
        assert!(ran.stderr.contains("Usage: harness"), "{}", ran.stderr);
    }
}
