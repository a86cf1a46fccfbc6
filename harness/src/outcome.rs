//! What is concluded from the evidence: pure functions, no I/O.
//!
//! Two questions, in this order. How did the guest end? ([`CAUSES`]: what explains the rest comes first.)
//! If that is the ending the test asked for: does anything speak against it? ([`objection`].)
//! In doubt, nothing passes.

#[cfg(test)]
mod tests;

use crate::error::SetupError;
use crate::evidence::{Deadline, Evidence, OomBy, Process, Violation, WaitStatus};
use crate::spec::{Expect, Leaks, Namespaces, Spec};

/// How a guest ended: of several things that happened, the one that explains the others.
///
/// `Display` is the predicate of a sentence: `exited with code 3`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The program exited with code 0, or the test function returned success, and nothing speaks against it:
    /// no signal, no OOM kill anywhere in the guest, no deadline, no process left behind, every limit held.
    Passed,
    /// The test function panicked. Not of a program.
    Panicked {
        /// The payload, if it was a string.
        message: Option<String>,
        /// `file:line:column`.
        location: Option<String>,
    },
    /// The test function returned an error or a non-zero code. Not of a program.
    Returned(i32),
    /// The program exited with this code, not 0. Of a test: before the test function had returned, or on its
    /// way out.
    Exited(u8),
    /// A signal ended the body (or stopped it for ever), or its init before it could tell of the body.
    Signaled {
        /// The signal's number.
        signal: i32,
        /// Whether a core was dumped.
        core: bool,
    },
    /// The OOM killer struck in the guest, whatever became of the body: also where it exited with 0.
    OomKilled {
        /// Whose limit it enforced.
        by: OomBy,
        /// How far the kernel's `oom_kill` counter rose.
        kills: u64,
        /// What was still running when the body had ended.
        survivors: Vec<Process>,
    },
    /// A deadline ran out; the guest was killed.
    TimedOut {
        /// The deadline.
        limit: Deadline,
    },
    /// A program wrote more than its `output_max`; the guest was killed.
    WroteTooMuch {
        /// The limit, in bytes.
        limit: u64,
    },
    /// The guest ended well, but processes were still running, and the policy on them is [`Leaks::Fail`].
    LeftProcesses(Vec<Process>),
    /// What was told of the guest cannot be trusted, or is not all.
    Violated(Violation),
}

/// Judges one run.
///
/// # Errors
/// A step that failed before the body ran, or the clean-up after a run that was fine otherwise.
pub(crate) fn conclude(spec: &Spec<'_>, evidence: &Evidence) -> Result<Outcome, SetupError> {
    if let Some(error) = &evidence.setup {
        return Err(error.clone());
    }
    let ending = ending(spec, evidence);
    if ending != Outcome::Passed && !is_asked_for(spec, &ending, evidence) {
        // The ending of a program is the caller's to judge, so nothing has failed yet that a clean-up could hide.
        return if spec.program.is_some() { clean(ending, evidence) } else { Ok(ending) };
    }
    if let Some(objection) = objection(spec, &ending, evidence) {
        return Ok(objection);
    }
    clean(ending, evidence)
}

fn clean(ending: Outcome, evidence: &Evidence) -> Result<Outcome, SetupError> {
    evidence.cleanup.first().map_or(Ok(ending), |error| Err(error.clone()))
}

/// Whether the run ended as the attribute says it must.
///
/// Never under `#[should_panic]`: there libtest has the last word, on the panic that is resumed for an
/// [`Outcome::Panicked`]; every other outcome must print its text and return, for any panic would pass.
pub(crate) fn passes(spec: &Spec<'_>, outcome: &Outcome, evidence: &Evidence) -> bool {
    !spec.should_panic && is_asked_for(spec, outcome, evidence) && evidence.setup.is_none()
}

/// What becomes of leftovers: as asked, else by whether the guest's processes are known to be its own.
pub(crate) fn policy(spec: &Spec<'_>) -> Leaks {
    let has_own_pids = spec.namespaces.contains(Namespaces::PID);
    spec.leaks.unwrap_or(if has_own_pids { Leaks::Fail } else { Leaks::Warn })
}

type Cause = fn(&Spec<'_>, &Evidence) -> Option<Outcome>;

/// The same of a program, which says nothing of itself: its wait status speaks, once it was executed.
const CAUSES_OF_A_PROGRAM: [Cause; 7] =
    [timed_out, wrote_too_much, oom_killed, died_by_signal, not_executed, lost, program_exited];

/// Ways to end other than by returning success, in the order in which one explains another.
const CAUSES: [Cause; 8] = [
    // The guest was killed in the middle: what it says about itself comes second.
    timed_out,
    oom_killed,
    // Also after `Returned`: a test that crashes on its way out has crashed.
    died_by_signal,
    // From here on the body's own word counts, so it must be believable, and its end be known.
    violated,
    lost,
    // A panicking body exits 101 afterwards; whatever code it exits with, it panicked.
    panicked,
    returned_failure,
    exited,
];

fn ending(spec: &Spec<'_>, evidence: &Evidence) -> Outcome {
    let (causes, succeeded): (&[Cause], bool) = match spec.program {
        Some(_) => (&CAUSES_OF_A_PROGRAM, exited_with_success(evidence)),
        None => (&CAUSES, returned_success(evidence)),
    };
    match causes.iter().find_map(|cause| cause(spec, evidence)) {
        Some(outcome) => outcome,
        None if succeeded => Outcome::Passed,
        // All that no cause names: the init did not end well, so what it told may not be all.
        None => lost_init(evidence.init),
    }
}

/// The pass rule, as far as the guest itself is concerned. [`conclude`] adds what it left behind.
fn returned_success(evidence: &Evidence) -> bool {
    evidence.returned == Some(0) && evidence.panicked.is_none() && ended_well(evidence)
}

/// The pass rule of a program. A verdict of a test function would not be its own.
fn exited_with_success(evidence: &Evidence) -> bool {
    let is_silent = evidence.returned.is_none() && !has_panicked(evidence);
    is_silent && !evidence.output.overflows && ended_well(evidence)
}

fn ended_well(evidence: &Evidence) -> bool {
    evidence.setup.is_none()
        && evidence.started
        && evidence.body == Some(WaitStatus::Exited(0))
        && evidence.init == Some(WaitStatus::Exited(0))
        && evidence.violation.is_none()
        && evidence.oom.is_none()
        && evidence.deadline.is_none()
}

fn timed_out(_: &Spec<'_>, evidence: &Evidence) -> Option<Outcome> {
    evidence.deadline.map(|limit| Outcome::TimedOut { limit })
}

fn oom_killed(_: &Spec<'_>, evidence: &Evidence) -> Option<Outcome> {
    let oom = evidence.oom.as_ref()?;
    Some(Outcome::OomKilled { by: oom.by, kills: oom.kills, survivors: evidence.leftovers.clone() })
}

fn died_by_signal(_: &Spec<'_>, evidence: &Evidence) -> Option<Outcome> {
    signal(evidence.body?)
}

fn wrote_too_much(spec: &Spec<'_>, evidence: &Evidence) -> Option<Outcome> {
    let limit = spec.program?.output_max.get();
    evidence.output.overflows.then_some(Outcome::WroteTooMuch { limit })
}

/// A body that ended before its exec has not been the program; and a program has no report to write.
fn not_executed(_: &Spec<'_>, evidence: &Evidence) -> Option<Outcome> {
    let has_verdict = evidence.returned.is_some() || has_panicked(evidence);
    let frame = match evidence {
        _ if has_verdict => "a verdict of a test function",
        Evidence { started: false, body: Some(_), .. } => "an end before the program was executed",
        _ => return evidence.violation.clone().map(Outcome::Violated),
    };
    let violation = evidence.violation.clone();
    Some(Outcome::Violated(violation.unwrap_or(Violation::OutOfOrder { frame })))
}

fn program_exited(_: &Spec<'_>, evidence: &Evidence) -> Option<Outcome> {
    match evidence.body? {
        WaitStatus::Exited(code) if code != 0 => Some(Outcome::Exited(code)),
        WaitStatus::Exited(_) | WaitStatus::Signaled { .. } | WaitStatus::Stopped { .. } => None,
    }
}

fn violated(_: &Spec<'_>, evidence: &Evidence) -> Option<Outcome> {
    evidence.violation.clone().or_else(|| too_early(evidence)).map(Outcome::Violated)
}

/// A verdict on a test function that was never called.
fn too_early(evidence: &Evidence) -> Option<Violation> {
    let has_verdict = evidence.returned.is_some() || evidence.panicked.is_some();
    let is_early = has_verdict && !evidence.started;
    is_early.then_some(Violation::OutOfOrder { frame: "a verdict before the start" })
}

/// The init ended or was killed before it could tell of the body.
fn lost(_: &Spec<'_>, evidence: &Evidence) -> Option<Outcome> {
    if evidence.body.is_some() {
        return None;
    }
    Some(evidence.init.and_then(signal).unwrap_or_else(|| lost_init(evidence.init)))
}

fn panicked(_: &Spec<'_>, evidence: &Evidence) -> Option<Outcome> {
    let panic = evidence.panicked.as_ref()?;
    Some(Outcome::Panicked { message: panic.message.clone(), location: panic.location.clone() })
}

fn returned_failure(_: &Spec<'_>, evidence: &Evidence) -> Option<Outcome> {
    evidence.returned.filter(|code| *code != 0).map(Outcome::Returned)
}

fn exited(_: &Spec<'_>, evidence: &Evidence) -> Option<Outcome> {
    match evidence.body? {
        WaitStatus::Exited(code) if code != 0 || evidence.returned.is_none() => Some(Outcome::Exited(code)),
        WaitStatus::Exited(_) | WaitStatus::Signaled { .. } | WaitStatus::Stopped { .. } => None,
    }
}

fn signal(status: WaitStatus) -> Option<Outcome> {
    match status {
        WaitStatus::Signaled { signal, core } => Some(Outcome::Signaled { signal, core }),
        WaitStatus::Stopped { signal } => Some(Outcome::Signaled { signal, core: false }),
        WaitStatus::Exited(_) => None,
    }
}

/// Whether this is the ending that the attribute (or `#[should_panic]`) asks for.
fn is_asked_for(spec: &Spec<'_>, outcome: &Outcome, evidence: &Evidence) -> bool {
    if !evidence.started {
        // A constructor of the binary ended the process: the test function proved nothing.
        return false;
    }
    if spec.should_panic {
        return matches!(outcome, Outcome::Panicked { .. });
    }
    match (spec.expect, outcome) {
        (Expect::Success, Outcome::Passed) => true,
        // Only the test's own limit is what it set out to show.
        (Expect::Oom, Outcome::OomKilled { by: OomBy::OwnLimit, .. }) => bore_an_oom(evidence),
        (Expect::Timeout, Outcome::TimedOut { .. }) => {
            evidence.oom.is_none() && is_silent(evidence) && was_killed_or_lost(evidence)
        }
        (Expect::Exit(asked), Outcome::Exited(code)) => asked == *code && is_silent(evidence),
        (Expect::Signal(asked), Outcome::Signaled { signal, .. }) => {
            // A body without a status: then the signal was the init's.
            asked == *signal && is_silent(evidence) && evidence.body.is_some()
        }
        _ => false,
    }
}

/// The test function neither returned nor panicked.
fn is_silent(evidence: &Evidence) -> bool {
    evidence.returned.is_none() && !has_panicked(evidence)
}

/// As the deadline has it. One that ended otherwise at the same moment did so by itself.
fn was_killed_or_lost(evidence: &Evidence) -> bool {
    matches!(evidence.body, None | Some(WaitStatus::Signaled { signal: libc::SIGKILL, .. }))
}

/// A panic whose backtrace the body did not live to print is one as well.
fn has_panicked(evidence: &Evidence) -> bool {
    evidence.panicked.is_some() || evidence.panicking > 0
}

/// The body was killed, or survived (a child was the victim) and was content with it. A panic is an
/// assertion that failed: an OOM kill beside it does not make it true.
fn bore_an_oom(evidence: &Evidence) -> bool {
    let was_killed = matches!(evidence.body, Some(WaitStatus::Signaled { signal: libc::SIGKILL, .. }));
    let was_content = evidence.returned == Some(0) && evidence.body == Some(WaitStatus::Exited(0));
    !has_panicked(evidence) && (was_content || (was_killed && evidence.returned.is_none()))
}

/// What speaks against an ending that is the right one.
fn objection(spec: &Spec<'_>, ending: &Outcome, evidence: &Evidence) -> Option<Outcome> {
    if let Some(violation) = &evidence.violation {
        return Some(Outcome::Violated(violation.clone()));
    }
    // Killed in the middle: what ran then is no leak, and the init may have been killed with it.
    let is_cut_off = matches!(ending, Outcome::OomKilled { .. } | Outcome::TimedOut { .. });
    let is_lost = match evidence.init {
        // It could not tell all, or not kill what was left.
        Some(WaitStatus::Exited(code)) => code != 0,
        _ => !is_cut_off,
    };
    if is_lost {
        return Some(lost_init(evidence.init));
    }
    let is_leak = !is_cut_off && policy(spec) == Leaks::Fail && !evidence.leftovers.is_empty();
    is_leak.then(|| Outcome::LeftProcesses(evidence.leftovers.clone()))
}

fn lost_init(status: Option<WaitStatus>) -> Outcome {
    Outcome::Violated(Violation::InitLost { status })
}
