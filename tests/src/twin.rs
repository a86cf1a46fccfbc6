//! Runs tests of the `twins` binary and looks at them from outside.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value;
use tempfile::TempDir;

use crate::build;
use crate::gate::{self, Gate};
use crate::profile::{Filter, Refusal};
use crate::{outside, sys};

/// Every process of a run carries it in its environment.
const MARK: &str = "HARNESS_TWIN";

/// A run of some of the twins, not started yet.
#[derive(Debug)]
pub struct Twin {
    command: Command,
    mark: String,
    /// `TMPDIR` of the runner: must be empty afterwards.
    temporary: TempDir,
    /// Gates, report and output: what the test outside knows about.
    directory: TempDir,
    /// How many tests run, where they are given by name.
    count: Option<usize>,
}

impl Twin {
    /// These tests, by their full names.
    pub fn tests(names: &[&str]) -> Self {
        Self::through(&[], binary()).exactly(names)
    }

    /// Every test of a module.
    pub fn module(name: &str) -> Self {
        let mut twin = Self::through(&[], binary());
        twin.command.arg(format!("{name}::"));
        twin
    }

    /// These tests, in a shell that first runs `script`; the shell itself is run by the `outer` command.
    pub fn in_shell(outer: &[&str], script: &str, names: &[&str]) -> Self {
        Self::copy_in_shell(outer, script, binary(), names)
    }

    /// As [`Twin::in_shell`], with a copy of the binary.
    pub fn copy_in_shell(outer: &[&str], script: &str, binary: &Path, names: &[&str]) -> Self {
        Self::program(outer, script, binary).exactly(names)
    }

    fn exactly(mut self, names: &[&str]) -> Self {
        self.command.arg("--exact").args(names);
        self.count = Some(names.iter().collect::<BTreeSet<_>>().len());
        self
    }

    /// Another program than the twins, in a shell that first runs `script`, run by the `outer` command.
    pub fn program(outer: &[&str], script: &str, program: &Path) -> Self {
        let script = format!("{script}\nexec \"$0\" \"$@\"");
        Self::through(&[outer, &["sh", "-euc", &script]].concat(), program)
    }

    fn through(outer: &[&str], binary: &Path) -> Self {
        let mut words = outer.iter().map(OsStr::new).chain([binary.as_os_str()]);
        let mut command = Command::new(words.next().unwrap_or_default());
        command.args(words);
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let mark = format!("{}.{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let [temporary, directory] = [(), ()].map(|()| open_directory());
        command.stdin(Stdio::null());
        command.env(MARK, &mark).env(gate::DIRECTORY, directory.path());
        command.env("TMPDIR", temporary.path()).env("HARNESS_REPORT", directory.path().join("report"));
        // What the outer run was asked for is not asked of this one.
        for name in ["RUST_BACKTRACE", "RUST_TEST_NOCAPTURE", "RUST_TEST_THREADS", "NEXTEST"] {
            command.env_remove(name);
        }
        for name in ["HARNESS_UNSUPPORTED", "HARNESS_REQUIRE"] {
            command.env_remove(name);
        }
        Self { command, mark, temporary, directory, count: None }
    }

    /// Adds an argument for libtest.
    #[must_use]
    pub fn arg(mut self, argument: &str) -> Self {
        self.command.arg(argument);
        self
    }

    /// Sets a variable of the runner.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Removes a variable of the runner.
    #[must_use]
    pub fn env_remove(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    /// Gives the command to `change`.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut Command)) -> Self {
        change(&mut self.command);
        self
    }

    /// Refuses these system calls to the runner and all that comes from it.
    #[must_use]
    pub fn refused(self, refusals: &[Refusal]) -> Self {
        let filter = Filter::new(refusals);
        self.with(|command| sys::before_exec(command, move || filter.load()))
    }

    /// The directory that the test and its guests share.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// A gate for the guests of this run.
    pub fn gate(&self, name: &str) -> Gate {
        Gate::new(self.directory.path(), name)
    }

    /// Starts the runner with its output in files.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start(mut self) -> Running {
        let file = |name| File::create(self.directory.path().join(name)).expect("a file for output");
        self.command.stdout(file("stdout")).stderr(file("stderr"));
        self.start_as_it_is()
    }

    /// Starts the runner with the output that the command has.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start_as_it_is(mut self) -> Running {
        let child = self.command.spawn().expect("start the twins");
        let pid = i32::try_from(child.id()).expect("a pid");
        Running {
            pid,
            child,
            reaper: Reaper(Some(pid)),
            mark: self.mark,
            temporary: self.temporary,
            directory: self.directory,
            count: self.count,
        }
    }

    /// Runs to the end.
    ///
    /// # Panics
    /// When something is left behind.
    pub fn run(self) -> Ran {
        self.start().finish()
    }
}

/// A directory that every user can use.
fn open_directory() -> TempDir {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let everybody = fs::Permissions::from_mode(0o1777);
    fs::set_permissions(directory.path(), everybody).expect("open a directory to everybody");
    directory
}

/// A runner at work.
#[derive(Debug)]
pub struct Running {
    /// Of the runner.
    pub pid: i32,
    /// The runner.
    pub child: std::process::Child,
    reaper: Reaper,
    mark: String,
    temporary: TempDir,
    directory: TempDir,
    count: Option<usize>,
}

/// A test that fails while its runner runs does not leave it behind.
#[derive(Debug)]
struct Reaper(Option<i32>);

impl Drop for Reaper {
    fn drop(&mut self) {
        if let Some(pid) = self.0 {
            // The test has failed already; ESRCH says that there is nothing to do.
            let _ =
                nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL);
            let _ = sys::reap(pid);
        }
    }
}

impl Running {
    /// Every process of the run.
    pub fn processes(&self) -> Vec<outside::Process> {
        outside::carrying(MARK, &self.mark)
    }

    /// The one process of the run of this name.
    ///
    /// # Panics
    /// When there is none.
    pub fn process(&self, comm: &str) -> outside::Process {
        let all = self.processes();
        let found = all.iter().find(|process| process.comm == comm);
        found.unwrap_or_else(|| panic!("no {comm} among {all:?}")).clone()
    }

    /// The value of a file of this run's leaf, under the first of these names that is there.
    ///
    /// # Panics
    /// When no leaf has such a file.
    pub fn figure(&self, names: &[&str]) -> String {
        let leaves = outside::leaves(self.pid);
        let paths = names.iter().flat_map(|name| leaves.iter().map(move |leaf| leaf.join(name)));
        let value = paths.filter_map(|path| fs::read_to_string(path).ok()).next();
        value.unwrap_or_else(|| panic!("none of {names:?} in {leaves:?}")).trim().to_owned()
    }

    /// Waits for the end of the runner, and checks that it left nothing behind.
    ///
    /// # Panics
    /// With what was left behind.
    pub fn finish(self) -> Ran {
        let ran = self.end();
        ran.left_nothing();
        ran
    }

    /// Waits for the end of the runner and of all its processes.
    ///
    /// # Panics
    /// With the processes that do not end.
    pub fn end(mut self) -> Ran {
        assert!(sys::ends(self.pid), "the runner does not end: {:?}", self.processes());
        let ended = sys::reap(self.pid).expect("reap the runner");
        self.reaper.0 = None;
        outside::until_none_carries(MARK, &self.mark);
        let read = |name| {
            let bytes = fs::read(self.directory.path().join(name)).unwrap_or_default();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        Ran {
            pid: self.pid,
            ended,
            stdout: read("stdout"),
            stderr: read("stderr"),
            report: read("report"),
            temporary: self.temporary,
            directory: self.directory,
            count: self.count,
        }
    }
}

/// A run that is over.
#[derive(Debug)]
pub struct Ran {
    /// Of the runner.
    pub pid: i32,
    /// How the runner ended.
    pub ended: sys::Ended,
    /// All that it wrote.
    pub stdout: String,
    /// All that it wrote.
    pub stderr: String,
    report: String,
    temporary: TempDir,
    /// The directory that the test and its guests shared.
    pub directory: TempDir,
    count: Option<usize>,
}

impl Ran {
    /// No cgroup leaf and no temporary file is left.
    ///
    /// # Panics
    /// With what is left.
    pub fn left_nothing(&self) {
        let leaves = outside::leaves(self.pid);
        assert!(leaves.is_empty(), "cgroup leaves left: {leaves:?}\n{}", self.output());
        // Of a runner that is not our own child, too.
        let left: Vec<_> = self.cgroups().into_iter().filter(|path| path.exists()).collect();
        assert!(left.is_empty(), "cgroups left: {left:?}\n{}", self.output());
        let files: Vec<_> = fs::read_dir(self.temporary.path()).expect("TMPDIR").flatten().collect();
        assert!(files.is_empty(), "files left: {files:?}");
    }

    /// The leaves that the report names.
    fn cgroups(&self) -> Vec<PathBuf> {
        let runs = self.runs();
        let all = runs.iter().filter_map(|run| run["evidence"]["cgroups"].as_array()).flatten();
        all.filter_map(|cgroup| cgroup["path"].as_str().map(PathBuf::from)).collect()
    }

    /// Whether libtest says that all is well. It is content with a name that no test has; we are not.
    pub fn passed(&self) -> bool {
        self.ended.status.success() && self.began_all()
    }

    fn began_all(&self) -> bool {
        let count = |line: &str| line.strip_prefix("running ")?.split(' ').next()?.parse::<usize>().ok();
        match self.stdout.lines().find_map(count) {
            Some(count) => self.count.map_or(count > 0, |asked| asked == count),
            // Its output went elsewhere, or it is another program.
            None => true,
        }
    }

    /// Fails the test outside when a twin failed.
    ///
    /// # Panics
    /// With the twin's output.
    pub fn must_pass(&self) {
        assert!(self.passed(), "{}", self.output());
    }

    /// Everything it wrote.
    pub fn output(&self) -> String {
        format!("{}\n{}", self.stdout, self.stderr)
    }

    /// The report's lines, one for each run.
    ///
    /// # Panics
    /// When a line is no JSON.
    pub fn runs(&self) -> Vec<Value> {
        let parse = |line| serde_json::from_str(line).expect("a line of JSON");
        self.report.lines().map(parse).collect()
    }

    /// The report of the only run of this test.
    ///
    /// # Panics
    /// When there is none.
    pub fn run_of(&self, test: &str) -> Value {
        let name = format!("twins::{test}");
        let found = self.runs().into_iter().find(|run| run["test"] == *name);
        found.unwrap_or_else(|| panic!("no report of {name}:\n{}", self.output()))
    }

    /// A figure of the only run of this test.
    pub fn figure(&self, test: &str, name: &str) -> Option<u64> {
        self.run_of(test)["usage"][name]["value"].as_u64()
    }

    /// The name of the outcome of the only run of this test.
    pub fn outcome(&self, test: &str) -> String {
        let run = self.run_of(test);
        run["outcome"]["kind"].as_str().unwrap_or_default().to_owned()
    }
}

/// The `twins` binary, built if need be and possible.
///
/// # Panics
/// When it cannot be built.
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        build::binary("twins", &["test", "--workspace", "--all-features", "--test", "twins", "--no-run"])
    })
}
