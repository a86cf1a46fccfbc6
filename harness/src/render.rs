//! Every line that a user reads. First version: plain; the real one follows.

use std::path::Path;

use nix::errno::Errno;

use crate::error::{Cause, Object, SetupError, Step, Unsupported};
use crate::evidence::{Evidence, Process, Usage};
use crate::outcome::Outcome;
use crate::spec::Spec;

pub(crate) fn setup_error(error: &SetupError) -> String {
    let object = match &error.object {
        Object::None => String::new(),
        object => format!(" {object:?}"),
    };
    let cause = match &error.cause {
        Cause::Errno(errno) => format!("{} ({errno:?})", errno.desc().to_lowercase()),
        Cause::ReadBack { found } => format!("reads back {found}"),
        Cause::Malformed { found } => found.clone(),
    };
    format!("{}{object}: {cause}", error.step.text())
}

pub(crate) fn failure(spec: &Spec<'_>, outcome: &Outcome, evidence: &Evidence, again: &str) -> String {
    format!("isolated test {} ended as {outcome:?}\n  {evidence:?}\n  again  {again}", spec.name)
}

pub(crate) fn not_run(spec: &Spec<'_>, error: &SetupError, again: &str) -> String {
    format!("isolated test {} did not run: {}\n  again  {again}", spec.name, setup_error(error))
}

pub(crate) fn unsupported(spec: &Spec<'_>, unsupported: &Unsupported) -> String {
    format!("isolated test {} cannot run here: {unsupported:?}", spec.name)
}

pub(crate) fn skipped(spec: &Spec<'_>, unsupported: &Unsupported) -> String {
    format!("SKIP {}: {unsupported:?}\n", spec.name)
}

pub(crate) fn usage_line(spec: &Spec<'_>, usage: &Usage) -> String {
    format!("isolated test {}: {:?}", spec.name, usage.wall)
}

pub(crate) fn left_warning(spec: &Spec<'_>, left: &[Process]) -> String {
    format!("isolated test {} left processes running: {left:?}", spec.name)
}

pub(crate) fn cut(stream: &str, omitted: u64) -> String {
    format!("\n[harness: {omitted} bytes of {stream} left out here]\n")
}

pub(crate) fn report_lost(errno: Errno) -> String {
    format!("harness: the verdict of this test could not be sent: {}", errno.desc())
}

pub(crate) fn report_not_written(path: &Path, error: &std::io::Error) -> String {
    format!("harness: HARNESS_REPORT={} could not be written: {error}", path.display())
}

pub(crate) fn remedy(_step: Step, _errno: Errno) -> Option<&'static str> {
    None
}
