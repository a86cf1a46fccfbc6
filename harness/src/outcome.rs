//! What is concluded from the evidence: pure functions, no I/O.

use crate::error::SetupError;
use crate::evidence::{Deadline, Evidence, OomBy, Process, Violation};
use crate::spec::Spec;

/// How the guest ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Every condition of the pass rule holds.
    Passed,
    /// The test function panicked.
    Panicked { message: Option<String>, location: Option<String> },
    /// The test function returned an error or a non-zero code.
    Returned(i32),
    /// The body ended by exit before the test function had returned, or changed its code on the way out.
    Exited(u8),
    /// A signal ended the body (or stopped it for ever).
    Signaled { signal: i32, core: bool },
    /// The OOM killer struck in the guest, whatever became of the body.
    OomKilled { by: OomBy, kills: u64, survivors: Vec<Process> },
    /// A deadline ran out.
    TimedOut { limit: Deadline },
    /// The test function returned success, but processes were still running.
    LeftProcesses(Vec<Process>),
    /// The report cannot be trusted.
    Violated(Violation),
}

/// Skeleton.
pub(crate) fn conclude(_spec: &Spec<'_>, _evidence: &Evidence) -> Result<Outcome, SetupError> {
    Ok(Outcome::Passed)
}

/// Skeleton.
pub(crate) fn passes(_spec: &Spec<'_>, _outcome: &Outcome, _evidence: &Evidence) -> bool {
    true
}
pub(crate) fn policy(spec: &Spec<'_>) -> crate::spec::Leaks {
    use crate::spec::{Leaks, Namespaces};
    spec.leaks.unwrap_or(if spec.namespaces.contains(Namespaces::PID) { Leaks::Fail } else { Leaks::Warn })
}
