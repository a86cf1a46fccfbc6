//! `HARNESS_REPORT=FILE`: one JSON line for each run.
use crate::evidence::Evidence;
use crate::runner::End;
use crate::spec::Spec;
use std::io;
use std::path::Path;

/// What became of the test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Pass,
    Fail,
    Skip,
}
pub(crate) fn line(_: &Spec<'_>, end: &End, evidence: &Evidence, v: Verdict) -> String {
    format!("{end:?} {evidence:?} {v:?}\n")
}
pub(crate) fn append(path: &Path, line: &str) -> io::Result<()> {
    use std::io::Write;
    std::fs::File::options().append(true).create(true).open(path)?.write_all(line.as_bytes())
}
