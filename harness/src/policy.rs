//! What the environment says about a machine that cannot run a test: `HARNESS_UNSUPPORTED` and
//! `HARNESS_REQUIRE`, read once a process.
//!
//! Each test that is asked to skip what the machine lacks may do so, unless the machine is *required* to
//! have it. A value that is not understood, or a required capability that is missing, fails every isolated
//! test of the process: in doubt, nothing passes.

use std::env;
use std::ffi::{OsStr, OsString};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::capability::{self, Capability, Finding};
use crate::error::Unsupported;
use crate::spec::{Spec, UnsupportedPolicy};
use crate::sys::process;

pub(crate) const UNSUPPORTED: &str = "HARNESS_UNSUPPORTED";
pub(crate) const REQUIRE: &str = "HARNESS_REQUIRE";

/// Why no isolated test of this process may run.
#[derive(Debug, Clone)]
pub(crate) enum Objection {
    /// A variable has a value that is not understood.
    Setting(BadSetting),
    /// The machine lacks what it is required to offer.
    Lacking { required: String, missing: Vec<Lack> },
}

/// A value that is not understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BadSetting {
    /// The variable or the option.
    pub(crate) name: &'static str,
    /// All of its value.
    pub(crate) given: String,
    /// The part that is wrong.
    pub(crate) wrong: String,
    pub(crate) accepted: Vec<&'static str>,
    /// What was probably meant.
    pub(crate) meant: Option<&'static str>,
}

/// A required capability that is missing.
#[derive(Debug, Clone)]
pub(crate) struct Lack {
    pub(crate) capability: &'static Capability,
    pub(crate) finding: Finding,
}

/// What is required of the machine.
#[derive(Debug, Clone)]
pub(crate) enum Required {
    /// Whatever a test asks for.
    All,
    These(Vec<&'static Capability>),
}

/// The word for [`Required::All`].
const ALL: &str = "all";

/// Both variables, understood.
#[derive(Debug, Clone)]
struct Settings {
    unsupported: UnsupportedPolicy,
    /// As it was given, and what it means.
    required: Option<(String, Required)>,
}

static SETTINGS: OnceLock<Result<Settings, BadSetting>> = OnceLock::new();
static OBJECTION: OnceLock<Option<Objection>> = OnceLock::new();

fn settings() -> &'static Result<Settings, BadSetting> {
    // Empty is not set, as a CI file has it that passes on a variable which may be there.
    let value = |name| env::var_os(name).filter(|value| !value.is_empty());
    SETTINGS.get_or_init(|| understand(value(UNSUPPORTED), value(REQUIRE)))
}

fn understand(unsupported: Option<OsString>, required: Option<OsString>) -> Result<Settings, BadSetting> {
    let unsupported = unsupported.map_or(Ok(UnsupportedPolicy::Fail), |value| unsupported_policy(&value))?;
    let required = required.map(|value| {
        let given = value.to_string_lossy().into_owned();
        required_of(REQUIRE, &given).map(|required| (given, required))
    });
    Ok(Settings { unsupported, required: required.transpose()? })
}

fn unsupported_policy(value: &OsStr) -> Result<UnsupportedPolicy, BadSetting> {
    match value.to_str() {
        Some("fail") => Ok(UnsupportedPolicy::Fail),
        Some("skip") => Ok(UnsupportedPolicy::Skip),
        _ => {
            let given = value.to_string_lossy().into_owned();
            let accepted = vec!["fail", "skip"];
            let meant = accepted.iter().copied().find(|word| given.trim().eq_ignore_ascii_case(word));
            Err(BadSetting { name: UNSUPPORTED, wrong: given.clone(), given, accepted, meant })
        }
    }
}

/// A comma-separated list of capabilities, or `all`; `name` is where it was given.
pub(crate) fn required_of(name: &'static str, given: &str) -> Result<Required, BadSetting> {
    let words: Vec<&str> = given.split(',').map(str::trim).collect();
    if words == [ALL] {
        return Ok(Required::All);
    }
    let known =
        words.into_iter().map(|word| capability::named(word).ok_or_else(|| unknown(name, given, word)));
    known.collect::<Result<_, _>>().map(Required::These)
}

fn unknown(name: &'static str, given: &str, word: &str) -> BadSetting {
    let names = capability::ALL.iter().map(|capability| capability.name);
    let accepted = [ALL].into_iter().chain(names).collect();
    let meant = capability::nearest(word);
    BadSetting { name, given: given.to_owned(), wrong: word.to_owned(), accepted, meant }
}

/// Why no isolated test of this process may run: probed once, and only what is required.
pub(crate) fn objection() -> Option<&'static Objection> {
    let object = || match settings() {
        Err(bad) => Some(Objection::Setting(bad.clone())),
        Ok(Settings { required: Some((given, Required::These(these))), .. }) => {
            let missing = lacking(these);
            (!missing.is_empty()).then(|| Objection::Lacking { required: given.clone(), missing })
        }
        Ok(_) => None,
    };
    OBJECTION.get_or_init(object).as_ref()
}

/// Those of the capabilities that are missing.
fn lacking(capabilities: &[&'static Capability]) -> Vec<Lack> {
    let tried = capabilities.iter().map(|one| Lack { capability: one, finding: one.probe() });
    tried.filter(|lack| !lack.finding.is_there()).collect()
}

/// Whether this test, or this process, would rather skip than fail: the attribute's word first.
pub(crate) fn would_skip(spec: &Spec<'_>) -> bool {
    let general = settings().as_ref().map_or(UnsupportedPolicy::Fail, |settings| settings.unsupported);
    spec.unsupported.unwrap_or(general) == UnsupportedPolicy::Skip
}

/// What forbids to skip a test for this lack: the value of `HARNESS_REQUIRE`.
pub(crate) fn forbids_skip(spec: &Spec<'_>, lack: &Unsupported) -> Option<&'static str> {
    let (given, required) = settings().as_ref().ok()?.required.as_ref()?;
    is_required(required, &capability::behind(spec, lack)).then_some(given)
}

/// A lack that no capability explains may be that of a required one.
fn is_required(required: &Required, lacking: &[&str]) -> bool {
    match required {
        Required::All => true,
        Required::These(these) => lacking.is_empty() || these.iter().any(|one| lacking.contains(&one.name)),
    }
}

static SKIPPED: AtomicU64 = AtomicU64::new(0);

/// Counts a skip; the first one sees to it that the process ends with their number.
pub(crate) fn count_skip() {
    let is_first = SKIPPED.fetch_add(1, Ordering::Relaxed) == 0;
    // Under nextest a process is one test, and the line of its skip says it all.
    if is_first && env::var_os("NEXTEST").is_none() {
        // Without memory for it the lines of the skips stand alone.
        let _ = process::at_exit(sum_up);
    }
}

extern "C" fn sum_up() {
    let line = crate::render::skips(SKIPPED.load(Ordering::Relaxed));
    // Not through std, whose lock a thread may hold that no longer runs. A closed stderr takes it along.
    let _ = nix::unistd::write(std::io::stderr(), line.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn understood(unsupported: &str, required: &str) -> Result<Settings, BadSetting> {
        let value = |text: &str| (!text.is_empty()).then(|| OsString::from(text));
        understand(value(unsupported), value(required))
    }

    #[test]
    fn unsupported_is_fail_or_skip() {
        let unsupported = |value| understood(value, "").map(|settings| settings.unsupported);
        assert_eq!(unsupported(""), Ok(UnsupportedPolicy::Fail));
        assert_eq!(unsupported("fail"), Ok(UnsupportedPolicy::Fail));
        assert_eq!(unsupported("skip"), Ok(UnsupportedPolicy::Skip));
        for (given, meant) in
            [("Skip", Some("skip")), ("skip ", Some("skip")), ("1", None), ("skipp", None), (" ", None)]
        {
            let bad = unsupported(given).unwrap_err();
            assert_eq!((bad.name, &*bad.given, bad.meant), (UNSUPPORTED, given, meant));
            assert_eq!(bad.accepted, ["fail", "skip"]);
        }
    }

    #[test]
    fn required_are_known_names() {
        let names = |given| match required_of(REQUIRE, given) {
            Ok(Required::These(these)) => these.iter().map(|one| one.name).collect::<Vec<_>>(),
            other => panic!("{other:?}"),
        };
        assert_eq!(names("userns"), ["userns"]);
        assert_eq!(names("userns, memory,pids"), ["userns", "memory", "pids"]);
        assert!(matches!(required_of(REQUIRE, " all "), Ok(Required::All)));
        for (given, wrong, meant) in [
            ("usrns", "usrns", Some("userns")),
            ("memory,seccomp", "seccomp", Some("no-seccomp")),
            ("Memory", "Memory", Some("memory")),
            ("memory,", "", None),
            ("memory pids", "memory pids", None),
            ("all,memory", "all", None),
            ("xyzzy", "xyzzy", None),
        ] {
            let bad = required_of(REQUIRE, given).unwrap_err();
            assert_eq!((&*bad.given, &*bad.wrong, bad.meant), (given, wrong, meant));
            assert!(bad.accepted.contains(&"all") && bad.accepted.contains(&"userns"));
        }
    }

    #[test]
    fn a_skip_for_what_is_required_is_none() {
        let memory = required_of(REQUIRE, "memory").unwrap();
        for (lacking, required) in [
            (&["memory"][..], true),
            (&["cgroup", "memory"], true),
            (&["overlay"], false),
            // Not known what it was.
            (&[], true),
        ] {
            assert_eq!(is_required(&memory, lacking), required, "{lacking:?}");
            assert!(is_required(&Required::All, lacking));
        }
    }
}
