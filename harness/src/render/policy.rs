//! `HARNESS_UNSUPPORTED`, `HARNESS_REQUIRE` and skips.

use super::words::{self, Table};
use super::{Evidence, Outcome, Spec, Unsupported, headline};
use crate::capability::Capability;
use crate::policy::{BadSetting, Lack, Objection, REQUIRE, UNSUPPORTED};
use crate::spec::UnsupportedPolicy;

/// This machine lacks something, and the test must not be skipped; `required` is what forbids it.
pub(crate) fn unsupported(spec: &Spec<'_>, unsupported: &Unsupported, required: Option<&str>) -> String {
    let mut table = Table::new(super::headline(spec, "cannot run on this machine"));
    table.row("needs", words::shown(&unsupported.need));
    table.row("found", words::shown(&unsupported.found));
    table.row("remedy", words::shown(&unsupported.remedy));
    table.row(
        "or",
        match required {
            // A return is a failure there, and the attribute's own word stands.
            _ if spec.should_panic || spec.unsupported == Some(UnsupportedPolicy::Fail) => None,
            Some(given) => {
                Some(format!("do not require it: {REQUIRE}={} forbids to skip", words::shown(given)))
            }
            None => Some(format!("skip it here: `unsupported = skip`, or {UNSUPPORTED}=skip for all tests")),
        },
    );
    table.text()
}

/// The notice of a skip, for the real stderr, which has one line for it.
pub(crate) fn skipped(spec: &Spec<'_>, unsupported: &Unsupported) -> String {
    let Unsupported { need, found, remedy, .. } = unsupported;
    let [need, found, remedy] = [need, found, remedy].map(|text| words::shown(text));
    format!("SKIP {}: {need}: {found}; {remedy}\n", spec.name)
}

/// The last line of a process that skipped.
pub(crate) fn skips(count: u64) -> String {
    let tests = words::count(count, "isolated test", "isolated tests");
    format!("harness: {tests} skipped (see SKIP above; {REQUIRE}=all makes every skip a failure)\n")
}

/// Why no isolated test of this process may run.
pub(crate) fn objection(spec: &Spec<'_>, objection: &Objection) -> String {
    match objection {
        Objection::Setting(bad) => {
            let mut table = Table::new(super::headline(spec, "did not run"));
            table.row("failed", not_understood(bad));
            accepted(&mut table, bad);
            table.text()
        }
        Objection::Lacking { required, missing } => {
            let lacks = "did not run: this machine lacks what it is required to offer";
            let mut table = Table::new(super::headline(spec, lacks));
            table.row("required", format!("{REQUIRE}={}", words::shown(required)));
            missing_rows(&mut table, missing);
            table.text()
        }
    }
}

/// A value that is not understood, given to the command itself.
#[cfg(feature = "cli")]
pub(crate) fn bad_option(bad: &BadSetting) -> String {
    let mut table = Table::new(format!("harness: {}", not_understood(bad)));
    accepted(&mut table, bad);
    table.text()
}

/// What the command was asked to require, and is missing.
#[cfg(feature = "cli")]
pub(crate) fn missing(required: &str, missing: &[Lack]) -> String {
    let mut table = Table::new("harness: this machine lacks what it is required to offer".to_owned());
    table.row("required", words::shown(required));
    missing_rows(&mut table, missing);
    table.text()
}

fn not_understood(bad: &BadSetting) -> String {
    let [given, wrong] = [&bad.given, &bad.wrong].map(|text| words::shown(text));
    let part = if given == wrong { String::new() } else { format!(": `{wrong}`") };
    format!("{}={given}{part} is not understood", bad.name)
}

fn accepted(table: &mut Table, bad: &BadSetting) {
    table.row("accepted", words::wrapped(&bad.accepted.join(", "), 80));
    table.row("meant", bad.meant.map(|word| format!("perhaps `{word}`")));
}

fn missing_rows(table: &mut Table, missing: &[Lack]) {
    for Lack { capability, finding } in missing {
        let Capability { name, needed_by, .. } = capability;
        table.row("missing", format!("{name} (for {needed_by}): {}", words::shown(&finding.found)));
        table.row("remedy", finding.remedy.as_deref().map(words::shown));
    }
}

/// How the guest of a probe ended.
pub(crate) fn ending(outcome: &Outcome, evidence: &Evidence) -> String {
    format!("a guest that tried it {}", headline::predicate(outcome, evidence))
}
