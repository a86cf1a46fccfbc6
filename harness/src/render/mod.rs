//! Every line that a user reads: a headline, the evidence in aligned rows, the way to run it again, the
//! remedy. Pure: from data to text.
//!
//! ```text
//! isolated test demo::hungry was OOM-killed by its own memory limit       headline
//!   limit   100 MiB (memory.max)                                          rows, usage
//!   again   cargo test -p demo -- --exact hungry
//!   remedy  use less memory, or raise `mem`                               advice (how it ended),
//! ```                                                                     remedy (a step that failed)
//! `policy` is about machines that cannot run a test, `capability` and `doctor` about machines alone.
//! `words` has the units, the signals and the table; `setup` says which step failed, on what, and why.

mod advice;
pub(crate) mod capability;
#[cfg(feature = "cli")]
mod doctor;
#[cfg(feature = "images")]
mod fault;
mod headline;
#[cfg(feature = "images")]
pub(crate) mod image;
mod ladder;
mod policy;
mod program;
#[cfg(feature = "registry")]
mod registry;
mod remedy;
mod rows;
mod setup;
#[cfg(test)]
mod tests;
mod usage;
mod words;

use std::io;
use std::path::Path;

use nix::errno::Errno;

#[cfg(feature = "images")]
pub(crate) use self::fault::layer_of;
#[cfg(feature = "cli")]
pub(crate) use self::fault::{PROGRESS, short_digest};
pub(crate) use self::ladder::{MOUNT_CGROUPS, no_leaf};
#[cfg(feature = "cli")]
pub(crate) use self::ladder::{no_place, not_run_by_scope};
pub(crate) use self::policy::{ending, objection, skipped, skips, unsupported};
pub(crate) use self::program::{ending as program_ending, invalid, lack, object, program, with_remedy};
pub(crate) use self::setup::OUTSIDE_OF_LEAF;
use self::words::Table;
pub(crate) use self::words::{errno, signal_name};
#[cfg(feature = "cli")]
pub(crate) use self::{
    doctor::{doctor, doctor_json, not_written},
    policy::{bad_option, missing},
};
use crate::error::{Cause, SetupError, Step, Unsupported};
use crate::evidence::{Evidence, Process, Usage};
use crate::outcome::Outcome;
use crate::spec::Spec;

/// A guest that ended otherwise than it should. Under `#[should_panic]` also a panic, which libtest
/// judges.
pub(crate) fn failure(spec: &Spec<'_>, outcome: &Outcome, evidence: &Evidence, again: &str) -> String {
    let mut table = Table::new(headline(spec, &headline::predicate(outcome, evidence)));
    rows::fill(&mut table, spec, outcome, evidence);
    table.row("remains", left_behind(evidence));
    table.row("again", again.to_owned());
    table.row("remedy", advice::of(spec, outcome, evidence));
    table.text()
}

/// What of the guest, or of an earlier one, could not be removed.
fn left_behind(evidence: &Evidence) -> Option<String> {
    let all: Vec<_> = evidence.cleanup.iter().chain(&evidence.unswept).map(setup_error).collect();
    (!all.is_empty()).then(|| all.join("\n"))
}

/// A step that failed: the test did not run, or has no verdict.
pub(crate) fn not_run(spec: &Spec<'_>, error: &SetupError, again: &str) -> String {
    let mut table = Table::new(headline(spec, setup::consequence(error.step)));
    table.row("failed", setup_error(error));
    table.row("again", again.to_owned());
    if let Cause::Errno(errno) = error.cause {
        table.row("remedy", remedy(error.step, errno).map(str::to_owned));
    }
    table.text()
}

/// What a passed test used, for those who look at its output.
pub(crate) fn usage_line(spec: &Spec<'_>, usage: &Usage) -> String {
    headline(spec, &format!("used {}", usage::line(usage)))
}

/// Processes left behind where that is no failure.
pub(crate) fn left_warning(spec: &Spec<'_>, left: &[Process]) -> String {
    let count = words::count(words::length(left), "process", "processes");
    let mut table = Table::new(headline(spec, &format!("left {count} running (killed now)")));
    table.row("left", words::processes(left));
    table.text()
}

/// Where the middle of a long output is missing.
pub(crate) fn cut(stream: &str, omitted: u64) -> String {
    let size = words::size(omitted);
    format!("\n[{size} of {stream} left out here; `--nocapture` shows everything]\n")
}

/// The body's last words, on its own stderr, when its verdict could not be sent.
pub(crate) fn report_lost(errno: Errno) -> String {
    format!("the verdict of this test could not be sent to the runner: {}", words::errno(errno))
}

/// A report file that could not be written.
pub(crate) fn report_not_written(path: &Path, error: &io::Error) -> String {
    let errno = error.raw_os_error().map(|errno| words::errno(Errno::from_raw(errno)));
    let reason = errno.unwrap_or_else(|| error.to_string());
    format!("write HARNESS_REPORT={}: {reason}", words::shown(&path.to_string_lossy()))
}

/// `<step> <object>: <why>`.
pub(crate) fn setup_error(error: &SetupError) -> String {
    setup::line(error)
}

/// What a machine lacks that refuses a step, by the attribute's words.
pub(crate) fn need(error: &SetupError) -> String {
    setup::need(error)
}

/// What to do about a failed step, where the errno tells.
pub(crate) fn remedy(step: Step, errno: Errno) -> Option<&'static str> {
    remedy::of(step, errno)
}

fn headline(spec: &Spec<'_>, predicate: &str) -> String {
    format!("isolated test {} {predicate}", spec.name)
}

/// Of a build that knows directories only.
#[cfg(not(feature = "images"))]
pub(crate) fn without_images() -> String {
    "an archive or an image needs the feature `images` of isolated-harness (one of a registry `registry`), which is off"
        .to_owned()
}
