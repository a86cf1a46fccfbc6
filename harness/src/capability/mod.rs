//! What a machine may offer to isolated tests: one table, each line with a probe that does the thing.
//!
//! `HARNESS_REQUIRE` (policy.rs) and `harness doctor` (cli/doctor.rs) ask for a [`Finding`] by name. Most
//! probes run a throw-away guest, through the same code as a test (attempt.rs); the others make the
//! system call. None looks at a version number or believes a file where it can try instead.
//!
//! A new capability is one line in [`ALL`] and one probe in the file of its group.

mod attempt;
mod cause;
mod files;
mod kernel;
mod limits;
mod namespaces;

use crate::error::{Step, Unsupported};
use crate::host;
use crate::spec::{Namespaces, Spec};

/// What a probe found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// All of it.
    Yes,
    /// What tests ask for works, with the limitation that is said.
    Partly,
    /// What tests ask for does not work.
    No,
}

/// An answer and its reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) answer: Answer,
    /// What was done, and what came of it.
    pub(crate) found: String,
    /// How to get more, where there is a way.
    pub(crate) remedy: Option<String>,
}

impl Finding {
    fn yes(found: impl Into<String>) -> Self {
        Self { answer: Answer::Yes, found: found.into(), remedy: None }
    }

    fn partly(found: impl Into<String>, remedy: &str) -> Self {
        Self { answer: Answer::Partly, found: found.into(), remedy: remedy_of(remedy) }
    }

    fn no(found: impl Into<String>, remedy: &str) -> Self {
        Self { answer: Answer::No, found: found.into(), remedy: remedy_of(remedy) }
    }
}

fn remedy_of(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// Where a capability stands in the table of `harness doctor`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Group {
    Namespaces,
    Files,
    Limits,
    Kernel,
}

/// Something that a machine may offer.
#[derive(Debug)]
pub(crate) struct Capability {
    /// As `HARNESS_REQUIRE` and `--require` name it.
    pub(crate) name: &'static str,
    #[cfg_attr(not(feature = "cli"), expect(dead_code, reason = "for the table of the command"))]
    pub(crate) group: Group,
    /// What needs it, in the attribute's words.
    pub(crate) needed_by: &'static str,
    probe: Probe,
}

/// Tries something.
type Probe = fn() -> Finding;

impl Capability {
    /// Tries it, now.
    pub(crate) fn probe(&self) -> Finding {
        (self.probe)()
    }
}

/// Every capability, in the order of the table.
pub(crate) static ALL: &[Capability] = {
    use Group::{Files, Kernel, Limits, Namespaces};
    &[
        line("userns", Namespaces, "user; others without root", namespaces::user),
        line("pid", Namespaces, "pid, pid1", namespaces::pid),
        line("mount", Namespaces, "mount, bind, tmpfs, rootfs", namespaces::mount),
        line("uts", Namespaces, "uts, hostname", namespaces::uts),
        line("ipc", Namespaces, "ipc", namespaces::ipc),
        line("net", Namespaces, "net", namespaces::net),
        line("cgroupns", Namespaces, "cgroup", namespaces::cgroup),
        line("time", Namespaces, "time", namespaces::time),
        line("proc", Files, "pid", files::proc),
        line("overlay", Files, "rootfs", files::overlay),
        line("userns-overlay", Files, "rootfs with user", files::overlay_in_userns),
        line("cgroup", Limits, "every limit", limits::cgroup),
        line("memory", Limits, "mem, expect = oom", limits::memory),
        line("swap", Limits, "swap", limits::swap),
        line("pids", Limits, "pids", limits::pids),
        line("cpu", Limits, "cpu", limits::cpu),
        line("cpuset", Limits, "cpuset", limits::cpuset),
        line("memory-peak", Limits, "figures: peak of memory", limits::memory_peak),
        line("psi", Limits, "figures: pressure", limits::psi),
        line("cgroup-kill", Limits, "a quick end", limits::kill),
        line("clone-into-cgroup", Limits, "a quick start with limits", limits::clone_into),
        line("pidfd", Kernel, "every test", kernel::pidfd),
        line("clone3", Kernel, "clone-into-cgroup", kernel::clone3),
        line("no-seccomp", Kernel, "everything above", kernel::no_seccomp),
        line("no-apparmor", Kernel, "userns, mount", kernel::no_apparmor),
        line("ptrace", Kernel, "debuggers, strace", kernel::ptrace),
        line("thp", Kernel, "figures: memory", kernel::thp),
    ]
};

const fn line(name: &'static str, group: Group, needed_by: &'static str, probe: Probe) -> Capability {
    Capability { name, group, needed_by, probe }
}

/// The capability of this name.
pub(crate) fn named(name: &str) -> Option<&'static Capability> {
    ALL.iter().find(|capability| capability.name == name)
}

/// The name that was probably meant.
pub(crate) fn nearest(name: &str) -> Option<&'static str> {
    let part = ALL.iter().find(|one| name.len() > 2 && one.name.contains(name));
    let close = || ALL.iter().min_by_key(|one| distance(name, one.name));
    let found = part.or_else(close)?.name;
    (part.is_some() || distance(name, found) <= 2).then_some(found)
}

/// How many letters must be changed, added or taken away.
fn distance(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.chars().count()).collect();
    for (line, left) in from.chars().enumerate() {
        let mut diagonal = line;
        row[0] = line + 1;
        for (column, right) in to.chars().enumerate() {
            let changed = diagonal + usize::from(left != right);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row.last().copied().unwrap_or(0)
}

/// The capabilities that this test lacks, so far as its error tells; empty when it does not.
pub(crate) fn behind(spec: &Spec<'_>, lack: &Unsupported) -> Vec<&'static str> {
    let about = lack.step.map_or_else(|| by_need(&lack.need), by_step);
    asked(spec).into_iter().filter(|name| about.contains(name)).collect()
}

const NAMESPACES: &[&str] = &["userns", "pid", "mount", "uts", "ipc", "net", "cgroupns", "time"];
const CGROUPS: &[&str] = &["cgroup", "cgroupns", "memory", "swap", "pids", "cpu", "cpuset"];
/// A mount that is refused in a namespace that was granted.
const MOUNTS: &[&str] = &["userns", "mount", "overlay", "userns-overlay"];

/// What a step may lack that is refused.
fn by_step(step: Step) -> &'static [&'static str] {
    match step {
        Step::Clone | Step::Unshare | Step::WriteMap => NAMESPACES,
        Step::MakeLeaf | Step::EnableControllers => CGROUPS,
        Step::Overlay => &["overlay", "userns-overlay"],
        Step::Proc => &["proc"],
        Step::Propagation | Step::Stage | Step::PivotRoot | Step::Readonly => MOUNTS,
        Step::Sys | Step::Dev | Step::Tmpfs => MOUNTS,
        Step::Hostname => &["userns", "uts"],
        Step::Loopback => &["userns", "net"],
        _ => &[],
    }
}

/// What is lacking before anything was tried, by what `cgroup/` says is needed.
fn by_need(need: &str) -> &'static [&'static str] {
    match need {
        "a cgroup" => CGROUPS,
        "mem = ..." => &["cgroup", "memory"],
        "swap = ..." => &["cgroup", "swap"],
        "pids = ..." => &["cgroup", "pids"],
        "cpu = ..." => &["cgroup", "cpu"],
        "cpuset = ..." => &["cgroup", "cpuset"],
        "cpu_time = ..." => &["cgroup"],
        _ => &[],
    }
}

/// The capabilities that a test asks for.
fn asked(spec: &Spec<'_>) -> Vec<&'static str> {
    let limits = &spec.limits;
    let is_privileged = host::get(None).is_ok_and(|host| host.privileged);
    let new = |namespace| spec.namespaces.contains(namespace);
    let user = new(Namespaces::USER) || !is_privileged;
    let limited = limits.memory_max.is_some() || limits.swap_max.is_some() || limits.pids_max.is_some();
    let timed = limits.cpu_max_millis.is_some() || limits.cpuset_cpus.is_some() || limits.cpu_time.is_some();
    let all = [
        (user, "userns"),
        (new(Namespaces::PID), "pid"),
        (new(Namespaces::PID), "proc"),
        (new(Namespaces::MOUNT) || new(Namespaces::PID), "mount"),
        (new(Namespaces::UTS), "uts"),
        (new(Namespaces::IPC), "ipc"),
        (new(Namespaces::NET), "net"),
        (new(Namespaces::CGROUP), "cgroupns"),
        (new(Namespaces::TIME), "time"),
        (spec.rootfs.is_some(), "overlay"),
        (spec.rootfs.is_some() && user, "userns-overlay"),
        (limited || timed || new(Namespaces::CGROUP), "cgroup"),
        (limits.memory_max.is_some(), "memory"),
        (limits.swap_max.is_some(), "swap"),
        (limits.pids_max.is_some(), "pids"),
        (limits.cpu_max_millis.is_some(), "cpu"),
        (limits.cpuset_cpus.is_some(), "cpuset"),
    ];
    all.into_iter().filter(|(asked, _)| *asked).map(|(_, name)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_fit_a_list() {
        for (place, one) in ALL.iter().enumerate() {
            assert!(one.name.chars().all(|char| char.is_ascii_lowercase() || "-3".contains(char)));
            assert!(ALL[..place].iter().all(|other| other.name != one.name), "{}", one.name);
            assert!(std::ptr::eq(named(one.name).unwrap(), one));
        }
        assert!(named("all").is_none(), "the word for all of them");
    }

    #[test]
    fn a_guess_is_close() {
        for (given, meant) in [
            ("usrns", Some("userns")),
            ("seccomp", Some("no-seccomp")),
            ("apparmor", Some("no-apparmor")),
            ("clone_into_cgroup", Some("clone-into-cgroup")),
            ("MEMORY", None),
            ("", None),
            ("rootfs", None),
        ] {
            assert_eq!(nearest(given), meant, "{given}");
        }
        assert_eq!([distance("", "abc"), distance("abc", "abd"), distance("ab", "b")], [3, 1, 1]);
    }

    fn lack(need: &str, step: Option<Step>) -> Unsupported {
        Unsupported { need: need.to_owned(), found: String::new(), remedy: String::new(), step }
    }

    /// Only what the test asks for, and only what the failed step is about.
    #[test]
    fn a_lack_is_that_of_a_capability() {
        let spec = Spec::new("demo::it", "/").unshare(Namespaces::USER.with(Namespaces::PID));
        let limits = crate::spec::Limits { pids_max: Some(1), ..crate::spec::Limits::NONE };
        let spec = spec.rootfs(crate::spec::Rootfs::Host).limits(limits);
        for (step, names) in [
            (Step::Clone, &["userns", "pid", "mount"][..]),
            (Step::WriteMap, &["userns", "pid", "mount"]),
            (Step::Overlay, &["overlay", "userns-overlay"]),
            (Step::Proc, &["proc"]),
            (Step::PivotRoot, &["userns", "mount", "overlay", "userns-overlay"]),
            (Step::MakeLeaf, &["cgroup", "pids"]),
        ] {
            assert_eq!(behind(&spec, &lack("", Some(step))), names, "{step:?}");
        }
        for (need, names) in
            [("a cgroup", &["cgroup", "pids"][..]), ("pids = ...", &["cgroup", "pids"]), ("the zygote", &[])]
        {
            assert_eq!(behind(&spec, &lack(need, None)), names, "{need}");
        }
    }

    /// The words are those that `cgroup/` uses.
    #[test]
    fn every_need_of_a_leaf_has_a_capability() {
        let limits = crate::cgroup::LeafLimits {
            memory_max: Some(1),
            swap_max: Some(1),
            pids_max: Some(1),
            cpu_max_millis: Some(1),
            cpuset_cpus: Some("0".to_owned()),
            cpu_time: true,
        };
        for (need, _) in limits.needs() {
            assert!(by_need(need).len() == 2, "{need}");
        }
    }

    /// What a test lacks can be said by name, whichever step refuses.
    #[test]
    fn every_refusal_has_a_capability() {
        use nix::errno::Errno;
        let limits = crate::spec::Limits {
            memory_max: Some(crate::spec::Size::bytes(1)),
            ..crate::spec::Limits::NONE
        };
        let spec = Spec::new("demo::it", "/").unshare(Namespaces::ALL);
        let spec = spec.rootfs(crate::spec::Rootfs::Host).limits(limits);
        for step in Step::ALL {
            let error = crate::error::SetupError::new(*step, "x", Errno::EPERM);
            let known = !behind(&spec, &(&error).into()).is_empty();
            assert_eq!(known, error.is_refusal(), "{step:?}");
        }
    }
}
