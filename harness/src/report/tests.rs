//! Every line conforms to `report.schema.json`, every key of the schema is described and comes up, and
//! what is unknown is refused.

pub(crate) mod schema;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::errno::Errno;
use serde_json::Value;

use super::*;
use crate::error::Step;
use crate::evidence::{Measured, MemoryStat, Pressure, Usage};
use crate::rootfs::changes::{Change, ChangeKind};

fn schema() -> Value {
    serde_json::from_str(include_str!("../../report.schema.json")).unwrap()
}

fn spec() -> Spec<'static> {
    Spec::new("demo::it", "/demo")
}

const SEGV: WaitStatus = WaitStatus::Signaled { signal: libc::SIGSEGV, core: true };
const STOP: WaitStatus = WaitStatus::Stopped { signal: libc::SIGSTOP };
const WALL: Deadline = Deadline::Wall(Duration::from_secs(5));
const CPU: Deadline = Deadline::Cpu(Duration::from_millis(200));

fn sleeper() -> Vec<Process> {
    vec![Process { pid: 7, comm: "sleep".to_owned(), cmdline: "sleep 9".to_owned() }]
}

fn failures() -> Vec<SetupError> {
    let path = PathBuf::from("/x");
    let write = Object::Write { path: path.clone(), value: "1".to_owned() };
    let cause = Cause::ReadBack { found: "2".to_owned() };
    let mount = Object::Mount { source: path.clone(), target: path.clone() };
    vec![
        SetupError::new(Step::Clone, "pid, uts", Errno::EPERM),
        SetupError::new(Step::Overlay, &path, Errno::EINVAL),
        SetupError::new(Step::Bind, mount, Errno::ENOENT),
        SetupError { step: Step::ReadBack, object: write, cause },
        SetupError {
            step: Step::ReadPlan,
            object: Object::None,
            cause: Cause::Malformed { found: "nothing".to_owned() },
        },
    ]
}

fn violations() -> Vec<Violation> {
    vec![
        Violation::Forged { length: 3 },
        Violation::OutOfOrder { frame: "a second verdict" },
        Violation::Escaped { pid: 9 },
        Violation::InitLost { status: None },
        Violation::InitLost { status: Some(SEGV) },
    ]
}

fn outcomes() -> Vec<Outcome> {
    let mut all = vec![
        Outcome::Passed,
        Outcome::Panicked { message: Some("no".to_owned()), location: Some("a.rs:1:2".to_owned()) },
        Outcome::Panicked { message: None, location: None },
        Outcome::Returned(-1),
        Outcome::Exited(3),
        Outcome::Signaled { signal: libc::SIGSEGV, core: true },
        Outcome::OomKilled { by: OomBy::OwnLimit, kills: 2, survivors: sleeper() },
        Outcome::OomKilled { by: OomBy::Ancestor, kills: 1, survivors: vec![] },
        Outcome::OomKilled { by: OomBy::Host, kills: 1, survivors: vec![] },
        Outcome::TimedOut { limit: WALL },
        Outcome::TimedOut { limit: CPU },
        Outcome::LeftProcesses(sleeper()),
    ];
    all.extend(violations().into_iter().map(Outcome::Violated));
    all
}

fn every_figure() -> Usage {
    let bytes = || Some(Measured::new(u64::MAX, "memory.peak"));
    let time = || Some(Measured::new(Duration::from_micros(15), "cpu.stat"));
    let stat = MemoryStat { when: "at the end".to_owned(), bytes: vec![("anon".to_owned(), 4096)] };
    let stalls = |full| Some(Measured::new(Pressure { some: Duration::ZERO, full }, "io.pressure"));
    Usage {
        wall: Duration::from_nanos(1_234_567),
        cpu_user: time(),
        cpu_system: time(),
        cpu_throttled: time(),
        cpu_throttled_periods: bytes(),
        memory_peak: bytes(),
        memory_limit: bytes(),
        swap_peak: bytes(),
        swap_limit: bytes(),
        memory_stat: Some(Measured::new(stat, "memory.stat")),
        maxrss: bytes(),
        pids_peak: bytes(),
        pids_limit: bytes(),
        pids_refused: bytes(),
        minor_faults: bytes(),
        major_faults: bytes(),
        voluntary_switches: bytes(),
        involuntary_switches: bytes(),
        io_read: bytes(),
        io_written: bytes(),
        pressure_cpu: stalls(None),
        pressure_memory: stalls(Some(Duration::from_secs(1))),
        pressure_io: stalls(None),
    }
}

fn changes() -> Vec<Change> {
    let of = |kind, size| Change { path: PathBuf::from("/etc/hosts"), kind, size };
    let more = std::iter::repeat_n(of(ChangeKind::Added, Some(0)), 1_000);
    [of(ChangeKind::Changed, Some(7)), of(ChangeKind::Deleted, None)].into_iter().chain(more).collect()
}

fn everything() -> Evidence {
    let text = |text: &str| Some(text.to_owned());
    let victim = |anon_rss| Victim { pid: 4711, comm: "hungry".to_owned(), anon_rss };
    Evidence {
        left_leaf: None,
        setup: None,
        started: true,
        returned: Some(0),
        panicked: Some(Panic {
            message: text("no\n\"\u{1b}"),
            location: text("a:1"),
            backtrace: text("0: x"),
        }),
        panicking: 1,
        violation: Some(Violation::Forged { length: 3 }),
        body: Some(SEGV),
        init: Some(STOP),
        deadline: Some(CPU),
        oom: Some(Oom {
            by: OomBy::OwnLimit,
            kills: 2,
            leaf: "/l".into(),
            limit_of: None,
            victims: vec![victim(Some(1)), victim(None)],
        }),
        leftovers: sleeper(),
        changes: Some(changes()),
        cgroups: vec![PathBuf::from("/sys/fs/cgroup/x"), PathBuf::from("/sys/fs/cgroup/y")],
        rungs: vec!["below our own cgroup"],
        unswept: failures(),
        cleanup: failures(),
        // A program's, which has no line.
        output: crate::evidence::Output::default(),
        usage: every_figure(),
    }
}

/// Tests that were not even tried.
fn refusals() -> Vec<Value> {
    let bad = policy::required_of(policy::REQUIRE, "memroy").unwrap_err();
    let capability = capability::named("memory").unwrap();
    let (answer, found) = (capability::Answer::No, "nothing".to_owned());
    let finding = capability::Finding { answer, found, remedy: None };
    let missing = vec![policy::Lack { capability, finding }];
    let lacking = Objection::Lacking { required: "memory".to_owned(), missing };
    [Objection::Setting(bad), lacking].map(|objection| parsed(&refusal(&spec(), &objection))).to_vec()
}

/// A line for each ending, with all evidence or none, and for each expectation.
fn lines() -> Vec<Value> {
    let [need, found, remedy] = ["mem = ...", "none", "mount"].map(str::to_owned);
    let lack = Unsupported { need, found, remedy, step: None };
    let mut ends: Vec<_> = outcomes().into_iter().map(End::Ran).collect();
    ends.extend(failures().into_iter().map(End::NotRun));
    ends.push(End::Unsupported(lack));
    let signal = Expect::Signal(libc::SIGSEGV);
    let expects = [Expect::Success, Expect::Oom, Expect::Timeout, Expect::Exit(3), signal];
    let specs: Vec<_> =
        expects.map(|expect| spec().expect(expect)).into_iter().chain([spec().should_panic()]).collect();
    let mut lines = refusals();
    for end in &ends {
        for spec in &specs {
            for evidence in [everything(), Evidence::default()] {
                for verdict in [Verdict::Pass, Verdict::Fail, Verdict::Skip] {
                    lines.push(parsed(&line(spec, end, &evidence, verdict)));
                }
            }
        }
    }
    lines
}

fn parsed(line: &str) -> Value {
    assert!(!line.contains('\n'), "{line}");
    serde_json::from_str(line).unwrap()
}

#[test]
fn every_line_conforms_to_the_schema() {
    let schema = schema();
    for line in lines() {
        assert_eq!(schema::complaints(&schema, &line), Vec::<String>::new(), "{line:#}");
    }
}

#[test]
fn the_schema_refuses_what_it_does_not_know() {
    let schema = schema();
    let good = parsed(&line(&spec(), &End::Ran(Outcome::Exited(3)), &everything(), Verdict::Fail));
    let broken: [(&str, &str, Value); 8] = [
        ("an unknown key", "/extra", Value::from(1)),
        ("a null", "/evidence/returned", Value::Null),
        ("another version", "/schema", Value::from(2)),
        ("an unknown verdict", "/verdict", Value::from("maybe")),
        ("a figure of another unit", "/usage/wall/unit", Value::from("s")),
        ("a negative figure", "/usage/maxrss/value", Value::from(-1)),
        ("an unknown ending", "/outcome/kind", Value::from("gone")),
        ("two endings", "/unsupported", serde_json::json!({"need": "", "found": "", "remedy": ""})),
    ];
    for (what, pointer, value) in broken {
        let mut line = good.clone();
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        line.pointer_mut(parent).unwrap()[key] = value;
        assert!(!schema::complaints(&schema, &line).is_empty(), "{what}");
    }
}

/// Every place of the schema where a key is defined: its name and its own schema.
fn keys<'a>(schema: &'a Value, found: &mut Vec<(&'a str, &'a Value)>) {
    match schema {
        Value::Object(entries) => {
            let properties = entries.get("properties").and_then(Value::as_object);
            found.extend(properties.into_iter().flatten().map(|(key, schema)| (key.as_str(), schema)));
            entries.values().for_each(|inner| keys(inner, found));
        }
        Value::Array(items) => items.iter().for_each(|inner| keys(inner, found)),
        _ => {}
    }
}

#[test]
fn every_key_is_described() {
    let schema = schema();
    let mut found = Vec::new();
    keys(&schema, &mut found);
    assert!(found.len() > 100);
    for (key, schema) in found {
        assert!(schema.get("description").is_some() || schema.get("$ref").is_some(), "{key}");
    }
}

#[test]
fn every_key_of_the_schema_comes_up() {
    fn collect(value: &Value, into: &mut BTreeSet<String>) {
        match value {
            Value::Object(entries) => entries.iter().for_each(|(key, inner)| {
                into.insert(key.clone());
                collect(inner, into);
            }),
            Value::Array(items) => items.iter().for_each(|inner| collect(inner, into)),
            _ => {}
        }
    }
    let mut seen = BTreeSet::new();
    lines().iter().for_each(|line| collect(line, &mut seen));
    let schema = schema();
    let mut known = Vec::new();
    keys(&schema, &mut known);
    for (key, _) in known {
        assert!(seen.contains(key), "{key} is in no line");
    }
}

#[test]
fn one_line_as_it_is() {
    let mut evidence = Evidence { started: true, returned: Some(0), ..Evidence::default() };
    evidence.body = Some(WaitStatus::Exited(0));
    evidence.usage.wall = Duration::from_millis(2);
    evidence.usage.memory_peak = Some(Measured::new(4096, "memory.peak"));
    let line = line(&spec(), &End::Ran(Outcome::Passed), &evidence, Verdict::Pass);
    let pretty = serde_json::to_string_pretty(&parsed(&line)).unwrap();
    insta::assert_snapshot!(pretty);
}

#[test]
fn a_figure_that_is_not_there_has_no_key() {
    let end = End::Ran(Outcome::Passed);
    let line = parsed(&line(&spec(), &end, &Evidence::default(), Verdict::Pass));
    let usage: Vec<_> = line["usage"].as_object().unwrap().keys().collect();
    assert_eq!(usage, ["wall"]);
}

#[test]
fn libtest_has_the_last_word_on_a_panic_under_should_panic() {
    let panicked = || End::Ran(Outcome::Panicked { message: None, location: None });
    let verdict = |spec: Spec<'_>, end: End| {
        parsed(&line(&spec, &end, &everything(), Verdict::Fail))["verdict"].clone()
    };
    assert_eq!(verdict(spec().should_panic(), panicked()), "left_to_libtest");
    assert_eq!(verdict(spec().should_panic(), End::Ran(Outcome::Passed)), "fail");
    assert_eq!(verdict(spec(), panicked()), "fail");
}

#[test]
fn lines_are_appended() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("report.jsonl");
    let threads: Vec<_> = (0..8)
        .map(|thread| {
            let path = path.clone();
            std::thread::spawn(move || {
                for _ in 0..50 {
                    append(&path, &format!("{thread}").repeat(5000)).unwrap();
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text.lines().count(), 400);
    assert!(text.lines().all(|line| line.len() == 5000 && line.chars().all(|char| line.starts_with(char))));
}

#[test]
fn a_report_that_cannot_be_written_is_an_error() {
    let error = append(Path::new("/nowhere/report.jsonl"), "{}").unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
}
