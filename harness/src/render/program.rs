//! The text of a program that ran in a sandbox, and of a sandbox that could not be made.

use super::words::{self, Table};
use super::{headline, rows, setup, usage};
use crate::error::{Cause, Object, SetupError, Unsupported};
use crate::evidence::{Evidence, OomBy, Process};
use crate::outcome::Outcome;
use crate::sandbox::Invalid;
use crate::spec::{Limits, Resource, Spec};

/// The ending of a program, with its evidence.
pub(crate) fn program(spec: &Spec<'_>, outcome: &Outcome, evidence: &Evidence) -> String {
    let name = words::shown(spec.name);
    if *outcome == Outcome::Passed {
        let mut table = Table::new(format!("{name} {}: {}", ending(outcome), usage::line(&evidence.usage)));
        table.row("left", left(&evidence.leftovers));
        return table.text();
    }
    let mut table = Table::new(format!("{name} {}", ending(outcome)));
    rows::fill(&mut table, spec, outcome, evidence);
    if matches!(outcome, Outcome::Exited(_)) {
        table.row("left", left(&evidence.leftovers));
    }
    table.row("stderr", end_of(&evidence.output.stderr));
    table.row("remedy", advice(&spec.limits, outcome).map(str::to_owned));
    table.text()
}

fn left(processes: &[Process]) -> Option<String> {
    (!processes.is_empty()).then(|| words::processes(processes) + "\n(killed now)")
}

/// The predicate of a sentence.
pub(crate) fn ending(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Passed => "ended well".to_owned(),
        Outcome::Exited(code) => format!("exited with code {code}"),
        other => headline::predicate(other, &of_a_program(other)),
    }
}

/// Evidence as there is of every program that ended by itself: the headline of a test looks for more.
fn of_a_program(outcome: &Outcome) -> Evidence {
    let body = match outcome {
        Outcome::Signaled { signal, core } => {
            Some(crate::evidence::WaitStatus::Signaled { signal: *signal, core: *core })
        }
        _ => None,
    };
    Evidence { started: true, body, ..Evidence::default() }
}

/// The last lines of a stream.
fn end_of(stream: &[u8]) -> Option<String> {
    const MOST: usize = 10;
    const LONGEST: usize = 4096;
    let end = &stream[stream.len().saturating_sub(LONGEST)..];
    let text = String::from_utf8_lossy(end);
    let lines: Vec<_> = text.lines().collect();
    let last = &lines[lines.len().saturating_sub(MOST)..];
    (!last.is_empty()).then(|| last.iter().map(|line| words::shown(line)).collect::<Vec<_>>().join("\n"))
}

fn advice(limits: &Limits<'_>, outcome: &Outcome) -> Option<&'static str> {
    let has = |resource| limits.rlimits.iter().any(|limit| limit.resource == resource);
    Some(match outcome {
        Outcome::OomKilled { by: OomBy::OwnLimit, .. } => "use less memory, or raise `memory_max`",
        Outcome::OomKilled { by: OomBy::Ancestor, .. } => {
            "raise the limit of that cgroup (MemoryMax= in systemd, -m in docker), or set a lower `memory_max`"
        }
        Outcome::OomKilled { by: OomBy::Host, .. } => {
            "run fewer at once, or set `memory_max`, which a hungry program then meets first"
        }
        Outcome::TimedOut { .. } => "raise `timeout` or `cpu_time`, or see what it was waiting for",
        Outcome::WroteTooMuch { .. } => "let it write less, or raise `output_max`",
        Outcome::LeftProcesses(_) => "wait for every process that it starts, or say `leaks(Leaks::Allow)`",
        Outcome::Signaled { signal: libc::SIGXCPU | libc::SIGKILL, .. } if has(Resource::Cpu) => {
            "use less cpu time, or raise `rlimit(Resource::Cpu, ..)`"
        }
        Outcome::Signaled { signal: libc::SIGXFSZ, .. } => {
            "write smaller files, or raise `rlimit(Resource::Fsize, ..)`"
        }
        _ => return None,
    })
}

/// What a machine lacks, on one line.
pub(crate) fn lack(lack: &Unsupported) -> String {
    let Unsupported { need, found, remedy, .. } = lack;
    let [need, found, remedy] = [need, found, remedy].map(|text| words::shown(text));
    let remedy = if remedy.is_empty() { remedy } else { format!("; {remedy}") };
    format!("{need}: this machine lacks it: {found}{remedy}")
}

/// A failed step and what to do about it, on one line.
pub(crate) fn with_remedy(error: &SetupError) -> String {
    let remedy = match error.cause {
        Cause::Errno(errno) => super::remedy(error.step, errno),
        Cause::ReadBack { .. } | Cause::Malformed { .. } | Cause::Refused { .. } => None,
    };
    let remedy = remedy.map(|remedy| format!("; {remedy}"));
    setup::line(error) + &remedy.unwrap_or_default()
}

/// `memory_max takes a size above zero, not `0 bytes``.
pub(crate) fn invalid(invalid: &Invalid) -> String {
    let (option, given, accepted) = (invalid.option(), words::shown(invalid.given()), invalid.accepted());
    format!("{option} was given `{given}`, and takes {accepted}")
}

/// What a step was done to, by itself.
pub(crate) fn object(object: &Object) -> Option<String> {
    let path = |path: &std::path::Path| words::shown(&path.to_string_lossy());
    Some(match object {
        Object::None => return None,
        Object::Name(name) => words::shown(name),
        Object::Path(at) => path(at),
        Object::Mount { source, target } => format!("{} on {}", path(source), path(target)),
        Object::Write { path: file, value } => format!("`{}` to {}", words::shown(value), path(file)),
    })
}
