//! What to do about a guest that ended otherwise than it should.

use crate::evidence::{Deadline, Evidence, OomBy, Violation, WaitStatus};
use crate::outcome::Outcome;
use crate::render::words;
use crate::spec::{Expect, Namespaces, Resource, Spec};

/// The advice for an outcome, where there is any.
pub(super) fn of(spec: &Spec<'_>, outcome: &Outcome, evidence: &Evidence) -> Option<String> {
    let refused = evidence.usage.pids_refused.as_ref().is_some_and(|refused| refused.value > 0);
    match outcome {
        // Its failed assertion stands in the output above.
        Outcome::OomKilled { .. } if evidence.panicking > 0 => Some(
            "the test had panicked, and the symbols of its backtrace took the memory: mend the panic, and see \
             it whole with `RUST_BACKTRACE=0` or a larger `mem`"
                .to_owned(),
        ),
        Outcome::OomKilled { by: OomBy::OwnLimit, .. } if !evidence.started => {
            Some("this is less than it takes to get to the test function: raise `mem`".to_owned())
        }
        Outcome::OomKilled { by, .. } => Some(oom(spec, *by)),
        Outcome::TimedOut { limit } => timed_out(spec, *limit, evidence),
        Outcome::Signaled { signal, .. } => signaled(spec, *signal, evidence),
        Outcome::Exited(code) => Some(exited(spec, *code, evidence)),
        Outcome::LeftProcesses(_) => Some(
            "wait for every process that the test starts, or say `leaks = warn` or `leaks = allow`"
                .to_owned(),
        ),
        Outcome::Violated(violation) => Some(violated(spec, violation).to_owned()),
        Outcome::Panicked { .. } | Outcome::Returned(_) if refused => {
            Some("if the forks were meant to succeed, raise `pids`".to_owned())
        }
        // The last is a program's (program.rs).
        Outcome::Passed | Outcome::Panicked { .. } | Outcome::Returned(_) | Outcome::WroteTooMuch { .. } => None,
    }
}

/// The way out for a test that is about this ending. One that expects another says so already.
fn or_expect(spec: &Spec<'_>, advice: &str, expect: &str) -> String {
    if spec.expect == Expect::Success && !spec.should_panic {
        format!("{advice}\nor, if the test is to end like this, say `expect = {expect}`")
    } else {
        advice.to_owned()
    }
}

fn oom(spec: &Spec<'_>, by: OomBy) -> String {
    match by {
        OomBy::OwnLimit if spec.expect == Expect::Oom => {
            "let the test function be the victim, or return success after its child was".to_owned()
        }
        OomBy::OwnLimit => or_expect(spec, "use less memory, or raise `mem`", "oom"),
        OomBy::Ancestor => {
            "raise the limit of that cgroup (MemoryMax= in systemd, -m in docker), run fewer tests at once, or ask \
             for a lower `mem`, which the test then meets first"
        }
        .to_owned(),
        OomBy::Host => {
            "run fewer tests at once (`--test-threads=2`), or set `mem`, which a hungry test then meets first"
        }
        .to_owned(),
    }
}

fn timed_out(spec: &Spec<'_>, limit: Deadline, evidence: &Evidence) -> Option<String> {
    if evidence.returned.is_some() || evidence.panicked.is_some() {
        return Some(
            "look for destructors of statics, atexit handlers or threads that keep it from ending".to_owned(),
        );
    }
    if let Some(WaitStatus::Stopped { .. }) = evidence.body {
        return Some("something in the guest stopped it: look for kill(2) and raise(3)".to_owned());
    }
    let raise = match limit {
        Deadline::Wall(_) => "raise `timeout`",
        Deadline::Cpu(_) => "raise `cpu_time`",
    };
    (spec.expect != Expect::Timeout).then(|| or_expect(spec, raise, "timeout"))
}

fn exited(spec: &Spec<'_>, code: u8, evidence: &Evidence) -> String {
    if evidence.returned.is_some() {
        return "something changed the code on the way out: an atexit handler, or a destructor of a static"
            .to_owned();
    }
    if !evidence.started {
        return "a constructor of this binary (ctor, `.init_array`) ended the process".to_owned();
    }
    let advice = format!("`exit({code})` before the test function has returned proves nothing");
    or_expect(spec, &advice, &format!("exit({code})"))
}

fn signaled(spec: &Spec<'_>, signal: i32, evidence: &Evidence) -> Option<String> {
    if evidence.body.is_none() {
        return Some(init_lost(spec).to_owned());
    }
    if evidence.returned.is_some() || evidence.panicked.is_some() {
        return Some("look at destructors of statics, atexit handlers and threads that still ran".to_owned());
    }
    let name = words::signal_name(signal);
    // A real-time signal has no name to expect it by.
    let expect = name.starts_with("SIG").then(|| format!("signal({name})"));
    let cause = cause(spec, signal);
    Some(expect.map_or_else(|| cause.to_owned(), |expect| or_expect(spec, cause, &expect)))
}

/// Where such a signal comes from, for those that have a usual source.
fn cause(spec: &Spec<'_>, signal: i32) -> &'static str {
    let has = |resource| spec.limits.rlimits.iter().any(|limit| limit.resource == resource);
    match signal {
        libc::SIGSEGV if spec.body_is_pid1 => {
            "the body is pid 1, where an abort (a panic while panicking, too) ends as SIGSEGV: `pid` instead of \
             `pid1` tells them apart"
        }
        // The soft limit's SIGXCPU does not come where the hard limit is the same.
        libc::SIGKILL if has(Resource::Cpu) => {
            "`rlimit(cpu = ...)` kills by SIGKILL: use less cpu time, or raise it"
        }
        libc::SIGKILL => {
            "something sent it SIGKILL: look for kill(2) in the test, or for a supervisor of this machine"
        }
        libc::SIGXCPU => "use less cpu time, or raise `rlimit(cpu = ...)`",
        libc::SIGXFSZ => "write smaller files, or raise `rlimit(fsize = ...)`",
        libc::SIGSYS => "a seccomp filter forbids a system call that the test makes",
        libc::SIGABRT => "see the test's output for the reason: a panic while panicking, or a call of abort",
        libc::SIGSEGV | libc::SIGBUS | libc::SIGILL | libc::SIGFPE => {
            "look for unsafe code, or for a stack overflow of a thread"
        }
        _ => "something sent it this signal: look for kill(2) and raise(3)",
    }
}

fn violated(spec: &Spec<'_>, violation: &Violation) -> &'static str {
    match violation {
        Violation::Forged { .. } | Violation::OutOfOrder { .. } => {
            "look for code that writes to, or passes on, file descriptors that it did not open"
        }
        Violation::Escaped { .. } => {
            "a forked child must not leave the test function: end it with exec or _exit"
        }
        Violation::InitLost { status: None } => {
            "look for code in this test binary, outside of guests, that waits for any child: wait(2), waitpid(-1)"
        }
        Violation::InitLost { status: Some(WaitStatus::Exited(_)) } => {
            "if this machine is not short of memory or file descriptors, it is a fault of harness: please report it"
        }
        Violation::InitLost { .. } => init_lost(spec),
    }
}

/// In its own pid namespace the init cannot be killed from within (pid_namespaces(7)).
fn init_lost(spec: &Spec<'_>) -> &'static str {
    if spec.namespaces.contains(Namespaces::PID) {
        "something outside of the guest killed its init: look for a supervisor, or a test that is not isolated"
    } else {
        "look for code that kills its parent process; with `pid` it could not"
    }
}
