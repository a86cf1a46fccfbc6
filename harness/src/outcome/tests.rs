//! A table of endings, and every combination of evidence against rules written down a second time.

use std::path::Path;
use std::time::Duration;

use nix::errno::Errno;

use super::*;
use crate::error::Step;
use crate::evidence::{Oom, Panic};

const OK: WaitStatus = WaitStatus::Exited(0);
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
    Some(Oom { by, kills: 1, victims: Vec::new() })
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

fn too_early(frame: &'static str) -> Outcome {
    Outcome::Violated(Violation::OutOfOrder { frame })
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
            ("success unasked", Evidence { started: false, ..fine() }, too_early("Returned")),
            ("panic unasked", Evidence { started: false, ..panicking() }, too_early("Panicked")),
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
    let exit3 = died(WaitStatus::Exited(3));
    let returned3 = Evidence { returned: Some(3), ..exit3.clone() };
    let init_died = Evidence { body: None, init: Some(KILL), ..died(KILL) };
    for (what, expect, evidence, pass) in [
        ("success", Expect::Success, fine(), true),
        ("oom", Expect::Oom, struck(OwnLimit, died(KILL)), true),
        ("oom of a child", Expect::Oom, struck(OwnLimit, fine()), true),
        ("oom and a failed assertion", Expect::Oom, struck(OwnLimit, panicking()), false),
        ("oom and exit", Expect::Oom, struck(OwnLimit, died(OK)), false),
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

/// Every combination of these; about 2 million runs are judged.
fn every_evidence() -> impl Iterator<Item = Evidence> {
    let flags = || [false, true].into_iter();
    let bodies = [None, Some(OK), Some(WaitStatus::Exited(1)), Some(SEGV), Some(KILL), Some(STOP)];
    let inits = [None, Some(OK), Some(WaitStatus::Exited(1)), Some(KILL)];
    let ooms = [None, oom(OomBy::OwnLimit), oom(OomBy::Ancestor)];
    let said = flags().flat_map(move |started| {
        [None, Some(0), Some(1)].into_iter().flat_map(move |returned| {
            flags().flat_map(move |panicked| flags().map(move |forged| (started, returned, panicked, forged)))
        })
    });
    let seen: Vec<_> = bodies
        .into_iter()
        .flat_map(|body| inits.into_iter().map(move |init| (body, init)))
        .flat_map(|ends| ooms.clone().into_iter().map(move |oom| (ends, oom)))
        .collect();
    let around: Vec<_> = (0..16u8).map(|bits| [1, 2, 4, 8].map(|bit| bits & bit != 0)).collect();
    said.flat_map(move |(started, returned, has_panicked, forged)| {
        let around = around.clone();
        seen.clone().into_iter().flat_map(move |((body, init), oom)| {
            around.clone().into_iter().map(move |[setup, late, leftovers, cleanup]| Evidence {
                setup: setup.then(|| error(Step::Overlay, Errno::EINVAL)),
                started,
                returned,
                panicked: has_panicked.then(panic),
                violation: forged.then_some(FORGED),
                body,
                init,
                deadline: late.then_some(FIVE),
                oom: oom.clone(),
                leftovers: if leftovers { sleeper() } else { Vec::new() },
                cleanup: if cleanup { vec![error(Step::RemoveLeaf, Errno::EBUSY)] } else { Vec::new() },
                ..Evidence::default()
            })
        })
    })
}

fn every_policy() -> Vec<(Spec<'static>, bool)> {
    let bare = Spec::new("demo::it", "/demo");
    let pid = bare.unshare(Namespaces::PID);
    let given = [(Leaks::Fail, true), (Leaks::Warn, false), (Leaks::Allow, false)];
    let given =
        given.into_iter().flat_map(|(leaks, fails)| [bare, pid].map(|spec| (spec.leaks(leaks), fails)));
    [(bare, false), (pid, true)].into_iter().chain(given).collect()
}

/// Design 2, a second time: what must be seen for a pass, and what must not.
fn may_pass(evidence: &Evidence, leaks_fail: bool) -> bool {
    let Evidence { setup, started, returned, panicked, violation, body, init, .. } = evidence;
    let Evidence { deadline, oom, leftovers, cleanup, .. } = evidence;
    let good = *started && *returned == Some(0) && *body == Some(OK) && *init == Some(OK);
    let bad = setup.is_some()
        || panicked.is_some()
        || violation.is_some()
        || deadline.is_some()
        || oom.is_some()
        || !cleanup.is_empty()
        || (leaks_fail && !leftovers.is_empty());
    good && !bad
}

/// The same for a test that expects another ending.
fn may_pass_as(expect: Expect, evidence: &Evidence, leaks_fail: bool) -> bool {
    let Evidence { setup, started, returned, panicked, violation, body, init, .. } = evidence;
    let Evidence { deadline, oom, leftovers, cleanup, .. } = evidence;
    let sound =
        setup.is_none() && violation.is_none() && cleanup.is_empty() && *started && panicked.is_none();
    let undisturbed = deadline.is_none() && oom.is_none();
    let clean = *init == Some(OK) && (leftovers.is_empty() || !leaks_fail);
    sound
        && match expect {
            Expect::Success => may_pass(evidence, leaks_fail),
            Expect::Oom => {
                deadline.is_none()
                    && oom.as_ref().is_some_and(|oom| oom.by == OomBy::OwnLimit)
                    && ((*body == Some(KILL) && returned.is_none())
                        || (*body == Some(OK) && *returned == Some(0)))
            }
            Expect::Timeout => deadline.is_some() && oom.is_none() && returned.is_none(),
            Expect::Exit(code) => {
                undisturbed && clean && *body == Some(WaitStatus::Exited(code)) && returned.is_none()
            }
            Expect::Signal(signal) => {
                let died = *body == Some(STOP) && signal == libc::SIGSTOP
                    || *body == Some(SEGV) && signal == libc::SIGSEGV
                    || *body == Some(KILL) && signal == libc::SIGKILL;
                undisturbed && clean && died && returned.is_none()
            }
        }
}

#[test]
fn passed_comes_out_exactly_by_the_pass_rule() {
    let policies = every_policy();
    for evidence in every_evidence() {
        for (spec, leaks_fail) in &policies {
            let passed = conclude(spec, &evidence) == Ok(Outcome::Passed);
            assert_eq!(passed, may_pass(&evidence, *leaks_fail), "{spec:?} {evidence:?}");
        }
    }
}

#[test]
fn a_test_passes_exactly_by_what_it_expects() {
    let expects = [
        Expect::Success,
        Expect::Oom,
        Expect::Timeout,
        Expect::Exit(0),
        Expect::Exit(1),
        Expect::Signal(libc::SIGSEGV),
        Expect::Signal(libc::SIGKILL),
        Expect::Signal(libc::SIGSTOP),
    ];
    for evidence in every_evidence() {
        for expect in expects {
            for (leaks, leaks_fail) in [(Leaks::Fail, true), (Leaks::Warn, false)] {
                let spec = spec().leaks(leaks).expect(expect);
                let outcome = conclude(&spec, &evidence);
                let passed = outcome.is_ok_and(|outcome| passes(&spec, &outcome, &evidence));
                assert_eq!(passed, may_pass_as(expect, &evidence, leaks_fail), "{expect:?} {evidence:?}");
            }
        }
    }
}

/// Only a panic that nothing speaks against may unwind into libtest.
#[test]
fn under_should_panic_only_a_sound_panic_is_resumed() {
    for evidence in every_evidence() {
        let spec = spec().should_panic();
        let outcome = conclude(&spec, &evidence);
        let Evidence { setup, violation, deadline, oom, leftovers, cleanup, .. } = &evidence;
        let exited = matches!(evidence.body, Some(WaitStatus::Exited(_))) && evidence.init == Some(OK);
        let undisturbed = setup.is_none() && violation.is_none() && deadline.is_none() && oom.is_none();
        let clean = leftovers.is_empty() && cleanup.is_empty();
        let sound = evidence.started && evidence.panicked.is_some() && exited && undisturbed && clean;
        assert_eq!(matches!(outcome, Ok(Outcome::Panicked { .. })), sound, "{evidence:?}");
        assert!(!outcome.is_ok_and(|outcome| passes(&spec, &outcome, &evidence)), "{evidence:?}");
    }
}
