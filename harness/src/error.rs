//! What can go wrong before the body runs: [`SetupError`] (a step failed) and [`Unsupported`] (this
//! machine lacks something). How a guest *ended* is no error: that is `outcome.rs`.
//!
//! A new step is one line in the table below and one `.at(Step::New, object)?` where it is taken.
//! Their words are in `render.rs`, and so are the remedies.

use std::fmt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;

macro_rules! steps {
    ($($(#[doc = $doc:literal])* $code:literal $step:ident $text:literal;)*) => {
        /// A step on the way to a running body.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[repr(u8)]
        pub(crate) enum Step { $($step = $code,)* }

        impl Step {
            /// Every step, for the wire and for table tests.
            pub(crate) const ALL: &[Self] = &[$(Self::$step,)*];

            /// What the step does, in the words of an error message.
            pub(crate) const fn text(self) -> &'static str {
                match self { $(Self::$step => $text,)* }
            }
        }
    };
}

steps! {
    1 AskZygote "ask the zygote for a guest";
    2 Clone "clone3";
    3 WriteMap "write the id map";
    4 Channel "open a channel to the guest";
    5 SendPlan "hand the plan to the guest";
    6 ReadPlan "read the plan in the guest";
    10 FindCgroup "find our own cgroup";
    11 MakeLeaf "make the cgroup leaf";
    12 WriteLimit "write the limit";
    13 ReadBack "read back the limit";
    14 EnterLeaf "enter the cgroup leaf";
    15 RemoveLeaf "remove the cgroup leaf";
    16 ReadLeaf "read the cgroup leaf";
    17 EnableControllers "enable the controllers";
    18 MakeRoom "move our own processes to a leaf";
    19 StayInLeaf "stay in the cgroup leaf";
    20 Hostname "sethostname";
    21 Loopback "bring loopback up";
    22 Unshare "unshare";
    30 Propagation "make the mounts private";
    31 OpenRootfs "open the root filesystem";
    32 Stage "stage the new root";
    33 Overlay "mount the overlay";
    34 Bind "bind";
    35 Tmpfs "mount a tmpfs";
    36 Proc "mount /proc";
    37 Sys "mount /sys";
    38 Dev "make /dev";
    39 Readonly "remount read-only";
    40 PivotRoot "pivot_root";
    41 MountPoint "make the mount point";
    42 KeepVisible "keep the test binary visible";
    43 MakeFile "make the file";
    44 CopyRootfs "copy the root filesystem";
    45 MakeUpper "make a directory for the upperdir";
    46 RemoveUpper "remove the directory of the upperdir";
    47 ReadChanges "read what the guest wrote";
    48 UseImage "use the image";
    50 ForkBody "fork the body";
    51 Rlimit "setrlimit";
    52 SetIds "change to the uid and gid";
    53 DropCapabilities "drop the capabilities";
    54 Workdir "change to the working directory";
    55 Stdio "connect stdin, stdout and stderr";
    56 Signals "set up signals";
    57 Environment "set the environment";
    58 FindProgram "find the program";
    59 Exec "execute the program";
    60 Wait "wait for the guest";
}

impl Step {
    /// The step of a wire code.
    pub(crate) fn from_code(code: u8) -> Option<Self> {
        Self::ALL.iter().copied().find(|step| *step as u8 == code)
    }
}

/// What a step was done to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Object {
    /// Nothing worth naming.
    None,
    /// Something named by a word: a namespace set, a resource, a host name.
    Name(String),
    /// A file, directory or cgroup.
    Path(PathBuf),
    /// A mount.
    Mount { source: PathBuf, target: PathBuf },
    /// A value written to a file.
    Write { path: PathBuf, value: String },
}

impl From<&Path> for Object {
    fn from(path: &Path) -> Self {
        Self::Path(path.to_owned())
    }
}

impl From<&PathBuf> for Object {
    fn from(path: &PathBuf) -> Self {
        Self::Path(path.clone())
    }
}

impl From<&str> for Object {
    fn from(name: &str) -> Self {
        Self::Name(name.to_owned())
    }
}

/// Why a step failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cause {
    /// The kernel said no.
    Errno(Errno),
    /// The kernel took the value but reads back another one.
    ReadBack { found: String },
    /// What came over a channel is not what the protocol allows, or a file holds no such figure.
    Malformed { found: String },
    /// A file that was asked for cannot be used: where in it, and why.
    Refused { reason: String },
}

/// A step failed: `Display` says which, on what, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetupError {
    /// The step.
    pub(crate) step: Step,
    /// What it was done to.
    pub(crate) object: Object,
    /// Why it failed.
    pub(crate) cause: Cause,
}

impl SetupError {
    /// A step that the kernel refused.
    pub(crate) fn new(step: Step, object: impl Into<Object>, errno: Errno) -> Self {
        Self { step, object: object.into(), cause: Cause::Errno(errno) }
    }
}

impl SetupError {
    /// Whether the machine refused what it does not offer, rather than what was asked being wrong: then
    /// the test is one that this machine cannot run.
    pub(crate) fn is_refusal(&self) -> bool {
        let Cause::Errno(errno) = self.cause else { return false };
        let not_allowed = matches!(errno, Errno::EPERM | Errno::EACCES | Errno::EROFS);
        let not_there = matches!(errno, Errno::ENOSYS | Errno::ENOSPC | Errno::EINVAL | Errno::ENODEV);
        match self.step {
            Step::MakeLeaf | Step::EnableControllers | Step::WriteMap | Step::Proc => not_allowed,
            // A namespace that was granted, and in which a security module then forbids what it is for.
            Step::Hostname | Step::Loopback => not_allowed,
            step if is_mount(step) => not_allowed,
            Step::Clone | Step::Unshare | Step::Overlay => not_allowed || not_there,
            _ => false,
        }
    }
}

/// Whether a step only mounts, on nothing that the test named.
pub(crate) fn is_mount(step: Step) -> bool {
    matches!(
        step,
        Step::Propagation
            | Step::Stage
            | Step::PivotRoot
            | Step::Tmpfs
            | Step::Readonly
            | Step::Sys
            | Step::Dev
    )
}

impl From<&SetupError> for Unsupported {
    fn from(error: &SetupError) -> Self {
        let found = crate::render::setup_error(error);
        let remedy = match error.cause {
            Cause::Errno(errno) => crate::render::remedy(error.step, errno),
            Cause::ReadBack { .. } | Cause::Malformed { .. } | Cause::Refused { .. } => None,
        };
        let remedy = remedy.unwrap_or_default().to_owned();
        Self { need: crate::render::need(error), found, remedy, step: Some(error.step) }
    }
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::render::setup_error(self))
    }
}

/// Adds step and object to a failed system call: `mount(..).at(Step::Proc, path)?`.
pub(crate) trait At<T> {
    /// The same result with its context.
    fn at(self, step: Step, object: impl Into<Object>) -> Result<T, SetupError>;
}

impl<T> At<T> for Result<T, Errno> {
    fn at(self, step: Step, object: impl Into<Object>) -> Result<T, SetupError> {
        self.map_err(|errno| SetupError::new(step, object, errno))
    }
}

impl<T> At<T> for std::io::Result<T> {
    fn at(self, step: Step, object: impl Into<Object>) -> Result<T, SetupError> {
        // An io::Error without an errno comes from std's own checks (a NUL in a path): EINVAL.
        self.map_err(|error| {
            let errno = error.raw_os_error().map_or(Errno::EINVAL, Errno::from_raw);
            SetupError::new(step, object, errno)
        })
    }
}

/// This machine lacks something that was asked for; the body was not started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsupported {
    /// What was asked for, by the attribute's word.
    pub(crate) need: String,
    /// What was found instead.
    pub(crate) found: String,
    /// How to get it.
    pub(crate) remedy: String,
    /// The step that the kernel refused, where it was tried.
    pub(crate) step: Option<Step>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_the_machines_and_not_the_tests() {
        let cases = [
            (Step::MakeLeaf, Errno::EACCES, true),
            (Step::MakeLeaf, Errno::EROFS, true),
            (Step::MakeLeaf, Errno::ENOENT, false),
            (Step::Clone, Errno::ENOSPC, true),
            (Step::Clone, Errno::EAGAIN, false),
            (Step::Propagation, Errno::EACCES, true),
            (Step::Hostname, Errno::EPERM, true),
            (Step::Hostname, Errno::EINVAL, false),
            (Step::Bind, Errno::EACCES, false),
            (Step::OpenRootfs, Errno::ENOENT, false),
            (Step::WriteLimit, Errno::EINVAL, false),
        ];
        for (step, errno, refused) in cases {
            assert_eq!(SetupError::new(step, "x", errno).is_refusal(), refused, "{step:?} {errno}");
        }
        let found = "4096".to_owned();
        let read_back =
            SetupError { step: Step::MakeLeaf, object: Object::None, cause: Cause::ReadBack { found } };
        assert!(!read_back.is_refusal());
    }

    #[test]
    fn no_two_steps_share_a_code() {
        for (place, step) in Step::ALL.iter().enumerate() {
            assert_eq!(Step::from_code(*step as u8), Some(*step), "{place}");
        }
        assert_eq!(Step::from_code(0), None);
    }
}
