//! One run of all guests: where its report and temporary files go, and what it left behind.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::binary;
use crate::report;

/// Stands in the environment of every process of a run.
const MARK: &str = "VERDICTS_RUN";

/// A run before, while and after it takes place.
pub(crate) struct Run {
    mark: String,
    directory: tempfile::TempDir,
    mounts: BTreeSet<String>,
}

impl Run {
    /// To be called before anything is started.
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("tmp")).unwrap();
        Self { mark: format!("{MARK}={}.{number}", std::process::id()), directory, mounts: mounts() }
    }

    /// The file of `HARNESS_REPORT`.
    pub(crate) fn report(&self) -> PathBuf {
        self.directory.path().join("report")
    }

    fn temporary(&self) -> PathBuf {
        self.directory.path().join("tmp")
    }

    /// Sets up a command to be this run, and reads its stdout and stderr to their ends.
    pub(crate) fn output(&self, command: &mut Command) -> String {
        harness_tests::build::clean(command);
        let (name, value) = self.mark.split_once('=').unwrap();
        command.env(name, value).env("HARNESS_REPORT", self.report()).env("TMPDIR", self.temporary());
        command.env(fixtures::PROGRAMS_VARIABLE, &binary::guests().programs);
        let output = command.output().unwrap();
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat()
    }

    /// What is still there.
    pub(crate) fn remains(&self) -> Vec<String> {
        let cgroups = report::read(&self.report()).into_iter().flat_map(|line| line.cgroups());
        let cgroups = cgroups.filter(|path| path.exists()).map(|path| format!("cgroup {}", path.display()));
        let mounts =
            mounts().difference(&self.mounts).map(|line| format!("mount {line}")).collect::<Vec<_>>();
        let files = fs::read_dir(self.temporary()).unwrap().flatten();
        let files = files.map(|entry| format!("file {}", entry.path().display()));
        cgroups.chain(mounts).chain(files).chain(self.processes()).collect()
    }

    /// A zygote ends when it sees that its runner has: that may be a moment later.
    fn processes(&self) -> Vec<String> {
        let patience = Instant::now() + Duration::from_secs(10);
        loop {
            let alive = marked(&self.mark);
            if alive.is_empty() || Instant::now() > patience {
                return alive;
            }
            std::thread::yield_now();
        }
    }
}

/// Processes with this in their environment; their names with their pids.
fn marked(mark: &str) -> Vec<String> {
    let pids = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
    let marked = pids.filter(|process| has_mark(process, mark));
    marked.map(|process| format!("process {} {}", process.display(), comm(&process))).collect()
}

fn has_mark(process: &Path, mark: &str) -> bool {
    let environment = fs::read(process.join("environ")).unwrap_or_default();
    environment.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes())
}

fn comm(process: &Path) -> String {
    fs::read_to_string(process.join("comm")).unwrap_or_default().trim_end().to_owned()
}

fn mounts() -> BTreeSet<String> {
    fs::read_to_string("/proc/self/mountinfo").unwrap().lines().map(str::to_owned).collect()
}
