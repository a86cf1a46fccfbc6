//! A table of endings. `every` judges every combination of evidence.

mod every;
mod programs;

use std::path::Path;
use std::time::Duration;

use nix::errno::Errno;

use super::*;
use crate::error::Step;
use crate::evidence::{Oom, Panic};

const OK: WaitStatus = WaitStatus::Exited(0);
const FAILED: WaitStatus = WaitStatus::Exited(1);
const SEGV: WaitStatus = WaitStatus::Signaled { signal: libc::SIGSEGV, core: false };
const KILL: WaitStatus = WaitStatus::Signaled { signal: libc::SIGKILL, core: false };
const STOP: WaitStatus = WaitStatus::Stopped { signal: libc::SIGSTOP };
const FIVE: Deadline = Deadline::Wall(Duration::from_secs(5));

fn spec() -> Spec<'static> {
    Spec::new("demo::it", "/demo").unshare(Namespaces::PID)
}

/// The evidence of a run that passes.
fn fine() -> Evidence {
    Evidence { started: true, returned: Some(0), body: Some(OK), init: Some(OK), ..Evidence::default() }
}

/// A run whose body ended like this without a report.
fn died(body: WaitStatus) -> Evidence {
    Evidence { returned: None, body: Some(body), ..fine() }
}

fn panic() -> Panic {
    Panic { message: Some("no".to_owned()), location: Some("src/a.rs:1:2".to_owned()), backtrace: None }
}

fn panicking() -> Evidence {
    Evidence { panicked: Some(panic()), ..died(WaitStatus::Exited(101)) }
}

fn oom(by: OomBy) -> Option<Oom> {
    Some(Oom { by, kills: 1, leaf: "/l".into(), limit_of: None, victims: Vec::new() })
}

fn sleeper() -> Vec<Process> {
    vec![Process { pid: 7, comm: "sleep".to_owned(), cmdline: "sleep 9".to_owned() }]
}

fn error(step: Step, errno: Errno) -> SetupError {
    SetupError::new(step, Path::new("/x"), errno)
}

fn killed(by: OomBy, survivors: Vec<Process>) -> Outcome {
    Outcome::OomKilled { by, kills: 1, survivors }
}

fn signaled(signal: i32) -> Outcome {
    Outcome::Signaled { signal, core: false }
}

fn panicked() -> Outcome {
    Outcome::Panicked { message: panic().message, location: panic().location }
}

const FORGED: Violation = Violation::Forged { length: 3 };

fn lost(status: Option<WaitStatus>) -> Outcome {
    Outcome::Violated(Violation::InitLost { status })
}

fn too_early() -> Outcome {
    Outcome::Violated(Violation::OutOfOrder { frame: "a verdict before the start" })
}

#[track_caller]
fn check(spec: Spec<'_>, cases: impl IntoIterator<Item = (&'static str, Evidence, Outcome)>) {
    for (what, evidence, outcome) in cases {
        assert_eq!(conclude(&spec, &evidence), Ok(outcome), "{what}");
    }
}

#[test]
fn a_signal_counts_even_after_success() {
    let aborted = WaitStatus::Signaled { signal: libc::SIGABRT, core: true };
    check(
        spec(),
        [
            ("segfault", died(SEGV), signaled(libc::SIGSEGV)),
            ("with core", died(aborted), Outcome::Signaled { signal: libc::SIGABRT, core: true }),
            ("stopped for ever", died(STOP), signaled(libc::SIGSTOP)),
            ("on the way out", Evidence { body: Some(SEGV), ..fine() }, signaled(libc::SIGSEGV)),
            ("after a panic", Evidence { body: Some(SEGV), ..panicking() }, signaled(libc::SIGSEGV)),
            ("forged before", Evidence { violation: Some(FORGED), ..died(SEGV) }, signaled(libc::SIGSEGV)),
            ("sigkill is no oom", died(KILL), signaled(libc::SIGKILL)),
        ],
    );
}

#[test]
fn an_oom_kill_counts_whatever_became_of_the_body() {
    use OomBy::{Ancestor, Host, OwnLimit};
    check(
        spec(),
        [
            ("victim", Evidence { oom: oom(OwnLimit), ..died(KILL) }, killed(OwnLimit, vec![])),
            ("body content", Evidence { oom: oom(Ancestor), ..fine() }, killed(Ancestor, vec![])),
            ("body panicked", Evidence { oom: oom(Host), ..panicking() }, killed(Host, vec![])),
            (
                "survivors",
                Evidence { oom: oom(OwnLimit), leftovers: sleeper(), ..died(KILL) },
                killed(OwnLimit, sleeper()),
            ),
            (
                "then it hung",
                Evidence { oom: oom(OwnLimit), deadline: Some(FIVE), ..died(KILL) },
                Outcome::TimedOut { limit: FIVE },
            ),
        ],
    );
}

#[test]
fn the_bodys_word_needs_its_exit_status() {
    let exit = |code| died(WaitStatus::Exited(code));
    check(
        spec(),
        [
            ("fine", fine(), Outcome::Passed),
            (
                "error",
                Evidence { returned: Some(2), body: Some(WaitStatus::Exited(2)), ..fine() },
                Outcome::Returned(2),
            ),
            ("error, then exit 0", Evidence { returned: Some(2), ..fine() }, Outcome::Returned(2)),
            ("exit 0 early", exit(0), Outcome::Exited(0)),
            ("exit 3 early", exit(3), Outcome::Exited(3)),
            ("code changed", Evidence { body: Some(WaitStatus::Exited(3)), ..fine() }, Outcome::Exited(3)),
            ("panic", panicking(), panicked()),
            ("panic, then exit 0", Evidence { body: Some(OK), ..panicking() }, panicked()),
            ("panic and success", Evidence { panicked: Some(panic()), ..fine() }, panicked()),
            ("success unasked", Evidence { started: false, ..fine() }, too_early()),
            ("panic unasked", Evidence { started: false, ..panicking() }, too_early()),
            ("never started", Evidence { started: false, ..exit(0) }, Outcome::Exited(0)),
            ("forged", Evidence { violation: Some(FORGED), ..fine() }, Outcome::Violated(FORGED)),
            (
                "forged, panicked",
                Evidence { violation: Some(FORGED), ..panicking() },
                Outcome::Violated(FORGED),
            ),
        ],
    );
}

#[test]
fn without_the_init_nothing_is_known() {
    let no_body = |init| Evidence { body: None, init, ..fine() };
    check(
        spec(),
        [
            ("init killed", no_body(Some(KILL)), signaled(libc::SIGKILL)),
            ("init silent", no_body(Some(OK)), lost(Some(OK))),
            ("init unseen", no_body(None), lost(None)),
            ("init silent, panic", Evidence { panicked: Some(panic()), ..no_body(Some(OK)) }, lost(Some(OK))),
            ("killed before the leftovers", Evidence { init: Some(KILL), ..fine() }, lost(Some(KILL))),
            ("unseen at the end", Evidence { init: None, ..fine() }, lost(None)),
            ("panic explains more", Evidence { init: Some(KILL), ..panicking() }, panicked()),
        ],
    );
}

#[test]
fn leftovers_fail_where_they_are_the_tests_own() {
    let left = Evidence { leftovers: sleeper(), ..fine() };
    let leaked = Outcome::LeftProcesses(sleeper());
    let without_pid = Spec::new("demo::it", "/demo");
    for (spec, outcome) in [
        (spec(), &leaked),
        (spec().leaks(Leaks::Warn), &Outcome::Passed),
        (spec().leaks(Leaks::Allow), &Outcome::Passed),
        (without_pid, &Outcome::Passed),
        (without_pid.leaks(Leaks::Fail), &leaked),
        (spec().expect(Expect::Oom), &leaked),
    ] {
        assert_eq!(conclude(&spec, &left).as_ref(), Ok(outcome), "{:?}", spec.leaks);
    }
    let left = |evidence| Evidence { leftovers: sleeper(), ..evidence };
    check(spec(), [("panic explains more", left(panicking()), panicked())]);
    check(spec().should_panic(), [("no pass by panicking", left(panicking()), leaked.clone())]);
    check(spec().should_panic().leaks(Leaks::Warn), [("warned", left(panicking()), panicked())]);
    let exit = left(died(WaitStatus::Exited(3)));
    check(spec().expect(Expect::Exit(3)), [("asked for exit", exit.clone(), leaked)]);
    check(spec().expect(Expect::Exit(4)), [("another exit", exit, Outcome::Exited(3))]);
}

#[test]
fn the_first_error_is_the_one() {
    let setup = error(Step::Overlay, Errno::EINVAL);
    let first = error(Step::RemoveLeaf, Errno::EBUSY);
    let second = error(Step::RemoveLeaf, Errno::EACCES);
    let dirty = |evidence| Evidence { cleanup: vec![first.clone(), second.clone()], ..evidence };
    let both = Evidence { setup: Some(setup.clone()), deadline: Some(FIVE), ..dirty(fine()) };
    assert_eq!(conclude(&spec(), &both), Err(setup));
    assert!(!passes(&spec(), &Outcome::Passed, &both));
    assert_eq!(conclude(&spec(), &dirty(fine())), Err(first.clone()));
    assert_eq!(conclude(&spec(), &dirty(died(SEGV))), Ok(signaled(libc::SIGSEGV)));
    let asked = spec().expect(Expect::Signal(libc::SIGSEGV));
    assert_eq!(conclude(&asked, &dirty(died(SEGV))), Err(first.clone()));
    assert_eq!(conclude(&spec().should_panic(), &dirty(panicking())), Err(first));
}

#[test]
fn an_expected_ending_is_that_one_only() {
    use OomBy::{Ancestor, Host, OwnLimit};
    let struck = |by, evidence| Evidence { oom: oom(by), ..evidence };
    let late = |evidence| Evidence { deadline: Some(FIVE), ..evidence };
    let dying_of = |evidence| Evidence { panicking: 1, ..evidence };
    let exit3 = died(WaitStatus::Exited(3));
    let returned3 = Evidence { returned: Some(3), ..exit3.clone() };
    let init_died = Evidence { body: None, init: Some(KILL), ..died(KILL) };
    for (what, expect, evidence, pass) in [
        ("success", Expect::Success, fine(), true),
        ("oom", Expect::Oom, struck(OwnLimit, died(KILL)), true),
        ("oom of a child", Expect::Oom, struck(OwnLimit, fine()), true),
        ("oom and a failed assertion", Expect::Oom, struck(OwnLimit, panicking()), false),
        ("oom and exit", Expect::Oom, struck(OwnLimit, died(OK)), false),
        ("oom over a backtrace", Expect::Oom, dying_of(struck(OwnLimit, died(KILL))), false),
        ("timeout over a backtrace", Expect::Timeout, dying_of(late(died(KILL))), false),
        ("oom by an ancestor", Expect::Oom, struck(Ancestor, died(KILL)), false),
        ("oom of the host", Expect::Oom, struck(Host, died(KILL)), false),
        ("no oom", Expect::Oom, died(KILL), false),
        ("success for oom", Expect::Oom, fine(), false),
        ("oom, forged", Expect::Oom, Evidence { violation: Some(FORGED), ..struck(OwnLimit, fine()) }, false),
        ("timeout", Expect::Timeout, late(died(KILL)), true),
        ("timeout, init stopped", Expect::Timeout, late(Evidence { init: Some(KILL), ..died(KILL) }), true),
        ("timeout with oom", Expect::Timeout, late(struck(OwnLimit, died(KILL))), false),
        ("timeout after the verdict", Expect::Timeout, late(fine()), false),
        ("timeout after a panic", Expect::Timeout, late(panicking()), false),
        ("timeout after a crash", Expect::Timeout, late(died(SEGV)), false),
        ("timeout after an exit", Expect::Timeout, late(died(OK)), false),
        ("exit", Expect::Exit(3), exit3.clone(), true),
        ("another exit", Expect::Exit(4), exit3.clone(), false),
        ("exit by return", Expect::Exit(3), returned3, false),
        ("exit on the way out", Expect::Exit(3), Evidence { returned: Some(0), ..exit3.clone() }, false),
        ("exit by panic", Expect::Exit(101), panicking(), false),
        ("exit with oom", Expect::Exit(3), struck(OwnLimit, exit3.clone()), false),
        ("exit 0 early", Expect::Exit(0), died(OK), true),
        ("exit before the test", Expect::Exit(3), Evidence { started: false, ..exit3 }, false),
        ("signal", Expect::Signal(libc::SIGSEGV), died(SEGV), true),
        ("another signal", Expect::Signal(libc::SIGABRT), died(SEGV), false),
        ("a stop", Expect::Signal(libc::SIGSTOP), died(STOP), true),
        (
            "signal after success",
            Expect::Signal(libc::SIGSEGV),
            Evidence { body: Some(SEGV), ..fine() },
            false,
        ),
        ("signal of the init", Expect::Signal(libc::SIGKILL), init_died, false),
        ("sigkill by oom", Expect::Signal(libc::SIGKILL), struck(OwnLimit, died(KILL)), false),
    ] {
        let spec = spec().expect(expect);
        let passed = conclude(&spec, &evidence).is_ok_and(|outcome| passes(&spec, &outcome, &evidence));
        assert_eq!(passed, pass, "{what}");
    }
}

/// It could not tell all, or not kill what was left.
#[test]
fn an_init_that_gave_up_lets_nothing_pass() {
    let gave_up = Evidence { init: Some(FAILED), ..died(KILL) };
    let late = Evidence { deadline: Some(FIVE), ..gave_up.clone() };
    let oom = Evidence { oom: oom(OomBy::OwnLimit), ..gave_up };
    for (expect, evidence) in [(Expect::Timeout, late), (Expect::Oom, oom)] {
        let outcome = conclude(&spec().expect(expect), &evidence);
        assert_eq!(outcome, Ok(lost_init(Some(FAILED))), "{expect:?}");
    }
}

#[test]
fn the_inits_signal_is_not_the_bodys() {
    let evidence = Evidence { body: None, init: Some(KILL), ..died(KILL) };
    let asked = spec().expect(Expect::Signal(libc::SIGKILL));
    check(asked, [("expected of the body", evidence.clone(), signaled(libc::SIGKILL))]);
    assert!(!passes(&asked, &signaled(libc::SIGKILL), &evidence));
}

/// The causes find most of these first; the rule itself must know all of them.
#[test]
fn the_pass_rule_names_every_condition() {
    assert!(returned_success(&fine()));
    for (what, evidence) in [
        ("setup", Evidence { setup: Some(error(Step::Overlay, Errno::EINVAL)), ..fine() }),
        ("started", Evidence { started: false, ..fine() }),
        ("returned", Evidence { returned: None, ..fine() }),
        ("returned success", Evidence { returned: Some(1), ..fine() }),
        ("panicked", Evidence { panicked: Some(panic()), ..fine() }),
        ("body", Evidence { body: None, ..fine() }),
        ("body's status", Evidence { body: Some(WaitStatus::Exited(1)), ..fine() }),
        ("init", Evidence { init: None, ..fine() }),
        ("init's status", Evidence { init: Some(KILL), ..fine() }),
        ("violation", Evidence { violation: Some(FORGED), ..fine() }),
        ("oom", Evidence { oom: oom(OomBy::Host), ..fine() }),
        ("deadline", Evidence { deadline: Some(FIVE), ..fine() }),
    ] {
        assert!(!returned_success(&evidence), "{what}");
    }
}
