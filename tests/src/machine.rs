//! What a test that looks from outside needs of the machine; an isolated test says it by its arguments.
//!
//! Where it is not there, the test goes the way of an isolated one: it fails with need, found and remedy,
//! or, where `HARNESS_UNSUPPORTED=skip` allows it, is skipped with a line on the real stderr and one in
//! `HARNESS_REPORT`. `ci/vm.sh` compares these with what every machine is expected to skip.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::sync::Mutex;

use serde_json::Value;

use crate::skip::skip;
use crate::twin::Twin;
use crate::{fixture, prebuilt};

/// Something that is there or not.
#[derive(Debug, Clone, Copy)]
pub enum Need {
    /// Privilege outside: the test mounts, or changes its user.
    Root,
    /// The compiler: the test makes a program.
    Compiler,
    /// cargo-nextest. Optional everywhere: without it the test is skipped whatever is allowed.
    Nextest,
    /// A registry of images to start, and what fills it: docker-registry, skopeo, htpasswd, openssl.
    Registry,
    /// A kernel that keeps the peak of a leaf's memory.
    MemoryPeak,
    /// More than one processor.
    Processors,
    /// A root filesystem or an image of `fixtures/make.sh`.
    Fixture(&'static str),
    /// What this twin needs, by its full name.
    Twin(&'static str),
}

impl Need {
    /// A leaf with a limit of memory.
    pub const MEMORY: Self = Self::Twin("needs::mem");
    /// A leaf with a limit of processes.
    pub const PIDS: Self = Self::Twin("needs::pids");
    /// A leaf with a limit of CPU time.
    pub const CPU: Self = Self::Twin("needs::cpu");
    /// A leaf that counts CPU time.
    pub const CPU_TIME: Self = Self::Twin("needs::cpu_time");
    /// A leaf with a set of CPUs.
    pub const CPUSET: Self = Self::Twin("needs::cpuset");
    /// A cgroup namespace.
    pub const CGROUP_NAMESPACE: Self = Self::Twin("namespaces::tells::cgroup");
    /// A root filesystem of its own, copy-on-write.
    pub const OVERLAY: Self = Self::Twin("needs::foreign_root");
    /// A pid and a UTS namespace.
    pub const NAMESPACES: Self = Self::Twin("needs::pid_and_uts");

    fn lack(self) -> Option<Lack> {
        match self {
            Self::Root => (!nix::unistd::geteuid().is_root()).then(|| Lack {
                need: "root".to_owned(),
                found: format!("user {}", nix::unistd::geteuid()),
                remedy: "run the tests as root".to_owned(),
            }),
            Self::Compiler => program("rustc", &["--version"], "install the Rust toolchain"),
            Self::Nextest => {
                program(env!("CARGO"), &["nextest", "--version"], "cargo install --locked cargo-nextest")
            }
            Self::Registry => registry(),
            Self::Processors => one_processor(),
            Self::MemoryPeak => twin("needs::mem").or_else(memory_peak),
            Self::Fixture(name) => brought(name),
            Self::Twin(name) => twin(name),
        }
    }
}

/// Why something is not there.
#[derive(Debug, Clone)]
struct Lack {
    need: String,
    found: String,
    remedy: String,
}

/// Whether a program does this.
fn program(name: &str, arguments: &[&str], remedy: &str) -> Option<Lack> {
    let words = [&[name.rsplit('/').next().unwrap_or(name)], arguments].concat();
    let mut command = Command::new(name);
    let status = command.args(arguments).stdin(Stdio::null()).output().map(|output| output.status);
    let found = match status {
        Ok(status) if status.success() => return None,
        Ok(status) => status.to_string(),
        Err(error) => error.to_string(),
    };
    Some(Lack { need: words[..words.len() - 1].join(" "), found, remedy: remedy.to_owned() })
}

/// Made now where they can be: a script that fails is a failure, not something that the machine lacks.
fn brought(name: &str) -> Option<Lack> {
    let prebuilt = std::env::var_os(prebuilt::DIRECTORY).is_some();
    let found = match fixture::made(name) {
        Ok(_) => return None,
        Err(found) => found,
    };
    assert!(prebuilt, "the fixture {name}: {found}");
    let remedy = format!("fixtures/make.sh {name}, where the payload is made");
    Some(Lack { need: format!("the fixture {name}"), found, remedy })
}

fn registry() -> Option<Lack> {
    let remedy = "apt-get install docker-registry skopeo apache2-utils openssl";
    let programs = [("docker-registry", "--version"), ("skopeo", "--version"), ("openssl", "version")];
    let lack = programs.into_iter().find_map(|(name, argument)| program(name, &[argument], remedy));
    // It has no option that does nothing.
    lack.or_else(|| program("htpasswd", &["-nbB", "user", "password"], remedy))
}

fn one_processor() -> Option<Lack> {
    let count = std::thread::available_parallelism().expect("the number of processors").get();
    (count == 1).then(|| Lack {
        need: "a second processor".to_owned(),
        found: "one".to_owned(),
        remedy: "a machine with more".to_owned(),
    })
}

/// Absent on cgroup v2 before Linux 5.19.
fn memory_peak() -> Option<Lack> {
    let run = Twin::tests(&["needs::mem"]).run().run_of("needs::mem");
    run["usage"]["memory_peak"].is_null().then(|| Lack {
        need: "memory.peak".to_owned(),
        found: "the kernel keeps none".to_owned(),
        remedy: "Linux 5.19 or newer".to_owned(),
    })
}

/// What the harness says of this machine when it runs the twin: once for each.
fn twin(name: &'static str) -> Option<Lack> {
    static KNOWN: Mutex<BTreeMap<&'static str, Option<Lack>>> = Mutex::new(BTreeMap::new());
    let mut known = KNOWN.lock().expect("no probe has panicked");
    known.entry(name).or_insert_with(|| probe(name)).clone()
}

fn probe(name: &str) -> Option<Lack> {
    let run = Twin::tests(&[name]).env("HARNESS_UNSUPPORTED", "skip").run().run_of(name);
    let unsupported = match &run["unsupported"] {
        // Refused only at the attempt: what the step was is what is needed.
        Value::Null if run["verdict"] == "skip" => {
            let text = |key: &str| run["setup_error"][key].as_str().unwrap_or_default().to_owned();
            return Some(Lack { need: text("step"), found: text("text"), remedy: text("remedy") });
        }
        Value::Null => return None,
        unsupported => unsupported,
    };
    let text = |key: &str| unsupported[key].as_str().unwrap_or_default().to_owned();
    Some(Lack { need: text("need"), found: text("found"), remedy: text("remedy") })
}

/// Whether the test is skipped, having said so: for [`needs!`](crate::needs).
///
/// # Panics
/// With what is missing, unless tests may be skipped.
pub fn skips(test: &str, needs: &[Need]) -> bool {
    let Some((need, lack)) = needs.iter().find_map(|need| Some((*need, need.lack()?))) else { return false };
    let Lack { need: name, found, remedy } = &lack;
    let may_skip = std::env::var("HARNESS_UNSUPPORTED").is_ok_and(|word| word == "skip");
    assert!(
        may_skip || matches!(need, Need::Nextest),
        "{test} needs {name}; found: {found}; remedy: {remedy}"
    );
    skip(test, name, &format!("{found}; remedy: {remedy}"));
    true
}

/// Ends a test that the machine cannot run: `needs!(Need::Root, Need::MEMORY);` is its first line.
#[macro_export]
macro_rules! needs {
    ($($need:expr),+ $(,)?) => {{
        fn here() {}
        let name = std::any::type_name_of_val(&here);
        if $crate::machine::skips(name.strip_suffix("::here").unwrap_or(name), &[$($need),+]) {
            return;
        }
    }};
}
