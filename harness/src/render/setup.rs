//! A step that failed: `<step> <object>: <why>`, and what that means for the test.

use crate::error::{Cause, Object, SetupError, Step, is_mount};
use crate::render::words;

/// `mount the overlay /tmp/x: invalid argument (EINVAL)`.
pub(super) fn line(error: &SetupError) -> String {
    let step = error.step.text();
    let subject = object(error).map_or_else(|| step.to_owned(), |object| format!("{step} {object}"));
    format!("{subject}: {}", cause(error))
}

/// What the step is for: what a machine that refuses it lacks.
pub(super) fn need(error: &SetupError) -> String {
    match (error.step, &error.object) {
        (Step::Clone | Step::Unshare, Object::Name(names)) => format!("namespaces {}", words::shown(names)),
        (Step::WriteMap, _) => "a user namespace".to_owned(),
        (Step::MakeLeaf | Step::EnableControllers, _) => "a cgroup".to_owned(),
        (Step::Proc, _) => "a /proc of its own (`pid`)".to_owned(),
        (Step::Overlay, _) => "a copy-on-write root (`rootfs`)".to_owned(),
        (Step::Hostname, _) => "a host name of its own (`hostname`)".to_owned(),
        (Step::Loopback, _) => "a network of its own (`net`)".to_owned(),
        (step, _) if is_mount(step) => "mounts in a namespace of its own".to_owned(),
        (step, _) => step.text().to_owned(),
    }
}

/// What the failed step means for the test.
pub(super) fn consequence(step: Step) -> &'static str {
    match step {
        // After the body's end, everything else having been fine.
        Step::RemoveLeaf | Step::RemoveUpper => "ran, but could not be cleaned up",
        // Somewhere on the way; there may have been a body.
        Step::Wait | Step::ReadLeaf | Step::StayInLeaf | Step::ReadChanges => "has no verdict",
        _ => "did not run",
    }
}

/// Why what the test did says nothing.
pub(crate) const OUTSIDE_OF_LEAF: &str = "it was left for another cgroup, where its limits do not hold";

fn object(error: &SetupError) -> Option<String> {
    let step = error.step.text();
    match &error.object {
        Object::None => None,
        // What was asked for stands in the cause.
        Object::Name(_) if matches!(error.cause, Cause::ReadBack { .. }) => None,
        // The name of a system call takes its argument directly.
        Object::Name(name) if !step.contains(' ') => Some(words::shown(name)),
        Object::Name(name) => Some(format!("({})", words::shown(name))),
        Object::Path(path) => apposition(error.step, &words::shown(&path.to_string_lossy())),
        Object::Mount { source, target } => {
            let [source, target] = [source, target].map(|path| words::shown(&path.to_string_lossy()));
            if source == target {
                apposition(error.step, &source)
            } else {
                Some(format!("{source} on {target}"))
            }
        }
        Object::Write { path, value } => {
            let path = words::shown(&path.to_string_lossy());
            let is_compared = matches!(error.cause, Cause::ReadBack { .. });
            Some(if is_compared { path } else { format!("(`{}` to {path})", one_line(value)) })
        }
    }
}

/// `mount /proc` needs no second `/proc`; a step that does not end in the word for its object names it in
/// parentheses: `make /dev (/dev/null)`.
fn apposition(step: Step, path: &str) -> Option<String> {
    let last = step.text().rsplit(' ').next().unwrap_or_default();
    match step {
        _ if last == path => None,
        Step::Propagation | Step::Stage | Step::Tmpfs | Step::Readonly | Step::KeepVisible => {
            Some(format!("({path})"))
        }
        _ if last.starts_with('/') => Some(format!("({path})")),
        _ => Some(path.to_owned()),
    }
}

fn cause(error: &SetupError) -> String {
    match (&error.cause, &error.object) {
        (Cause::Errno(errno), _) => words::errno(*errno),
        (Cause::ReadBack { found }, Object::Write { value, .. }) => {
            format!("asked for `{}`, reads back `{}`", one_line(value), one_line(found))
        }
        (Cause::ReadBack { found }, Object::Name(asked)) => {
            format!("asked for {}, reads back {}", words::shown(asked), one_line(found))
        }
        (Cause::ReadBack { found }, _) => format!("reads back `{}`", one_line(found)),
        (Cause::Refused { reason }, _) => one_line(reason),
        (Cause::Malformed { found }, _) => format!("not understood: {}", one_line(found)),
    }
}

/// The lines of a file's value, side by side.
fn one_line(value: &str) -> String {
    value.lines().map(words::shown).collect::<Vec<_>>().join("; ")
}
