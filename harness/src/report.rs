//! `HARNESS_REPORT=FILE`: one JSON object a line for each run, described by `report.schema.json`.
//!
//! A figure or a fact that is not there has no key. Keys are only ever added within one schema number.

mod changes;
mod figures;
#[cfg(test)]
pub(crate) mod tests;

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::capability;
use crate::error::{Cause, Object, SetupError, Unsupported};
use crate::evidence::{Deadline, Evidence, Oom, OomBy, Panic, Process, Victim, Violation, WaitStatus};
use crate::outcome::Outcome;
use crate::policy::{self, Lack, Objection};
use crate::render;
use crate::runner::End;
use crate::spec::{Expect, Spec};

/// Of the line's format.
const SCHEMA: u32 = 1;

/// What became of the test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Pass,
    Fail,
    Skip,
}

/// The line of one run, without its newline.
pub(crate) fn line(spec: &Spec<'_>, end: &End, evidence: &Evidence, verdict: Verdict) -> String {
    let mut line = object([
        ("schema", Some(json!(SCHEMA))),
        ("test", Some(json!(spec.name))),
        ("verdict", Some(json!(verdict_word(spec, end, verdict)))),
        ("expected", expected(spec)),
    ]);
    let (key, value) = match end {
        End::Ran(outcome) => ("outcome", self::outcome(outcome)),
        End::NotRun(error) => ("setup_error", setup_error(error)),
        End::Unsupported(lack) => ("unsupported", unsupported(lack, &capability::behind(spec, lack))),
    };
    line.insert(key.to_owned(), value);
    // Where nothing was started there is nothing to have seen.
    if !matches!(end, End::Unsupported(_)) || evidence.setup.is_some() {
        line.insert("evidence".to_owned(), self::evidence(evidence));
        line.insert("usage".to_owned(), figures::usage(&evidence.usage));
    }
    Value::Object(line).to_string()
}

/// The line of a test that was not even tried.
pub(crate) fn refusal(spec: &Spec<'_>, objection: &Objection) -> String {
    let (key, value) = match objection {
        Objection::Setting(bad) => {
            ("setting", json!({"name": bad.name, "given": bad.given, "accepted": bad.accepted}))
        }
        Objection::Lacking { required, missing } => ("unsupported", lacking(required, missing)),
    };
    let line =
        [("schema", json!(SCHEMA)), ("test", json!(spec.name)), ("verdict", json!("fail")), (key, value)];
    Value::Object(object(line.map(|(key, value)| (key, Some(value))))).to_string()
}

/// Appends a line. Runners share the file: `O_APPEND` and one write keep their lines apart (open(2)).
///
/// # Errors
/// The file cannot be opened or written.
pub(crate) fn append(path: &Path, line: &str) -> io::Result<()> {
    let mut file = File::options().append(true).create(true).open(path)?;
    // One write(2): a regular file takes all of it, or is full.
    file.write_all(format!("{line}\n").as_bytes())
}

/// Under `#[should_panic]` we know that it panicked; whether with the right message, libtest decides.
fn verdict_word(spec: &Spec<'_>, end: &End, verdict: Verdict) -> &'static str {
    match verdict {
        _ if spec.should_panic && matches!(end, End::Ran(Outcome::Panicked { .. })) => "left_to_libtest",
        Verdict::Pass => "pass",
        Verdict::Fail => "fail",
        Verdict::Skip => "skip",
    }
}

fn expected(spec: &Spec<'_>) -> Option<Value> {
    let ending = match spec.expect {
        _ if spec.should_panic => json!({"kind": "panicked"}),
        Expect::Success => return None,
        Expect::Oom => json!({"kind": "oom_killed"}),
        Expect::Timeout => json!({"kind": "timed_out"}),
        Expect::Exit(code) => json!({"kind": "exited", "code": code}),
        Expect::Signal(signal) => {
            json!({"kind": "signaled", "signal": signal, "name": render::signal_name(signal)})
        }
    };
    Some(ending)
}

/// An object of those that are there.
fn object<'a>(entries: impl IntoIterator<Item = (&'a str, Option<Value>)>) -> Map<String, Value> {
    entries.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
}

/// An ending by its name, with what else it says.
fn kind<'a>(name: &str, more: impl IntoIterator<Item = (&'a str, Option<Value>)>) -> Value {
    Value::Object(object([("kind", Some(json!(name)))].into_iter().chain(more)))
}

fn outcome(outcome: &Outcome) -> Value {
    match outcome {
        Outcome::Passed => kind("passed", []),
        Outcome::Panicked { message, location } => {
            kind("panicked", [("message", text(message.as_deref())), ("location", text(location.as_deref()))])
        }
        Outcome::Returned(code) => kind("returned", [("code", Some(json!(code)))]),
        // As the wait status that tells of it.
        Outcome::Exited(code) => wait_status(WaitStatus::Exited(*code)),
        Outcome::Signaled { signal, core } => {
            wait_status(WaitStatus::Signaled { signal: *signal, core: *core })
        }
        Outcome::OomKilled { by, kills, survivors } => kind(
            "oom_killed",
            [
                ("by", Some(json!(oom_by(*by)))),
                ("kills", Some(json!(kills))),
                ("survivors", processes(survivors)),
            ],
        ),
        Outcome::TimedOut { limit } => kind("timed_out", [("limit", Some(deadline(*limit)))]),
        Outcome::WroteTooMuch { limit } => kind("wrote_too_much", [("limit", Some(json!(limit)))]),
        Outcome::LeftProcesses(left) => kind("left_processes", [("processes", processes(left))]),
        Outcome::Violated(violation) => kind("violated", [("violation", Some(self::violation(violation)))]),
    }
}

fn wait_status(status: WaitStatus) -> Value {
    let of = |signal: i32| ("signal", Some(json!(signal)));
    let name = |signal: i32| ("name", Some(json!(render::signal_name(signal))));
    match status {
        WaitStatus::Exited(code) => kind("exited", [("code", Some(json!(code)))]),
        WaitStatus::Signaled { signal, core } => {
            kind("signaled", [of(signal), name(signal), ("core", Some(json!(core)))])
        }
        WaitStatus::Stopped { signal } => kind("stopped", [of(signal), name(signal)]),
    }
}

fn text(text: Option<&str>) -> Option<Value> {
    text.map(|text| json!(text))
}

fn oom_by(by: OomBy) -> &'static str {
    match by {
        OomBy::OwnLimit => "own_limit",
        OomBy::Ancestor => "ancestor",
        OomBy::Host => "host",
    }
}

fn deadline(limit: Deadline) -> Value {
    let (clock, limit) = match limit {
        Deadline::Wall(limit) => ("wall", limit),
        Deadline::Cpu(limit) => ("cpu", limit),
    };
    json!({"clock": clock, "us": figures::micros(limit)})
}

fn violation(violation: &Violation) -> Value {
    match violation {
        Violation::Forged { length } => kind("forged", [("length", Some(json!(length)))]),
        Violation::OutOfOrder { frame } => kind("out_of_order", [("frame", Some(json!(frame)))]),
        Violation::Escaped { pid } => kind("escaped", [("pid", Some(json!(pid)))]),
        Violation::InitLost { status } => kind("init_lost", [("status", status.map(wait_status))]),
    }
}

fn processes(processes: &[Process]) -> Option<Value> {
    let one =
        |Process { pid, comm, cmdline }: &Process| json!({"pid": pid, "comm": comm, "cmdline": cmdline});
    Some(processes.iter().map(one).collect())
}

/// The step by its text, so that a reader needs no table of ours.
fn setup_error(error: &SetupError) -> Value {
    let (errno, found) = match &error.cause {
        Cause::Errno(errno) => (Some(json!(format!("{errno:?}"))), None),
        Cause::ReadBack { found } | Cause::Malformed { found } | Cause::Refused { reason: found } => {
            (None, Some(json!(found)))
        }
    };
    Value::Object(object([
        ("step", Some(json!(error.step.text()))),
        ("object", step_object(&error.object)),
        ("errno", errno),
        ("found", found),
        ("text", Some(json!(render::setup_error(error)))),
    ]))
}

fn step_object(object: &Object) -> Option<Value> {
    Some(match object {
        Object::None => return None,
        Object::Name(name) => json!({"name": name}),
        Object::Path(path) => json!({"path": path.to_string_lossy()}),
        Object::Mount { source, target } => {
            json!({"source": source.to_string_lossy(), "target": target.to_string_lossy()})
        }
        Object::Write { path, value } => json!({"path": path.to_string_lossy(), "value": value}),
    })
}

fn unsupported(lack: &Unsupported, capabilities: &[&str]) -> Value {
    let capabilities = (!capabilities.is_empty()).then(|| json!(capabilities));
    Value::Object(object([
        ("need", Some(json!(lack.need))),
        ("found", Some(json!(lack.found))),
        ("remedy", Some(json!(lack.remedy))),
        ("capabilities", capabilities),
    ]))
}

/// Everything that is required and missing, as one lack.
fn lacking(required: &str, missing: &[Lack]) -> Value {
    let join = |text: fn(&Lack) -> &str| missing.iter().map(text).collect::<Vec<_>>().join("; ");
    let lack = Unsupported {
        need: format!("{}={required}", policy::REQUIRE),
        found: join(|lack| &lack.finding.found),
        remedy: join(|lack| lack.finding.remedy.as_deref().unwrap_or_default()),
        step: None,
    };
    unsupported(&lack, &missing.iter().map(|lack| lack.capability.name).collect::<Vec<_>>())
}

fn evidence(evidence: &Evidence) -> Value {
    Value::Object(object([
        ("started", Some(json!(evidence.started))),
        ("panicking", (evidence.panicking > 0).then(|| json!(evidence.panicking))),
        ("returned", evidence.returned.map(|code| json!(code))),
        ("panicked", evidence.panicked.as_ref().map(panicked)),
        ("violation", evidence.violation.as_ref().map(violation)),
        ("body", evidence.body.map(wait_status)),
        ("init", evidence.init.map(wait_status)),
        ("deadline", evidence.deadline.map(deadline)),
        ("oom", evidence.oom.as_ref().map(oom)),
        ("leftovers", processes(&evidence.leftovers)),
        ("changes", evidence.changes.as_deref().map(changes::list)),
        ("changes_left_out", evidence.changes.as_deref().and_then(changes::left_out)),
        ("cgroups", Some(cgroups(evidence))),
        ("unswept", Some(evidence.unswept.iter().map(setup_error).collect())),
        ("cleanup", Some(evidence.cleanup.iter().map(setup_error).collect())),
    ]))
}

/// Each directory with the rung that it was made on.
fn cgroups(evidence: &Evidence) -> Value {
    let rungs = evidence.rungs.iter().map(|rung| Some(json!(rung))).chain(std::iter::repeat(None));
    let each = evidence.cgroups.iter().zip(rungs).map(|(path, rung)| {
        Value::Object(object([("path", Some(json!(path.to_string_lossy()))), ("rung", rung)]))
    });
    each.collect()
}

fn panicked(panic: &Panic) -> Value {
    Value::Object(object([
        ("message", text(panic.message.as_deref())),
        ("location", text(panic.location.as_deref())),
        ("backtrace", text(panic.backtrace.as_deref())),
    ]))
}

fn oom(oom: &Oom) -> Value {
    let victims: Vec<_> = oom.victims.iter().map(victim).collect();
    json!({"by": oom_by(oom.by), "kills": oom.kills, "victims": victims})
}

fn victim(victim: &Victim) -> Value {
    Value::Object(object([
        ("pid", Some(json!(victim.pid))),
        ("comm", Some(json!(victim.comm))),
        ("anon_rss", victim.anon_rss.map(|bytes| json!(bytes))),
    ]))
}
