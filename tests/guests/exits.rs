//! Leaving before the test function has returned, and what happens on the way out.
#![expect(clippy::exit, reason = "leaving early is the point")]

use std::process::{ExitCode, exit};

use harness::isolated;

use crate::raw::{at_exit, end_thread, exit_now, raise};
use crate::{always, hang, program};

#[isolated(pid)]
fn returns() {}

#[isolated]
fn returns_without_a_namespace() {}

#[isolated(pid)]
fn returns_ok() -> Result<(), String> {
    Ok(())
}

#[isolated(pid)]
fn returns_an_error() -> Result<(), String> {
    Err("no such luck".to_owned())
}

#[isolated(pid)]
fn returns_exit_code_success() -> ExitCode {
    ExitCode::SUCCESS
}

#[isolated(pid)]
fn returns_exit_code_3() -> ExitCode {
    ExitCode::from(3)
}

#[isolated(pid)]
fn exit_0_before_the_assertion() {
    if always() {
        exit(0);
    }
    panic!("the assertion that nobody sees");
}

#[isolated]
fn exit_0_without_a_namespace() {
    exit(0);
}

#[isolated(pid)]
fn exit_3() {
    exit(3);
}

#[isolated(pid)]
fn exit_101_as_a_panic_would() {
    exit(101);
}

#[isolated(pid)]
fn raw_exit_0() {
    exit_now(0);
}

#[isolated(pid)]
fn the_only_thread_ends_itself() {
    end_thread(0);
}

#[isolated(pid)]
fn another_thread_exits_0() {
    std::thread::spawn(|| exit(0));
    hang();
}

#[isolated(pid)]
fn becomes_a_program_that_succeeds() {
    use std::os::unix::process::CommandExt;
    let error = program("exit_code").args(["--code", "0"]).exec();
    panic!("exec: {error}");
}

#[isolated(pid)]
fn runs_a_program_that_exits_early_and_believes_it() {
    assert!(crate::run("exit_zero_early", &[]).success());
}

#[isolated(pid)]
fn the_exit_handler_changes_the_code() {
    extern "C" fn handler() {
        exit_now(3);
    }
    at_exit(handler);
}

#[isolated(pid)]
fn the_exit_handler_aborts() {
    extern "C" fn handler() {
        std::process::abort();
    }
    at_exit(handler);
}

#[isolated(pid)]
fn the_exit_handler_kills() {
    extern "C" fn handler() {
        raise(libc::SIGKILL);
    }
    at_exit(handler);
}

#[isolated(pid, timeout = "300ms")]
fn the_exit_handler_hangs() {
    extern "C" fn handler() {
        hang();
    }
    at_exit(handler);
}

/// Destructors of thread-locals run on the way out; std aborts when one panics.
#[isolated(pid)]
fn a_thread_local_panics_on_the_way_out() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("the thread-local's drop");
        }
    }
    thread_local!(static BOMB: Bomb = const { Bomb });
    BOMB.with(|_| {});
}

#[isolated(pid)]
fn an_exit_handler_that_does_nothing() {
    extern "C" fn handler() {}
    at_exit(handler);
}

/// A failed test stays failed, whatever its exit handlers make of the exit code.
#[isolated(pid)]
fn panics_and_the_exit_handler_exits_0() {
    extern "C" fn handler() {
        exit_now(0);
    }
    at_exit(handler);
    panic!("covered up");
}
