//! Runs a program isolated and limited, from an ordinary binary: `cargo run --example run -- ls /proc`.

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use harness::{Error, Sandbox, Size};

fn main() -> Result<ExitCode, Error> {
    let mut words = std::env::args_os().skip(1);
    let Some(program) = words.next() else {
        eprintln!("which program? for example: cargo run --example run -- ls /proc");
        return Ok(ExitCode::FAILURE);
    };
    let run = Sandbox::new()
        .pid()
        .hostname("box")
        .memory_max(Size::mib(100))
        .timeout(Duration::from_secs(10))
        .command(program)
        .args(words)
        .output()?;
    // A closed stdout takes the output with it; the ending is told all the same.
    drop(std::io::stdout().write_all(&run.stdout));
    drop(std::io::stderr().write_all(&run.stderr));
    eprintln!("{run}");
    Ok(if run.passed() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
