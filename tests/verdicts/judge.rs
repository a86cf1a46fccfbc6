//! What was said of the guests, compared with the model and counted.

use fixtures::{GUESTS, Guest, Verdict};
use harness_tests::skip::skip;

use crate::report::Line;
use crate::{Said, Sayings};

/// The comparison of some runs.
#[derive(Default)]
pub(crate) struct Judge {
    judged: usize,
    false_passes: usize,
    false_failures: usize,
    /// Guests that could not begin.
    refused: usize,
    complaints: Vec<String>,
}

impl Judge {
    /// Compares one run of all guests.
    pub(crate) fn compare(&mut self, sayings: &Sayings, report: &[Line]) {
        for guest in GUESTS {
            self.judged += 1;
            let lines: Vec<_> = report.iter().filter(|line| line.name() == guest.name).collect();
            match (sayings.get(guest.name), lines.as_slice()) {
                (Some(said), [line]) => self.compare_both(guest, said, line),
                (None, _) => self.complain(guest, "was not run"),
                (_, lines) => self.complain(guest, &format!("has {} lines in the report", lines.len())),
            }
        }
    }

    fn compare_both(&mut self, guest: &Guest, said: &Said, line: &Line) {
        match (line.compare(guest), line.lack()) {
            // It asks for that itself.
            (Err(_), Some((need, found))) if may_lack() && line.is_skip() => {
                skip(&format!("verdicts::{}", guest.name), need, found);
            }
            (Err(_), Some(lack)) if may_lack() => self.lacks(guest, said, lack),
            (Err(_), None) if may_lack() && line.is_refused() => self.refuses(guest, said),
            (compared, _) => {
                self.compare_one(guest, said);
                if let Err(found) = compared {
                    self.complain(guest, &found);
                }
            }
        }
    }

    /// A guest that the machine cannot run, whatever it does: nothing in it passes. The list of skips that a
    /// machine is expected to have names it.
    fn lacks(&mut self, guest: &Guest, said: &Said, (need, found): (&str, &str)) {
        if said.passed {
            self.false_passes += 1;
            self.complain(guest, &format!("FALSE PASS without {need}"));
        } else if !said.shown.contains(&format!("\n  needs   {need}")) {
            self.complain(guest, &format!("does not show what it needs:\n{}", cut(&said.shown)));
        }
        skip(&format!("verdicts::{}", guest.name), need, found);
    }

    /// A guest on a machine without user namespaces. All of them together are one skip.
    fn refuses(&mut self, guest: &Guest, said: &Said) {
        if said.passed {
            self.false_passes += 1;
            self.complain(guest, "FALSE PASS without namespaces");
        } else if !["did not run", "\n  remedy  "].iter().all(|words| said.shown.contains(words)) {
            self.complain(guest, &format!("does not show why it did not run:\n{}", cut(&said.shown)));
        }
        if self.refused == 0 {
            skip("verdicts::guests", "namespaces", "forbidden here");
        }
        self.refused += 1;
    }

    fn compare_one(&mut self, guest: &Guest, said: &Said) {
        match (guest.verdict, said.passed) {
            (Verdict::Fail, true) => {
                self.false_passes += 1;
                self.complain(guest, "FALSE PASS");
            }
            (Verdict::Pass, false) => {
                self.false_failures += 1;
                self.complain(guest, &format!("FALSE FAILURE\n{}", cut(&said.shown)));
            }
            (Verdict::Pass, true) | (Verdict::Fail, false) => {}
        }
        // nextest shows what every test used; nothing else is said of a test that passed.
        let words = said.shown.replace(&format!("isolated test guests::{} used ", guest.name), "");
        let is_silent = guest.verdict == Verdict::Fail || !guest.shows.is_empty();
        if !is_silent && words.contains("isolated test guests::") {
            self.complain(guest, &format!("is not silent:\n{}", cut(&said.shown)));
        }
        for needle in guest.shows.iter().filter(|needle| !said.shown.contains(**needle)) {
            self.complain(guest, &format!("does not show {needle:?}:\n{}", cut(&said.shown)));
        }
    }

    /// Nothing may be left.
    pub(crate) fn check(&mut self, remains: Vec<String>) {
        self.complaints.extend(remains.into_iter().map(|what| format!("left behind: {what}")));
    }

    fn complain(&mut self, guest: &Guest, what: &str) {
        self.complaints.push(format!("{} ({:?}) {what}", guest.name, guest.ending));
    }

    /// A row of the table of `ci/soak.sh`.
    pub(crate) fn row(&self, mode: &str, repeats: usize) -> String {
        let Self { judged, false_passes, false_failures, complaints, .. } = self;
        format!(
            "| {mode:<10} | {repeats:>4} runs | {judged:>6} verdicts | {false_passes:>3} false passes \
             | {false_failures:>3} false failures | {:>3} complaints |",
            complaints.len()
        )
    }

    /// # Panics
    /// With all complaints, if there are any.
    pub(crate) fn conclude(self) {
        let count = self.complaints.len();
        assert!(count == 0, "{count} complaints:\n{}", self.complaints.join("\n"));
    }
}

/// Where tests are skipped, machines lack something.
fn may_lack() -> bool {
    std::env::var_os("HARNESS_UNSUPPORTED").is_some_and(|value| value == "skip")
}

/// A guest may have flooded its output.
fn cut(text: &str) -> &str {
    text.char_indices().nth(4000).map_or(text, |(end, _)| &text[..end])
}
