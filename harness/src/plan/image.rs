//! What an image says about a run, and how far it counts: what was asked for by name always wins.
//!
//! | | a program | a test function |
//! |---|---|---|
//! | environment | the image's alone, with a PATH | the image's over the runner's |
//! | directory, user, its groups and `HOME` | the image's | the image's |
//! | what is run | entrypoint and command | itself |
//!
//! Without an image, both have the runner's environment. `clear_env` leaves what was set by name.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::Caller;
use crate::spec::{Rootfs, Spec};

/// The configuration of an image, in plain values: ids are numbers, paths absolute.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct FromImage {
    pub(crate) environment: Vec<(OsString, OsString)>,
    pub(crate) workdir: Option<PathBuf>,
    pub(crate) uid: Option<u32>,
    pub(crate) gid: Option<u32>,
    /// The user's supplementary groups.
    pub(crate) groups: Vec<u32>,
    /// The user's home, or root's where the image names no user.
    pub(crate) home: Option<PathBuf>,
    pub(crate) entrypoint: Vec<OsString>,
    pub(crate) command: Vec<OsString>,
}

/// Where programs are looked for when nobody says it: what container engines set, too.
pub(crate) const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The image, if its user counts: none was asked for. A user is an id and its groups: who asks for one of them has
/// said what there is to say.
pub(super) fn whose_user_counts<'a>(spec: &Spec<'_>, image: Option<&'a FromImage>) -> Option<&'a FromImage> {
    let is_asked = spec.uid.is_some() || spec.gid.is_some() || spec.id_mapping.is_some();
    image.filter(|_| !is_asked)
}

/// `argv` of the program; `None` for a test function, and where neither caller nor image names one.
///
/// As `docker run IMAGE ARGUMENTS` has it: arguments alone replace the image's command and leave its
/// entrypoint. A command replaces both.
pub(super) fn program(spec: &Spec<'_>, image: Option<&FromImage>) -> Option<Vec<OsString>> {
    let program = spec.program?;
    let (entrypoint, default) =
        image.map_or((&[][..], &[][..]), |image| (&image.entrypoint[..], &image.command[..]));
    let (head, tail) = match program.command {
        Some(command) => (std::slice::from_ref(command), program.arguments),
        None if program.arguments.is_empty() => (entrypoint, default),
        None => (entrypoint, program.arguments),
    };
    let argv = [head, tail].concat();
    (!argv.is_empty()).then_some(argv)
}

/// The variables of the body.
pub(super) fn environment(
    spec: &Spec<'_>,
    caller: &Caller,
    image: Option<&FromImage>,
    home: Option<&Path>,
) -> Vec<(OsString, OsString)> {
    let mut variables = if spec.clear_env { Vec::new() } else { inherited(spec, caller, image, home) };
    for (name, value) in spec.env {
        set(&mut variables, name.as_ref(), value.as_ref());
    }
    for (name, value) in spec.program.iter().flat_map(|program| program.environment) {
        set(&mut variables, name, value);
    }
    variables
}

fn inherited(
    spec: &Spec<'_>,
    caller: &Caller,
    image: Option<&FromImage>,
    home: Option<&Path>,
) -> Vec<(OsString, OsString)> {
    let Some(image) = image else { return callers(spec, caller) };
    let is_program = spec.program.is_some();
    let mut variables =
        if is_program { vec![("PATH".into(), DEFAULT_PATH.into())] } else { callers(spec, caller) };
    if let Some(home) = home {
        set(&mut variables, "HOME".as_ref(), home.as_os_str());
    }
    for (name, value) in &image.environment {
        let is_kept = !is_program && is_for_the_test(name) && has(&variables, name);
        if !is_kept {
            set(&mut variables, name, value);
        }
    }
    variables
}

/// In a foreign root the runner's `TMPDIR` means nothing.
fn callers(spec: &Spec<'_>, caller: &Caller) -> Vec<(OsString, OsString)> {
    let mut variables = caller.environment.clone();
    if matches!(spec.rootfs, Some(Rootfs::Source(_))) {
        variables.retain(|(name, _)| name != "TMPDIR");
    }
    variables
}

/// What cargo, the test runner and the compiler's instrumentation say to a test binary: an image knows of
/// another one.
fn is_for_the_test(name: &OsStr) -> bool {
    const PREFIXES: [&str; 8] = [
        "CARGO_MANIFEST_",
        "CARGO_PKG_",
        "HARNESS_",
        "LLVM_PROFILE_FILE",
        "NEXTEST",
        "RUST_BACKTRACE",
        "RUST_LIB_BACKTRACE",
        "RUST_TEST_",
    ];
    PREFIXES.iter().any(|prefix| name.as_encoded_bytes().starts_with(prefix.as_bytes()))
}

fn has(variables: &[(OsString, OsString)], name: &OsStr) -> bool {
    variables.iter().any(|(known, _)| known == name)
}

fn set(variables: &mut Vec<(OsString, OsString)>, name: &OsStr, value: &OsStr) {
    variables.retain(|(known, _)| known != name);
    variables.push((name.to_owned(), value.to_owned()));
}
