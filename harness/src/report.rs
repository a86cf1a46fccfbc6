//! `HARNESS_REPORT`. First version; the real one follows.

use std::io::Write;
use std::path::Path;

use crate::evidence::Evidence;
use crate::runner::End;
use crate::spec::Spec;

/// What became of the test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Pass,
    Fail,
    Skip,
}

pub(crate) fn line(spec: &Spec<'_>, end: &End, _evidence: &Evidence, verdict: Verdict) -> String {
    let verdict = format!("{verdict:?}").to_lowercase();
    serde_json::json!({"schema": 1, "test": spec.name, "verdict": verdict, "end": format!("{end:?}")})
        .to_string()
}

pub(crate) fn append(path: &Path, line: &str) -> std::io::Result<()> {
    let mut file = std::fs::File::options().append(true).create(true).open(path)?;
    file.write_all(format!("{line}\n").as_bytes())
}
