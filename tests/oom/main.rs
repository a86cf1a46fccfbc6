//! Whether an OOM kill is seen, and whose limit it is said to be: each scenario as a real guest, driven and
//! counted from outside, `HARNESS_OOM_RUNS` times.
//!
//! The runner of each is started in a cgroup of the test's own (`harness_tests::pen`), whose counters are
//! an independent witness; a body that survives reads those of its leaf. A run is right when the outcome,
//! the limit it names, the number of kills and the witness all agree, and nothing is left. The kernel log,
//! which may help the runner and is rate-limited, is hidden from every second one.

#![cfg(test)]

use std::fmt::Write;
use std::fs;

use harness_tests::pen::Pen;
use harness_tests::skip;
use harness_tests::twin::{Ran, Twin};
use serde_json::Value;

/// What one guest is to end as.
struct Scenario {
    test: &'static str,
    /// The limit of the cgroup around the runner, in MiB.
    pen: Option<u64>,
    outcome: &'static str,
    by: Option<&'static str>,
    kills: std::ops::RangeInclusive<u64>,
    /// Whether the limit around the runner is the one that is hit.
    hits_pen: bool,
    needs: Needs,
}

#[derive(PartialEq, Eq)]
enum Needs {
    Nothing,
    Version2,
    /// A machine that may run out of memory.
    Host,
}

const OWN: Scenario = Scenario {
    test: "own_limit",
    pen: None,
    outcome: "oom_killed",
    by: Some("own_limit"),
    kills: 1..=1,
    hits_pen: false,
    needs: Needs::Nothing,
};

const NONE: Scenario = Scenario { outcome: "passed", by: None, kills: 0..=0, ..OWN };

const SCENARIOS: &[Scenario] = &[
    OWN,
    Scenario { test: "own_limit_without_swap", ..OWN },
    Scenario { test: "ancestors_limit", pen: Some(96), by: Some("ancestor"), hits_pen: true, ..OWN },
    Scenario { test: "sub_cgroup", ..OWN },
    Scenario { test: "child", ..OWN },
    // The kernel counts the chosen victim twice, and may or may not catch the other one alive.
    Scenario { test: "group", kills: 1..=3, needs: Needs::Version2, ..OWN },
    Scenario { test: "host", by: Some("host"), needs: Needs::Host, ..OWN },
    Scenario { test: "killed_below_the_limit", outcome: "signaled", ..NONE },
    Scenario { test: "below_the_limit", ..NONE },
];

/// Runs of one scenario.
struct Row {
    name: &'static str,
    runs: u64,
    wrong: Vec<String>,
    skipped: Option<&'static str>,
}

/// Whether runners can be started below a cgroup of ours.
fn is_possible(test: &str) -> bool {
    let made = Pen::new(None);
    if let Err(error) = &made {
        skip::skip(test, "a memory cgroup of the test's own", &error.to_string());
    }
    made.is_ok()
}

#[test]
fn every_kill_is_seen_and_attributed() {
    if !is_possible("oom::every_kill_is_seen_and_attributed") {
        return;
    }
    let runs = std::env::var("HARNESS_OOM_RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(5);
    let only = std::env::var("HARNESS_OOM_SCENARIO").ok();
    let is_asked_for = |scenario: &&Scenario| {
        only.as_ref().is_none_or(|only| only.split(',').any(|one| one == scenario.test))
    };
    let rows: Vec<_> = SCENARIOS.iter().filter(is_asked_for).map(|scenario| row(scenario, runs)).collect();
    let table = table(&rows);
    eprintln!("{table}");
    if let Some(path) = std::env::var_os("HARNESS_OOM_TABLE") {
        fs::write(path, &table).unwrap();
    }
    let wrong: Vec<_> = rows.iter().filter_map(|row| row.wrong.first()).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The judge himself: each claim of a scenario can be wrong.
#[test]
fn what_is_wrong_is_found() {
    if !is_possible("oom::what_is_wrong_is_found") {
        return;
    }
    let wrong = [
        Scenario { by: Some("host"), ..OWN },
        Scenario { kills: 2..=2, ..OWN },
        Scenario { outcome: "signaled", ..OWN },
        Scenario { hits_pen: true, ..OWN },
        Scenario { test: "below_the_limit", ..OWN },
        Scenario { test: "child", kills: 2..=2, ..OWN },
        Scenario { test: "ancestors_limit", pen: Some(96), hits_pen: true, ..OWN },
    ];
    for scenario in &wrong {
        assert!(run(scenario, 0).is_err(), "{} {}", scenario.test, scenario.outcome);
    }
}

fn row(scenario: &Scenario, runs: u64) -> Row {
    let skipped = lacks(scenario);
    let runs = if skipped.is_some() { 0 } else { runs };
    let wrong = (0..runs).filter_map(|number| run(scenario, number).err()).collect();
    Row { name: scenario.test, runs, wrong, skipped }
}

/// Why a scenario is no scenario on this machine.
fn lacks(scenario: &Scenario) -> Option<&'static str> {
    match scenario.needs {
        Needs::Version2 if pen(None).is_v1() => Some("memory.oom.group is there on cgroup v2 only"),
        Needs::Host if std::env::var_os("HARNESS_TEST_HOST_OOM").is_none() => {
            Some("takes all memory of the machine: HARNESS_TEST_HOST_OOM=1")
        }
        _ => None,
    }
}

fn pen(mebibytes: Option<u64>) -> Pen {
    let limit = mebibytes.map(|mebibytes| mebibytes << 20);
    Pen::new(limit).unwrap_or_else(|error| panic!("no memory cgroup of our own can be made: {error}"))
}

/// A shell that does not see the kernel log.
const WITHOUT_LOG: &[&str] = &[
    "unshare",
    "--mount",
    "--propagation=private",
    "sh",
    "-euc",
    "mount --bind /dev/null /dev/kmsg; exec \"$0\" \"$@\"",
];

/// One run; on error, what is wrong with it.
fn run(scenario: &Scenario, number: u64) -> Result<(), String> {
    let pen = pen(scenario.pen);
    let outer = if number.is_multiple_of(2) { &[] } else { WITHOUT_LOG };
    let ran = Twin::in_shell(outer, &pen.entrance(), &[&format!("attribution::{}", scenario.test)]).run();
    let mut objections = judge(scenario, &ran);
    objections.extend(witness(scenario, &pen, &ran));
    if scenario.by == Some("ancestor") && !names(&pen, &ran, outer.is_empty()) {
        objections.push(format!("{}: the pen is not named", scenario.test));
    }
    if objections.is_empty() { Ok(()) } else { Err(format!("{}\n{}", objections.join("\n"), ran.output())) }
}

/// What the runner says.
fn judge(scenario: &Scenario, ran: &Ran) -> Vec<String> {
    let run = ran.run_of(&format!("attribution::{}", scenario.test));
    let passes = scenario.outcome == "passed";
    let kills = run["outcome"]["kills"].as_u64().unwrap_or(0);
    let claims = [
        ("libtest", ran.passed() == passes),
        ("verdict", run["verdict"] == if passes { "pass" } else { "fail" }),
        ("outcome", run["outcome"]["kind"] == scenario.outcome),
        ("by", run["outcome"]["by"] == scenario.by.map_or(Value::Null, Value::from)),
        ("kills", scenario.kills.contains(&kills)),
    ];
    let wrong = claims.iter().filter(|(_, holds)| !holds);
    wrong.map(|(claim, _)| format!("{}: {claim}: {}", scenario.test, run["outcome"])).collect()
}

/// Whether the reader is sent to the cgroup whose limit it was: also without the kernel log, which may be silent where
/// it is there.
fn names(pen: &Pen, ran: &Ran, has_log: bool) -> bool {
    let output = ran.output();
    let row = output.lines().find_map(|line| line.strip_prefix("  ancestor  ")).unwrap_or_default();
    let is = |end: &str| row.ends_with(&format!("/{}{end}", pen.name()));
    is(" or above") || has_log && is(" (kernel log)")
}

/// What the kernel counted elsewhere.
fn witness(scenario: &Scenario, pen: &Pen, ran: &Ran) -> Vec<String> {
    let mut wrong = Vec::new();
    let hits = pen.hits();
    if (hits > 0) != scenario.hits_pen {
        wrong.push(format!("{}: the limit around the runner was hit {hits} times", scenario.test));
    }
    // v1 counts a kill where the victim was, and nothing runs in the pen but the runner.
    let expected = if pen.is_v1() { 0..=0 } else { scenario.kills.clone() };
    let kills = pen.kills();
    if !expected.contains(&kills) {
        wrong.push(format!("{}: {kills} kills around the runner", scenario.test));
    }
    if let Ok(text) = fs::read_to_string(ran.directory.path().join("kills")) {
        let kills = text.parse().unwrap_or(u64::MAX);
        if !scenario.kills.contains(&kills) {
            wrong.push(format!("{}: the body counted {text} kills", scenario.test));
        }
    }
    wrong
}

fn table(rows: &[Row]) -> String {
    let mut text = format!("{:24}{:>6}{:>7}{:>7}  not run\n", "scenario", "runs", "right", "wrong");
    for Row { name, runs, wrong, skipped } in rows {
        let wrong = wrong.len() as u64;
        let reason = skipped.unwrap_or_default();
        // A String takes whatever is written to it.
        let _ = writeln!(text, "{name:24}{runs:>6}{:>7}{wrong:>7}  {reason}", runs - wrong);
    }
    text
}
