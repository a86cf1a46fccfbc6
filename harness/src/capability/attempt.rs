//! A throw-away guest: the same road as a test's, with a body that looks around and answers by a code.

use std::io;

use nix::errno::Errno;

use super::{Answer, Finding};
use crate::error::{Cause, Object, SetupError, Step};
use crate::evidence::Evidence;
use crate::outcome::Outcome;
use crate::render;
use crate::runner::{self, End};
use crate::spec::{Limits, Spec, UnsupportedPolicy};

/// Longer than any machine needs; a guest that hangs is a finding, too.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);

/// What a guest asks for, before the probe adds to it.
pub(super) fn spec() -> Spec<'static> {
    let limits = Limits { timeout: Some(PATIENCE), ..Limits::NONE };
    // The set-up error itself, with its step and errno.
    Spec::new("harness::probe", "/").limits(limits).unsupported(UnsupportedPolicy::Fail).workdir("/")
}

/// [`spec`] with limits of a leaf.
pub(super) fn limited(limits: Limits<'static>) -> Spec<'static> {
    spec().limits(Limits { timeout: Some(PATIENCE), ..limits })
}

/// The body's answer, and what was seen of the guest.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) code: i32,
    pub(super) evidence: Evidence,
}

/// The code of a body that says yes. Not 0: the figures of a test that just passes are not read.
pub(super) const IT_IS: i32 = 1;
/// The code of a body that says no.
pub(super) const IT_IS_NOT: i32 = 2;
/// What an errno is added to.
const ERRNO: i32 = 1000;

/// The code for what a system call answered.
pub(super) fn code(answer: Result<bool, Errno>) -> i32 {
    match answer {
        Ok(true) => IT_IS,
        Ok(false) => IT_IS_NOT,
        Err(errno) => ERRNO + errno as i32,
    }
}

/// The errno that a code stands for.
pub(super) fn errno(code: i32) -> Option<Errno> {
    (code > ERRNO).then(|| Errno::from_raw(code - ERRNO))
}

/// As [`code`], of std's error.
pub(super) fn io_code<T>(answer: io::Result<T>) -> i32 {
    let errno = |error: io::Error| error.raw_os_error().map_or(Errno::EINVAL, Errno::from_raw);
    code(answer.map(|_| true).map_err(errno))
}

/// Runs a guest.
///
/// # Errors
/// The finding `no`, when the body did not answer.
pub(super) fn run(spec: &Spec<'_>, body: fn() -> i32) -> Result<Answered, Finding> {
    let mut evidence = Evidence::default();
    match runner::attempt(spec, Some(body), &mut evidence) {
        End::Ran(Outcome::Returned(code)) => Ok(Answered { code, evidence }),
        End::Ran(outcome) => Err(Finding::no(render::ending(&outcome, &evidence), "")),
        End::NotRun(error) => Err(refused(&error)),
        End::Unsupported(lack) => Err(Finding::no(lack.found, &lack.remedy)),
    }
}

/// Runs a guest and says `found` when its body says [`IT_IS`]; `unlike` when it does not.
pub(super) fn finding(spec: &Spec<'_>, body: fn() -> i32, found: &str, unlike: &str) -> Finding {
    match run(spec, body) {
        Ok(Answered { code: IT_IS, .. }) => Finding::yes(found),
        Ok(Answered { code, .. }) => match errno(code) {
            Some(errno) => Finding::no(format!("{unlike}: {}", render::errno(errno)), ""),
            None => Finding::no(unlike, ""),
        },
        Err(finding) => finding,
    }
}

fn refused(error: &SetupError) -> Finding {
    let remedy = match error.cause {
        Cause::Errno(errno) => render::remedy(error.step, errno),
        Cause::ReadBack { .. } | Cause::Malformed { .. } | Cause::Refused { .. } => None,
    };
    Finding::no(render::setup_error(&without_name(error)), remedy.unwrap_or_default())
}

/// A leaf has another name each time; where it should be made is what counts.
fn without_name(error: &SetupError) -> SetupError {
    let parent = match (&error.step, &error.object) {
        (Step::MakeLeaf, Object::Path(leaf)) => leaf.parent(),
        _ => None,
    };
    let object = parent.map(|parent| Object::Name(render::capability::below(parent)));
    SetupError { object: object.unwrap_or_else(|| error.object.clone()), ..error.clone() }
}

impl Finding {
    /// Whether a test that asks for it can run.
    pub(crate) fn is_there(&self) -> bool {
        self.answer != Answer::No
    }
}
