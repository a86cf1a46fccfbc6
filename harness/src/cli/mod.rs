//! The command `harness`, behind the feature `cli`: one file for each subcommand.
//!
//! Its text is in render/; clap writes the usage. Exit codes: 0, all is well; 1, what was asked for is not
//! so; 2, the command line was not understood. `scope` becomes the command that it runs.

mod clean;
mod doctor;
pub(crate) mod machine;
mod pull;
mod scope;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::render;

/// Looks at this machine as isolated tests see it, and gives them a place to run.
#[derive(Debug, Parser)]
#[command(name = "harness", version, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Clean(clean::Arguments),
    Doctor(doctor::Arguments),
    Pull(pull::Arguments),
    Scope(scope::Arguments),
}

/// Runs the command that the arguments of this process name.
pub fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Clean(arguments) => clean::main(&arguments),
        Command::Doctor(arguments) => doctor::main(&arguments),
        Command::Pull(arguments) => pull::main(&arguments),
        Command::Scope(arguments) => scope::main(&arguments),
    }
}

/// The command line, or a value in it, was not understood.
const USAGE: u8 = 2;

/// Writes to stdout. A reader that has gone (`| head`) is content with what it has; any other failure is one.
fn print(text: &str) -> ExitCode {
    let mut stdout = io::stdout();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            complain(&render::not_written(&error));
            ExitCode::FAILURE
        }
    }
}

/// Writes to stderr; where that is closed, the exit code says it alone.
fn complain(text: &str) {
    drop(writeln!(io::stderr(), "{text}"));
}
