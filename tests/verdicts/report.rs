//! Lines of `HARNESS_REPORT`, compared with the model.

use std::path::{Path, PathBuf};

use fixtures::{Clock, Ending, Guest, Verdict};
use serde_json::Value;

/// One run of one guest, as the harness reports it.
pub(crate) struct Line(Value);

/// All lines of a report file.
pub(crate) fn read(path: &Path) -> Vec<Line> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| Line(serde_json::from_str(line).unwrap())).collect()
}

impl Line {
    /// The guest's name, as libtest says it.
    pub(crate) fn name(&self) -> &str {
        self.0["test"].as_str().and_then(|test| test.strip_prefix("guests::")).unwrap_or_default()
    }

    /// The directories of the leaf.
    pub(crate) fn cgroups(&self) -> Vec<PathBuf> {
        let cgroups = self.0["evidence"]["cgroups"].as_array().cloned().unwrap_or_default();
        cgroups.iter().filter_map(|cgroup| cgroup["path"].as_str()).map(PathBuf::from).collect()
    }

    /// What the machine lacks for this guest, and what was found of it. Skipped, or failed for that alone.
    pub(crate) fn lack(&self) -> Option<(&str, &str)> {
        let lack = &self.0["unsupported"];
        Some((lack["need"].as_str()?, lack["found"].as_str()?))
    }

    /// Skipped, because the test itself asks for that.
    pub(crate) fn is_skip(&self) -> bool {
        self.0["verdict"] == "skip"
    }

    /// Whether the kernel did not let the guest begin: its namespaces are forbidden.
    pub(crate) fn is_refused(&self) -> bool {
        let error = &self.0["setup_error"];
        error["step"] == "clone3" && (error["errno"] == "EPERM" || error["errno"] == "ENOSPC")
    }

    /// Whether this is how the guest must end; if not, what was said.
    pub(crate) fn compare(&self, guest: &Guest) -> Result<(), String> {
        let is_right = self.ends_in(guest.ending) && self.has_verdict(guest);
        let Value::Object(mut line) = self.0.clone() else { return Err(self.0.to_string()) };
        line.remove("usage");
        if is_right { Ok(()) } else { Err(format!("reported {}", Value::Object(line))) }
    }

    fn has_verdict(&self, guest: &Guest) -> bool {
        match self.0["verdict"].as_str() {
            Some("pass") => guest.verdict == Verdict::Pass,
            Some("fail") => guest.verdict == Verdict::Fail,
            // Under #[should_panic] libtest compares the message.
            Some("left_to_libtest") => guest.ending == Ending::Panicked,
            _ => false,
        }
    }

    fn ends_in(&self, ending: Ending) -> bool {
        let outcome = &self.0["outcome"];
        let is = |kind: &str| outcome["kind"] == kind;
        match ending {
            Ending::Passed => is("passed"),
            Ending::Panicked => is("panicked"),
            Ending::Returned(code) => is("returned") && outcome["code"] == code,
            Ending::Exited(code) => is("exited") && outcome["code"] == code,
            Ending::Signaled(signal) => is("signaled") && outcome["signal"] == signal,
            Ending::OomKilled => {
                let kills = outcome["kills"].as_u64().unwrap_or(0);
                is("oom_killed") && outcome["by"] == "own_limit" && kills >= 1
            }
            Ending::TimedOut(clock) => is("timed_out") && outcome["limit"]["clock"] == word(clock),
            Ending::LeftProcesses(comm) => {
                let left = outcome["processes"].as_array().cloned().unwrap_or_default();
                is("left_processes") && left.iter().any(|process| process["comm"] == comm)
            }
            Ending::Violated(kind) => is("violated") && outcome["violation"]["kind"] == kind,
            Ending::SetupError(step) => self.0["setup_error"]["step"] == step,
        }
    }
}

fn word(clock: Clock) -> &'static str {
    match clock {
        Clock::Wall => "wall",
        Clock::Cpu => "cpu",
    }
}
