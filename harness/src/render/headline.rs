//! The first line of a failure: which test, and how it ended, as the predicate of a sentence.

use crate::evidence::{Deadline, Evidence, OomBy, Violation, WaitStatus};
use crate::outcome::Outcome;
use crate::render::words;

/// `was OOM-killed by its own memory limit`.
pub(super) fn predicate(outcome: &Outcome, evidence: &Evidence) -> String {
    match outcome {
        Outcome::Passed => "returned success where another ending was expected".to_owned(),
        Outcome::Panicked { location, .. } => {
            let place = location.as_deref().map(|place| format!(" at {}", words::shown(place)));
            format!("panicked{}", place.unwrap_or_default())
        }
        Outcome::Returned(code) => format!("returned an error (code {code})"),
        Outcome::Exited(code) => exited(*code, evidence),
        Outcome::Signaled { signal, core } => signaled(*signal, *core, evidence),
        Outcome::OomKilled { by, .. } => oom_killed(*by).to_owned(),
        Outcome::TimedOut { limit } => timed_out(*limit),
        Outcome::WroteTooMuch { limit } => format!("wrote more than {}", words::size(*limit)),
        Outcome::LeftProcesses(left) => {
            format!("left {} running", words::count(words::length(left), "process", "processes"))
        }
        Outcome::Violated(violation) => format!("cannot be judged: {}", violated(violation)),
    }
}

fn exited(code: u8, evidence: &Evidence) -> String {
    match evidence.returned {
        Some(_) => format!("returned success, then exited with code {code}"),
        None if evidence.started => format!("exited with code {code} before the test function returned"),
        None => format!("exited with code {code} before the test function was called"),
    }
}

fn signaled(signal: i32, core: bool, evidence: &Evidence) -> String {
    let name = words::signal(signal);
    let core = if core { ", core dumped" } else { "" };
    match evidence.body {
        None => format!("lost its init to {name}{core}"),
        Some(WaitStatus::Stopped { .. }) => format!("was stopped by {name}, with nobody left to continue it"),
        Some(_) => match said(evidence) {
            Some(said) => format!("{said}, then died by {name}{core} on its way out"),
            None => format!("died by {name}{core}"),
        },
    }
}

/// What the test function had said before its process ended.
pub(super) fn said(evidence: &Evidence) -> Option<String> {
    match (&evidence.panicked, evidence.returned) {
        (Some(_), _) => Some("panicked".to_owned()),
        (None, Some(0)) => Some("returned success".to_owned()),
        (None, Some(code)) => Some(format!("returned an error (code {code})")),
        (None, None) => None,
    }
}

fn oom_killed(by: OomBy) -> &'static str {
    match by {
        OomBy::OwnLimit => "was OOM-killed by its own memory limit",
        OomBy::Ancestor => "was OOM-killed by the memory limit of a cgroup above its own",
        OomBy::Host => "was OOM-killed because the host ran out of memory",
    }
}

fn timed_out(limit: Deadline) -> String {
    match limit {
        Deadline::Wall(limit) => format!("ran into its timeout of {}", words::time(limit)),
        Deadline::Cpu(limit) => format!("used up its cpu_time of {}", words::time(limit)),
    }
}

fn violated(violation: &Violation) -> String {
    match violation {
        Violation::Forged { length } => {
            let bytes = words::count(u64::try_from(*length).unwrap_or(u64::MAX), "byte", "bytes");
            format!("it wrote {bytes} that are no report into its report socket")
        }
        Violation::OutOfOrder { frame } => format!("its report has {frame}"),
        Violation::Escaped { pid } => format!("a forked child (pid {pid}) came out of the test function"),
        Violation::InitLost { status: Some(WaitStatus::Signaled { signal, .. }) } => {
            format!("its init was killed by {} before it had told everything", words::signal(*signal))
        }
        Violation::InitLost { status: Some(status) } => {
            format!("its init {} before it had told everything", wait_status(*status))
        }
        Violation::InitLost { status: None } => "the end of its init was not seen".to_owned(),
    }
}

/// `exited with code 3`.
pub(super) fn wait_status(status: WaitStatus) -> String {
    match status {
        WaitStatus::Exited(code) => format!("exited with code {code}"),
        WaitStatus::Signaled { signal, .. } => format!("died by {}", words::signal(signal)),
        WaitStatus::Stopped { signal } => format!("stopped by {}", words::signal(signal)),
    }
}
