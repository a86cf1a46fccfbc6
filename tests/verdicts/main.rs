//! Every guest of `tests/guests/` is judged as `fixtures::GUESTS` says: by libtest (in parallel and one
//! after the other), by nextest, and in the JSON report; and nothing is left behind.
//!
//! `HARNESS_REPEATS=50` repeats each of these (`ci/soak.sh`).
#![expect(clippy::unwrap_used, reason = "a test: what is not as it must be here fails it")]

mod binary;
mod judge;
mod libtest;
mod nextest;
mod remains;
mod report;

use harness_tests::machine::Need;
use harness_tests::needs;
use std::collections::{BTreeSet, HashMap};

use fixtures::GUESTS;

use crate::judge::Judge;

/// What a test runner says of one guest.
pub(crate) struct Said {
    /// Whether it calls the test passed.
    pub(crate) passed: bool,
    /// What it shows of the test's output.
    pub(crate) shown: String,
}

/// By the guest's name.
pub(crate) type Sayings = HashMap<String, Said>;

#[test]
fn the_model_names_every_guest() {
    let listed: BTreeSet<String> = libtest::list().into_iter().collect();
    let known: BTreeSet<String> = GUESTS.iter().map(|guest| guest.name.to_owned()).collect();
    assert_eq!(known.len(), GUESTS.len(), "a guest stands twice in the model");
    assert_eq!(listed, known, "left: tests/guests, right: fixtures/src/table.rs");
}

#[test]
fn in_parallel() {
    repeat("parallel", |run| libtest::run(run, &[]));
}

#[test]
fn one_after_the_other() {
    repeat("one thread", |run| libtest::run(run, &["--test-threads=1"]));
}

#[test]
fn under_nextest() {
    needs!(Need::Nextest);
    repeat("nextest", nextest::run);
}

/// Runs all guests as often as asked, and compares.
fn repeat(mode: &str, run: impl Fn(&remains::Run) -> Sayings) {
    let repeats = std::env::var("HARNESS_REPEATS").map_or(1, |count| count.parse().expect("a number"));
    assert!(repeats > 0, "HARNESS_REPEATS=0 would judge nothing");
    let mut judge = Judge::default();
    for _ in 0..repeats {
        let place = remains::Run::new();
        let sayings = run(&place);
        judge.compare(&sayings, &report::read(&place.report()));
        judge.check(place.remains());
    }
    println!("{}", judge.row(mode, repeats));
    judge.conclude();
}
