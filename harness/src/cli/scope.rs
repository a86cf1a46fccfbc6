//! `harness scope -- CMD`: a command in a cgroup whose controllers its tests may divide.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use crate::{cgroup, render, zygote};

/// Runs a command where isolated tests may set limits, in a delegated cgroup
///
/// Where the tests can make cgroups as things are, this is just the command. Else it moves to a child of its own
/// cgroup, if that is ours and nobody else lives there, or to a transient scope of systemd with Delegate=yes (the
/// user's manager, as root the system's). Its exit status is the command's; 125 where there is no such place, 126
/// or 127 where the command cannot be run or found.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Move every process of our own cgroup along, for example all those of a container
    #[arg(long)]
    all: bool,
    /// The command and its arguments
    #[arg(required = true, trailing_var_arg = true, value_name = "CMD")]
    command: Vec<OsString>,
}

/// As env(1) and timeout(1) have them.
const NO_PLACE: u8 = 125;
const NOT_RUN: u8 = 126;
const NOT_FOUND: u8 = 127;

pub(super) fn main(arguments: &Arguments) -> ExitCode {
    if let Err(reason) = cgroup::arrange(arguments.all) {
        super::complain(&render::no_place(&reason));
        return ExitCode::from(NO_PLACE);
    }
    let Some((program, rest)) = arguments.command.split_first() else { return ExitCode::from(super::USAGE) };
    zygote::dismiss();
    // Comes back only with an error.
    let error = Command::new(program).args(rest).exec();
    super::complain(&render::not_run_by_scope(program, &error));
    ExitCode::from(if error.kind() == std::io::ErrorKind::NotFound { NOT_FOUND } else { NOT_RUN })
}
