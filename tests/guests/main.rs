//! Isolated tests for every ending: the right ones and those in which a broken test looks fine.
//!
//! Most of them fail, as they must: `fixtures/src/table.rs` says what each is to be judged, and
//! `tests/verdicts/` runs this binary and compares. A plain `cargo test` leaves it out (`test = false`).
//!
//! Nothing here waits for a clock to be right: what hangs hangs for ever, and what must end first is
//! waited for.
#![expect(clippy::unwrap_used, reason = "tests: what is not as it must be here fails them")]
#![expect(clippy::zombie_processes, reason = "children nobody waits for are among the cases")]
#![expect(unsafe_code, reason = "raw.rs: a guest that misbehaves has to call what std does not offer")]

mod deadlines;
mod environment;
mod exits;
mod expectations;
mod forgery;
mod forks;
mod init;
mod leaks;
mod oom;
mod output;
mod panics;
mod pid1;
mod raw;
mod setup;
mod should_panic;
mod signals;
mod threads;

use std::process::{Command, ExitStatus};

/// A guest program.
fn program(name: &str) -> Command {
    Command::new(fixtures::program(name))
}

/// Runs a guest program with these arguments to its end.
fn run(name: &str, arguments: &[&str]) -> ExitStatus {
    program(name).args(arguments).status().expect("the program starts")
}

/// True, but the compiler does not know: what stands behind is not "unreachable".
fn always() -> bool {
    std::hint::black_box(true)
}

/// Takes and touches this much memory.
fn eat(mebibytes: usize) -> Vec<u8> {
    std::hint::black_box(vec![1u8; mebibytes << 20])
}

/// Does nothing for ever.
fn hang() -> ! {
    loop {
        std::thread::park();
    }
}
