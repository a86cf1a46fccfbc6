//! Every line that a user reads.
use crate::error::{SetupError, Unsupported};
use crate::evidence::{Evidence, Process, Usage};
use crate::outcome::Outcome;
use crate::spec::Spec;
use std::path::Path;
pub(crate) fn setup_error(error: &SetupError) -> String {
    format!("{} {:?} {:?}", error.step.text(), error.object, error.cause)
}
pub(crate) fn failure(_: &Spec<'_>, o: &Outcome, e: &Evidence, a: &str) -> String {
    format!("{o:?} {e:#?} {a}")
}
pub(crate) fn not_run(_: &Spec<'_>, error: &SetupError, a: &str) -> String {
    format!("{error} {a}")
}
pub(crate) fn unsupported(_: &Spec<'_>, u: &Unsupported) -> String {
    format!("{u:?}")
}
pub(crate) fn skipped(_: &Spec<'_>, u: &Unsupported) -> String {
    format!("{u:?}\n")
}
pub(crate) fn usage_line(_: &Spec<'_>, u: &Usage) -> String {
    format!("{u:?}")
}
pub(crate) fn left_warning(_: &Spec<'_>, u: &[Process]) -> String {
    format!("{u:?}")
}
pub(crate) fn cut(stream: &str, n: u64) -> String {
    format!("[{n} bytes of {stream} omitted]\n")
}
pub(crate) fn report_lost(errno: nix::errno::Errno) -> String {
    format!("{errno}")
}
pub(crate) fn report_not_written(p: &Path, e: &std::io::Error) -> String {
    format!("{p:?} {e}")
}
