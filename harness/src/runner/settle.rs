//! What libtest gets of a run: a return, or a panic with the reason; and the report file.
//!
//! * A panic of the guest is resumed here with its own message (its hook has printed it already), so that
//!   `should_panic(expected)` compares the real thing.
//! * Every other failure is a real panic of this thread, at the test's place.
//! * Under `#[should_panic]` only the first may unwind: a death that is no panic, or a set-up that failed,
//!   prints its reason and *returns*, which libtest counts as a failure.

use std::io::Write;
use std::sync::Once;

use super::{End, Panic};
use crate::error::Unsupported;
use crate::evidence::Evidence;
use crate::outcome::{self, Outcome, passes};
use crate::policy::{self, Objection, would_skip};
use crate::render;
use crate::report::{self, Verdict};
use crate::spec::{Leaks, Spec};

/// Settles one run: gives the panic that is to be resumed, if the guest's was one.
#[track_caller]
pub(crate) fn settle(spec: &Spec<'_>, end: &End, evidence: &Evidence) -> Option<Panic> {
    let verdict = verdict(spec, end, evidence);
    append_report(spec, end, evidence, verdict);
    match end {
        End::Unsupported(unsupported) if verdict == Verdict::Skip => announce_skip(spec, unsupported),
        End::Unsupported(lack) => fail(spec, &render::unsupported(spec, lack, forbids_skip(spec, lack))),
        End::NotRun(error) => fail(spec, &render::not_run(spec, error, &again(spec))),
        End::Ran(_) if verdict == Verdict::Pass => pass(spec, evidence),
        End::Ran(outcome) => {
            let text = render::failure(spec, outcome, evidence, &again(spec));
            if let Outcome::Panicked { message, .. } = outcome {
                return Some(payload(spec, message.as_deref(), &text));
            }
            fail(spec, &text);
        }
    }
    None
}

/// No isolated test of this process may run.
#[track_caller]
pub(crate) fn refuse(spec: &Spec<'_>, objection: &Objection) {
    append(&report::refusal(spec, objection));
    fail(spec, &render::objection(spec, objection));
}

/// With `#[should_panic]` the last word is libtest's, on the panic that is resumed; a return is a failure then.
fn verdict(spec: &Spec<'_>, end: &End, evidence: &Evidence) -> Verdict {
    match end {
        End::Unsupported(_) if spec.should_panic => Verdict::Fail,
        End::Unsupported(lack) if would_skip(spec) && forbids_skip(spec, lack).is_none() => Verdict::Skip,
        End::Ran(outcome) if passes(spec, outcome, evidence) => Verdict::Pass,
        End::Ran(_) | End::NotRun(_) | End::Unsupported(_) => Verdict::Fail,
    }
}

/// What forbids a skip that was asked for.
fn forbids_skip(spec: &Spec<'_>, lack: &Unsupported) -> Option<&'static str> {
    policy::forbids_skip(spec, lack).filter(|_| would_skip(spec))
}

/// Past libtest's capture: a skip that nobody sees would be a silent green.
fn announce_skip(spec: &Spec<'_>, unsupported: &Unsupported) {
    let line = render::skipped(spec, unsupported);
    policy::count_skip();
    // A closed stderr takes the notice with it; the report file still has it.
    drop(std::io::stderr().write_all(line.as_bytes()));
}

fn pass(spec: &Spec<'_>, evidence: &Evidence) {
    if outcome::policy(spec) == Leaks::Warn && !evidence.leftovers.is_empty() {
        eprintln!("{}", render::left_warning(spec, &evidence.leftovers));
    }
    if !super::output_is_captured() {
        eprintln!("{}", render::usage_line(spec, &evidence.usage));
    }
}

#[track_caller]
fn fail(spec: &Spec<'_>, text: &str) {
    if spec.should_panic {
        eprintln!("{text}");
        return;
    }
    panic!("{text}");
}

/// A payload that was no string stays none: `should_panic(expected)` then fails as it would without us.
/// There the panic is wanted, and its evidence would be noise.
fn payload(spec: &Spec<'_>, message: Option<&str>, text: &str) -> Panic {
    if !spec.should_panic {
        eprintln!("{text}");
    }
    match message {
        Some(message) => Box::new(message.to_owned()),
        None => Box::new(()),
    }
}

fn append_report(spec: &Spec<'_>, end: &End, evidence: &Evidence, verdict: Verdict) {
    if super::report_path().is_some() {
        append(&report::line(spec, end, evidence, verdict));
    }
}

fn append(line: &str) {
    let Some(path) = super::report_path() else { return };
    if let Err(error) = report::append(&path, line) {
        static TOLD: Once = Once::new();
        // Past libtest's capture, of which nothing is shown when the test passes.
        let tell = || {
            let text = format!("{}\n", render::report_not_written(&path, &error));
            drop(std::io::stderr().write_all(text.as_bytes()));
        };
        TOLD.call_once(tell);
    }
}

/// How to run this test again, from what cargo tells a test about itself.
fn again(spec: &Spec<'_>) -> String {
    let name = spec.name.split_once("::").map_or(spec.name, |(_, path)| path);
    // libtest names the thread after the test: the cases of a parametrised test have names of their own.
    let thread = std::thread::current();
    let name = thread.name().filter(|name| *name != "main").unwrap_or(name);
    match std::env::var("CARGO_PKG_NAME") {
        Ok(package) => format!("cargo test -p {package} -- --exact {name} --nocapture"),
        Err(_) => {
            let binary = std::env::args().next().unwrap_or_default();
            format!("{binary} --exact {name} --nocapture")
        }
    }
}
