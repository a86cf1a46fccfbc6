//! Why a program did not run, in public words.

use std::fmt;

use crate::error::{Cause, SetupError, Unsupported};
use crate::render;

/// Why there is no [`Run`](crate::Run). How a program *ended* is no error: that is its
/// [`Outcome`](crate::Outcome).
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// An option has a value that it does not take; nothing was started.
    Invalid(Invalid),
    /// A step on the way to the running program failed: the program itself cannot be executed, too. Also a step
    /// after its end without which there is no verdict, or with which something was left behind.
    Setup(SetupError),
    /// This machine lacks something that was asked for.
    Unsupported(Unsupported),
}

/// A value that an option does not take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid {
    pub(super) option: &'static str,
    pub(super) given: String,
    pub(super) accepted: &'static str,
}

impl Invalid {
    /// The method of [`Sandbox`](crate::Sandbox).
    pub fn option(&self) -> &'static str {
        self.option
    }

    /// What it was given.
    pub fn given(&self) -> &str {
        &self.given
    }

    /// What it takes.
    pub fn accepted(&self) -> &'static str {
        self.accepted
    }
}

impl SetupError {
    /// What was done, in words: `pivot_root`, `execute the program`.
    pub fn step(&self) -> &'static str {
        self.step.text()
    }

    /// What it was done to: a path, a value and its file, a name.
    pub fn object(&self) -> Option<String> {
        render::object(&self.object)
    }

    /// The kernel's error number; `None` where the kernel took a value and reads back another one.
    pub fn errno(&self) -> Option<i32> {
        match self.cause {
            Cause::Errno(errno) => Some(errno as i32),
            Cause::ReadBack { .. } | Cause::Malformed { .. } | Cause::Refused { .. } => None,
        }
    }

    /// What to do about it, where the error number tells.
    pub fn remedy(&self) -> Option<&'static str> {
        match self.cause {
            Cause::Errno(errno) => render::remedy(self.step, errno),
            Cause::ReadBack { .. } | Cause::Malformed { .. } | Cause::Refused { .. } => None,
        }
    }
}

impl Unsupported {
    /// What was asked for.
    pub fn need(&self) -> &str {
        &self.need
    }

    /// What was found instead.
    pub fn found(&self) -> &str {
        &self.found
    }

    /// How to get it.
    pub fn remedy(&self) -> &str {
        &self.remedy
    }
}

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&render::lack(self))
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&render::invalid(self))
    }
}

/// What `unwrap`, and a `main` that returns it, print: the same line, for a person.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// One line: what failed, why, and what to do about it.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(invalid) => invalid.fmt(f),
            Self::Setup(error) => f.write_str(&render::with_remedy(error)),
            Self::Unsupported(lack) => lack.fmt(f),
        }
    }
}

impl std::error::Error for Invalid {}
impl std::error::Error for SetupError {}
impl std::error::Error for Unsupported {}
impl std::error::Error for Error {}

impl From<Invalid> for Error {
    fn from(invalid: Invalid) -> Self {
        Self::Invalid(invalid)
    }
}

/// A step that the machine refused is something that it lacks.
impl From<SetupError> for Error {
    fn from(error: SetupError) -> Self {
        if error.is_refusal() { Self::Unsupported((&error).into()) } else { Self::Setup(error) }
    }
}

impl From<Unsupported> for Error {
    fn from(lack: Unsupported) -> Self {
        Self::Unsupported(lack)
    }
}
