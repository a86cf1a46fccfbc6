//! Programs: what they say of themselves does not exist, so every ending is what was seen of them.

use std::ffi::OsString;

use super::every::every_evidence;
use super::*;
use crate::evidence::Output;
use crate::spec::{Program, Size};

fn program<'a>(name: &'a OsString) -> Spec<'a> {
    let program = Program { command: Some(name), arguments: &[], environment: &[], output_max: Size::mib(1) };
    Spec { program: Some(program), ..spec() }
}

/// The evidence of a program that exits with 0.
fn fine() -> Evidence {
    died(OK)
}

fn flooding() -> Output {
    Output { overflows: true, ..Output::default() }
}

#[test]
fn what_is_seen_is_the_ending() {
    let name = OsString::from("sh");
    let left = Evidence { leftovers: sleeper(), ..fine() };
    let oom = |evidence| Evidence { oom: oom(OomBy::OwnLimit), ..evidence };
    let flood = |evidence| Evidence { output: flooding(), ..evidence };
    let late = |evidence| Evidence { deadline: Some(FIVE), ..evidence };
    let too_much = Outcome::WroteTooMuch { limit: 1 << 20 };
    check(
        program(&name),
        [
            ("well", fine(), Outcome::Passed),
            ("a code", died(WaitStatus::Exited(3)), Outcome::Exited(3)),
            ("a signal", died(SEGV), signaled(libc::SIGSEGV)),
            ("stopped for ever", died(STOP), signaled(libc::SIGSTOP)),
            ("killed", died(KILL), signaled(libc::SIGKILL)),
            ("killed for memory", oom(died(KILL)), killed(OomBy::OwnLimit, vec![])),
            ("well after an OOM kill", oom(fine()), killed(OomBy::OwnLimit, vec![])),
            ("a code after an OOM kill", oom(died(WaitStatus::Exited(3))), killed(OomBy::OwnLimit, vec![])),
            ("too late", late(died(KILL)), Outcome::TimedOut { limit: FIVE }),
            ("too late with output", late(flood(died(KILL))), Outcome::TimedOut { limit: FIVE }),
            ("output", flood(died(KILL)), too_much.clone()),
            ("output, then well", flood(fine()), too_much),
            ("left behind", left.clone(), Outcome::LeftProcesses(sleeper())),
            (
                "a code, left behind",
                Evidence { body: died(WaitStatus::Exited(3)).body, ..left },
                Outcome::Exited(3),
            ),
        ],
    );
}

#[test]
fn a_program_that_was_not_executed_has_not_exited() {
    let name = OsString::from("sh");
    let unstarted = |body| Evidence { started: false, ..died(body) };
    let early = Violation::OutOfOrder { frame: "an end before the program was executed" };
    let of_a_test = Violation::OutOfOrder { frame: "a verdict of a test function" };
    check(
        program(&name),
        [
            ("well", unstarted(OK), Outcome::Violated(early.clone())),
            ("a code", unstarted(WaitStatus::Exited(1)), Outcome::Violated(early)),
            ("a verdict", super::fine(), Outcome::Violated(of_a_test.clone())),
            ("a panic", panicking(), Outcome::Violated(of_a_test)),
            ("forged", Evidence { violation: Some(FORGED), ..fine() }, Outcome::Violated(FORGED)),
            ("the init alone", Evidence { body: None, ..fine() }, lost(Some(OK))),
            (
                "the init, killed",
                Evidence { body: None, init: Some(KILL), ..fine() },
                signaled(libc::SIGKILL),
            ),
            ("the init after it", Evidence { init: Some(KILL), ..fine() }, lost(Some(KILL))),
        ],
    );
}

/// The program's ending is no failure that a clean-up could hide.
#[test]
fn a_clean_up_that_failed_is_an_error_whatever_the_ending() {
    let name = OsString::from("sh");
    let error = error(Step::RemoveLeaf, Errno::EBUSY);
    for body in [OK, WaitStatus::Exited(3), KILL] {
        let evidence = Evidence { cleanup: vec![error.clone()], ..died(body) };
        assert_eq!(conclude(&program(&name), &evidence), Err(error.clone()), "{body:?}");
    }
}

#[test]
fn passed_comes_out_exactly_by_the_pass_rule_of_programs() {
    let name = OsString::from("sh");
    for evidence in every_evidence() {
        for (leaks, leaks_fail) in [(Leaks::Fail, true), (Leaks::Warn, false), (Leaks::Allow, false)] {
            for flood in [false, true] {
                let output = if flood { flooding() } else { Output::default() };
                let evidence = Evidence { output, ..evidence.clone() };
                let passed = conclude(&program(&name).leaks(leaks), &evidence) == Ok(Outcome::Passed);
                assert_eq!(passed, may_pass(&evidence, leaks_fail), "{leaks:?} {evidence:?}");
            }
        }
    }
}

/// What must be seen for a pass, and what must not, written down a second time.
fn may_pass(evidence: &Evidence, leaks_fail: bool) -> bool {
    let Evidence { setup, started, returned, panicked, violation, body, init, .. } = evidence;
    let Evidence { deadline, oom, leftovers, cleanup, output, .. } = evidence;
    let good = *started && *body == Some(OK) && *init == Some(OK);
    let silent = returned.is_none() && panicked.is_none() && violation.is_none();
    let undisturbed = deadline.is_none() && oom.is_none() && !output.overflows;
    let clean = setup.is_none() && cleanup.is_empty() && (leftovers.is_empty() || !leaks_fail);
    good && silent && undisturbed && clean
}
