//! Every combination of evidence, policy and expectation, against rules written down a second time.

use super::*;

/// Every combination of these; with the policies and expectations, about a million runs are judged.
pub(super) fn every_evidence() -> impl Iterator<Item = Evidence> {
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
    let sound = setup.is_none()
        && violation.is_none()
        && cleanup.is_empty()
        && *started
        && panicked.is_none()
        // It could not tell all, or not kill all.
        && *init != Some(WaitStatus::Exited(1));
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
            Expect::Timeout => {
                deadline.is_some()
                    && oom.is_none()
                    && returned.is_none()
                    && (body.is_none() || *body == Some(KILL))
            }
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
