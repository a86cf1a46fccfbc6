//! `harness doctor`: every capability, tried here and now.

use std::process::ExitCode;

use super::machine::Machine;
use crate::capability::{self, Capability, Finding};
use crate::policy::{Lack, Required, required_of};
use crate::render;

/// Tries what isolated tests may need of this machine, and says what is missing and how to get it
///
/// Each line is tried now, as this user, where this command runs, most of them in a throw-away guest:
/// run it where and as whom the tests run.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Print a JSON object (doctor.schema.json)
    #[arg(long)]
    json: bool,
    /// Exit with 1 unless these are there: names from the table, separated by commas, or `all`
    #[arg(long, value_name = "LIST")]
    require: Option<String>,
}

pub(super) fn main(arguments: &Arguments) -> ExitCode {
    let required = match arguments.require.as_deref().map(|list| required_of("--require", list)) {
        None => Required::These(Vec::new()),
        Some(Ok(required)) => required,
        Some(Err(bad)) => {
            super::complain(&render::bad_option(&bad));
            return ExitCode::from(super::USAGE);
        }
    };
    let machine = Machine::this();
    let all: Vec<_> = capability::ALL.iter().map(|one| (one, one.probe())).collect();
    let text =
        if arguments.json { render::doctor_json(&machine, &all) } else { render::doctor(&machine, &all) };
    let printed = super::print(&text);
    let missing = missing(&required, all);
    if missing.is_empty() {
        return printed;
    }
    super::complain(&render::missing(arguments.require.as_deref().unwrap_or_default(), &missing));
    ExitCode::FAILURE
}

fn missing(required: &Required, all: Vec<(&'static Capability, Finding)>) -> Vec<Lack> {
    let is_required = |name| match required {
        Required::All => true,
        Required::These(these) => these.iter().any(|one| one.name == name),
    };
    let lacking = all.into_iter().filter(|(one, finding)| is_required(one.name) && !finding.is_there());
    lacking.map(|(capability, finding)| Lack { capability, finding }).collect()
}
