//! The command itself, built, and run on machines of several kinds.

use std::process::Command;
use std::sync::OnceLock;

use harness_tests::build;
use harness_tests::profile::{DOCKER, NO_MOUNTS, Refusal};
use harness_tests::skip::skip;
use harness_tests::twin::{Ran, Twin};
use harness_tests::users::Everybodys;
use serde_json::Value;

/// A machine that the command, and the twins, are run on.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Machine {
    /// This one, as this user.
    Here,
    /// This one, as nobody.
    Unprivileged,
    /// A kernel without clone3, as some containers show it.
    WithoutClone3,
    /// The seccomp profile of a container.
    Filtered,
    /// Namespaces can be made, and nothing be mounted in them.
    WithoutMounts,
    /// No user namespaces are allowed, to a user who needs them for everything.
    WithoutUserns,
    /// The cgroup file system is hidden.
    WithoutCgroups,
}

const HIDE_CGROUPS: &str = "mount -t tmpfs none /sys/fs/cgroup";

impl Machine {
    const ALL: [Self; 7] = [
        Self::Here,
        Self::Unprivileged,
        Self::WithoutClone3,
        Self::Filtered,
        Self::WithoutMounts,
        Self::WithoutUserns,
        Self::WithoutCgroups,
    ];

    /// What runs the command, and what a shell does before it.
    fn outside(self) -> (&'static [&'static str], &'static str) {
        let is_root = nix::unistd::geteuid().is_root();
        match self {
            Self::Here | Self::WithoutClone3 | Self::Filtered | Self::WithoutMounts => (&["env"], ""),
            Self::Unprivileged if !is_root => (&["env"], ""),
            Self::Unprivileged => (&["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"], ""),
            // In a user namespace of our own, whose limit is its own.
            Self::WithoutUserns => (
                &["unshare", "--user", "--map-root-user"],
                "echo 0 >/proc/sys/user/max_user_namespaces
                 exec setpriv --bounding-set=-all --inh-caps=-all -- \"$0\" \"$@\"",
            ),
            Self::WithoutCgroups if is_root => {
                (&["unshare", "--mount", "--propagation=private"], HIDE_CGROUPS)
            }
            Self::WithoutCgroups => (&["unshare", "--user", "--map-root-user", "--mount"], HIDE_CGROUPS),
        }
    }

    /// What a filter refuses there.
    fn refused(self) -> &'static [Refusal] {
        const CLONE3: &[Refusal] = &[Refusal::of(libc::SYS_clone3, libc::ENOSYS)];
        match self {
            Self::WithoutClone3 => CLONE3,
            Self::Filtered => DOCKER,
            Self::WithoutMounts => NO_MOUNTS,
            _ => &[],
        }
    }

    /// The program on this machine, run.
    pub(crate) fn run(self, program: &Everybodys, arguments: &[&str]) -> Ran {
        self.twin(program, arguments).run()
    }

    /// The program on this machine.
    pub(crate) fn twin(self, program: &Everybodys, arguments: &[&str]) -> Twin {
        let (outer, script) = self.outside();
        let twin = Twin::program(outer, script, program.binary()).with(|command| {
            // Nobody may be forbidden to enter the directory that the tests are started in.
            command.args(arguments).current_dir("/");
        });
        let refused = self.refused();
        if refused.is_empty() { twin } else { twin.refused(refused) }
    }

    /// Whether it can be made here: a user may not make namespaces everywhere.
    fn can_be_made(self) -> bool {
        let (outer, script) = self.outside();
        let script = format!("{script}\nexec \"$0\"");
        let mut command = Command::new(outer[0]);
        command.args(&outer[1..]).args(["sh", "-euc", &script, "true"]);
        command.stderr(std::process::Stdio::null()).status().is_ok_and(|status| status.success())
    }

    /// Those that can be made here; the others are said to be left out.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        static THOSE: OnceLock<Vec<Machine>> = OnceLock::new();
        let those = || Self::ALL.into_iter().filter(|machine| machine.is_made()).collect();
        THOSE.get_or_init(those).iter().copied()
    }

    fn is_made(self) -> bool {
        let can_be_made = self.can_be_made();
        if !can_be_made {
            self.is_left_out(&format!("machine::{self:?}"));
        }
        can_be_made
    }

    fn is_left_out(self, test: &str) {
        skip(&format!("doctor::{test}"), &format!("a machine {self:?}"), "it cannot be made here");
    }

    /// This one for that test, which cannot run where it cannot be made.
    pub(crate) fn for_test(self, test: &str) -> Option<Self> {
        let can_be_made = self.can_be_made();
        if !can_be_made {
            let may_skip = std::env::var("HARNESS_UNSUPPORTED").is_ok_and(|word| word == "skip");
            assert!(may_skip, "{test} needs a machine {self:?}, which cannot be made here");
            self.is_left_out(test);
        }
        can_be_made.then_some(self)
    }

    /// What `harness doctor --json` says: asked once, as a machine does not change.
    pub(crate) fn doctor(self) -> &'static Value {
        static REPORTS: [OnceLock<Value>; Machine::ALL.len()] =
            [const { OnceLock::new() }; Machine::ALL.len()];
        REPORTS[self as usize].get_or_init(|| {
            let ran = self.run(&doctor(), &["doctor", "--json"]);
            ran.must_pass();
            serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {}", ran.output()))
        })
    }
}

/// `harness`, built.
pub(crate) fn doctor() -> Everybodys {
    Everybodys::of(build::tool())
}

/// The twins.
pub(crate) fn twins() -> Everybodys {
    Everybodys::new()
}
