//! One environment: what runs in it, and what is said of the rest.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use harness_tests::twin::{self, Ran, Twin};
use harness_tests::users::Everybodys;
use harness_tests::{build, pen, prebuilt, skip};
use serde_json::{Value, json};

use crate::places::{Environment, User};

/// What needs nothing of the machine.
pub(crate) const PLAIN: &[&str] = &["few_files", "little_time", "nothing"];

/// What needs a cgroup.
pub(crate) const LIMITED: &[&str] = &["few_processes", "little_cpu_time", "little_memory", "out_of_memory"];

/// What needs a namespace, but none of pids.
pub(crate) const NAMESPACED: &[&str] = &["own_clock", "own_files", "own_name", "own_network", "own_queues"];

/// What needs a /proc of its own.
pub(crate) const OWN_PIDS: &[&str] = &["own_pids"];

/// What needs an overlay: of a user, Linux 5.11.
pub(crate) const VIEW: &[&str] = &["view_of_the_host"];

/// What needs all that, and a user namespace even of root.
const OTHERS: &[&str] = &["own_ids", "several"];

const MUST_FAIL: &[&str] = &[
    "must_fail::does_not_end",
    "must_fail::eats_little",
    "must_fail::eats_too_much",
    "must_fail::exits",
    "must_fail::has_another_name",
    "must_fail::leaves_a_process",
    "must_fail::may_fork",
    "must_fail::panics",
    "must_fail::panics_in_own_pids",
    "must_fail::sees_the_network",
    "must_fail::spins",
];

/// Runs everything under both policies; in a virtual machine, under the second what the first skipped. Of the tests that
/// can pass, those of `passing` do, and of the others some are skipped (all of them in the snapshot of this name).
pub(crate) fn check(name: &str, environment: impl FnOnce() -> Environment, passing: &[&[&str]]) {
    if let Some(found) = unfit() {
        return skip::skip(&format!("environments::{name}"), "root, and a cgroup of its own", &found);
    }
    let environment = &environment();
    let all: Vec<_> = can().chain(MUST_FAIL.iter().copied()).collect();
    let skipping = run(environment, "skip", &all);
    let mut again = all.clone();
    again.retain(|test| !is_emulated() || is_skipped(&skipping, test));
    let failing = (!again.is_empty()).then(|| run(environment, "fail", &again));
    for test in all {
        let skipping_run = skipping.run_of(&full(test));
        let failing = failing.as_ref().filter(|_| again.contains(&test));
        let failing_run = failing.map_or_else(|| skipping_run.clone(), |ran| ran.run_of(&full(test)));
        judge(test, &skipping_run, &failing_run, passing.iter().any(|tests| tests.contains(&test)));
        if let Some(failing) = failing {
            told(test, &skipping, failing);
        }
    }
    let report = doctor(environment);
    agrees(&report, &skipping);
    keep(name, environment, report);
    // The texts are those of a hybrid machine, and not of any kernel.
    if pen::own().is_ok_and(|own| own.is_v1) && !is_emulated() {
        insta::assert_snapshot!(name, described(&skipping));
    }
}

/// Why nothing can be simulated here.
pub(crate) fn unfit() -> Option<String> {
    if !nix::unistd::geteuid().is_root() {
        return Some("an ordinary user".to_owned());
    }
    pen::own().err().map(|error| error.to_string())
}

fn can() -> impl Iterator<Item = &'static str> {
    [PLAIN, LIMITED, NAMESPACED, OWN_PIDS, VIEW, OTHERS].into_iter().flatten().copied()
}

fn full(test: &str) -> String {
    format!("everywhere::{test}")
}

fn run(environment: &Environment, policy: &str, tests: &[&str]) -> Ran {
    let names = tests.iter().copied().map(full);
    let arguments: Vec<_> = std::iter::once("--exact".to_owned()).chain(names).collect();
    start(environment, twin::binary(), &arguments, |twin| twin.env("HARNESS_UNSUPPORTED", policy))
}

/// Runs a program there.
fn start(
    environment: &Environment,
    program: &Path,
    arguments: &[String],
    change: impl FnOnce(Twin) -> Twin,
) -> Ran {
    let copy = (environment.user == User::Nobody).then(|| Everybodys::of(program));
    let program = copy.as_ref().map_or(program, Everybodys::binary);
    let twin = Twin::program(environment.user.command(), "", program).with(|command| {
        // Nobody may be forbidden to enter the directory that the tests are started in.
        command.args(arguments).current_dir("/");
    });
    let twin = environment.place.iter().fold(twin, |twin, place| place.start(twin));
    change(twin).refused(environment.refused).run()
}

/// What `harness doctor --json` says there.
pub(crate) fn doctor(environment: &Environment) -> Value {
    let ran = start(environment, build::tool(), &["doctor", "--json"].map(str::to_owned), |twin| twin);
    ran.must_pass();
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {}", ran.output()))
}

/// What stands and falls with these capabilities.
const MEETS: &[(&str, &[&str])] = &[
    ("little_memory", &["memory"]),
    ("few_processes", &["pids"]),
    ("own_ids", &["userns", "uts"]),
    ("own_pids", &["pid", "proc"]),
    ("own_files", &["mount"]),
    ("own_name", &["uts"]),
    ("own_queues", &["ipc"]),
    ("own_network", &["net"]),
    ("own_clock", &["time"]),
    ("view_of_the_host", &["pid", "proc", "overlay"]),
];

/// A test that the doctor finds able to run has run, and no other.
fn agrees(report: &Value, skipping: &Ran) {
    for (test, names) in MEETS {
        let is_there = names.iter().all(|name| offers(report, name, test));
        let run = skipping.run_of(&full(test));
        assert_eq!(run["verdict"] == "pass", is_there, "{test}: {run}\n{report:#}");
    }
}

/// A namespace that can be made, but not be given a name, is there in part: for a test without a host name.
fn offers(report: &Value, name: &str, test: &str) -> bool {
    let is_nameless = finding(report, name)["found"].as_str().unwrap().starts_with("made, but sethostname ");
    answer(report, name) != "no" && !(is_nameless && test == "own_name")
}

/// The doctor's `yes`, `no` or `partly`.
pub(crate) fn answer<'a>(report: &'a Value, name: &str) -> &'a str {
    finding(report, name)["answer"].as_str().unwrap()
}

fn finding<'a>(report: &'a Value, name: &str) -> &'a Value {
    let found = report["capabilities"].as_array().unwrap().iter().find(|one| one["name"] == name);
    found.unwrap_or_else(|| panic!("no {name} in {report:#}"))
}

/// For the table of `ci/vm.sh`: a file for each environment, in the directory that is asked for.
fn keep(name: &str, environment: &Environment, report: Value) {
    let Some(directory) = std::env::var_os("HARNESS_ENVIRONMENTS") else { return };
    let thread = std::thread::current();
    let row = json!({"test": thread.name(), "user": environment.user.name(), "doctor": report});
    fs::write(Path::new(&directory).join(format!("{name}.json")), row.to_string()).unwrap();
}

fn is_skipped(ran: &Ran, test: &str) -> bool {
    ran.run_of(&full(test))["verdict"] == "skip"
}

fn is_emulated() -> bool {
    std::env::var_os(prebuilt::DIRECTORY).is_some()
}

/// The verdicts under both policies.
fn judge(test: &str, skipping: &Value, failing: &Value, must_pass: bool) {
    let verdicts = (skipping["verdict"].as_str().unwrap(), failing["verdict"].as_str().unwrap());
    let is_right = match verdicts {
        ("pass", "pass") => !MUST_FAIL.contains(&test),
        ("skip", "fail") => !must_pass,
        ("fail", "fail") => MUST_FAIL.contains(&test),
        _ => false,
    };
    assert!(is_right, "{test}: {verdicts:?}\n{skipping}\n{failing}");
    if test == "little_memory" && verdicts.0 == "pass" {
        assert_eq!(skipping["usage"]["memory_limit"]["value"], 32 << 20, "{skipping}");
    }
}

/// A skip is seen on the real stderr, once; and what is skipped there says the same where it fails.
fn told(test: &str, skipping: &Ran, failing: &Ran) {
    if !is_skipped(skipping, test) {
        return;
    }
    let run = skipping.run_of(&full(test));
    let said = |key: &str| run["unsupported"][key].as_str().unwrap_or_default().to_owned();
    let (need, found, remedy) = (said("need"), said("found"), said("remedy"));
    assert!(![&need, &found, &remedy].iter().any(|text| text.is_empty()), "{run}");
    let line = format!("SKIP twins::{}: {need}: {found}; {remedy}\n", full(test));
    assert_eq!(skipping.stderr.matches(&line).count(), 1, "{line}\n{}", skipping.stderr);
    let output = failing.output();
    let headline = format!("isolated test twins::{} ", full(test));
    assert_eq!(output.matches(&headline).count(), 1, "{headline}\n{output}");
    assert!(output.contains(&remedy), "{remedy}\n{output}");
}

/// What passes, and what the others say, paths and lists of namespaces left out.
fn described(ran: &Ran) -> String {
    let mut said: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for test in can() {
        let unsupported = &ran.run_of(&full(test))["unsupported"];
        let text = if unsupported.is_null() {
            String::new()
        } else {
            let row = |key: &str| unsupported[key].as_str().unwrap();
            let [needs, found] = [row("need"), row("found")].map(redacted);
            format!("\n  needs   {needs}\n  found   {found}\n  remedy  {}", row("remedy"))
        };
        said.entry(text).or_default().push(test);
    }
    let mut text = String::new();
    for (reason, tests) in said {
        let verdict = if reason.is_empty() { "pass" } else { "skip" };
        // A String takes whatever is written to it.
        let _ = writeln!(text, "{verdict}: {}{reason}", tests.join(" "));
    }
    text
}

fn redacted(text: &str) -> String {
    let text = after(text, "/sys/fs/cgroup/", |path| path.split('/').next().unwrap_or_default().to_owned());
    let listed = |found: &str, word: &str| {
        found.split_once(word).and_then(|(_, rest)| rest.split_once(':')).map(|(names, _)| names.to_owned())
    };
    match listed(&text, "clone3 ").or_else(|| text.strip_prefix("namespaces ").map(str::to_owned)) {
        Some(names) => text.replace(&names, "[names]"),
        None => text,
    }
}

/// Replaces each word that begins like this by its beginning and what `shorten` makes of the rest.
fn after(text: &str, start: &str, shorten: impl Fn(&str) -> String) -> String {
    let mut parts = text.split(start);
    let mut shown = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find([' ', ':', ';', ',']).unwrap_or(part.len());
        shown.extend([start, &shorten(&part[..end]), "/...", &part[end..]]);
    }
    shown
}
