//! One environment: what runs in it, and what is said of the rest.

use std::collections::BTreeMap;
use std::fmt::Write;

use harness_tests::twin::{Ran, Twin};
use harness_tests::users::Everybodys;
use harness_tests::{pen, prebuilt, skip};
use serde_json::Value;

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

/// Runs everything under both policies. Of the tests that can pass, those of `passing` do, and of the
/// others some are skipped (all of them in the snapshot of this name).
pub(crate) fn check(name: &str, environment: impl FnOnce() -> Environment, passing: &[&[&str]]) {
    if let Some(found) = unfit() {
        return skip::skip(&format!("environments::{name}"), "root, and a cgroup of its own", &found);
    }
    let environment = &environment();
    let skipping = run(environment, "skip");
    let failing = run(environment, "fail");
    for test in can().chain(MUST_FAIL.iter().copied()) {
        let [skipping_run, failing_run] = [&skipping, &failing].map(|ran| ran.run_of(&full(test)));
        judge(test, &skipping_run, &failing_run, passing.iter().any(|tests| tests.contains(&test)));
        told(test, &skipping, &failing);
    }
    // The texts are those of a hybrid machine, and not of any kernel.
    if pen::own().is_ok_and(|own| own.is_v1) && std::env::var_os(prebuilt::DIRECTORY).is_none() {
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

fn run(environment: &Environment, policy: &str) -> Ran {
    let names: Vec<_> = can().chain(MUST_FAIL.iter().copied()).map(full).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let outer = environment.user.command();
    let copy = (environment.user == User::Nobody).then(Everybodys::new);
    let twin = match &copy {
        Some(copy) => copy.in_shell(outer, "", &names),
        None => Twin::in_shell(outer, "", &names),
    };
    let twin = environment.place.iter().fold(twin, |twin, place| place.start(twin));
    twin.env("HARNESS_UNSUPPORTED", policy).refused(environment.refused).run()
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
    let run = skipping.run_of(&full(test));
    if run["verdict"] != "skip" {
        return;
    }
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
