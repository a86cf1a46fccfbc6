//! Limits: a guest in a real leaf with the limit in force, and what there is to see of it.

use std::fs::{self, File};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::statfs::{CGROUP2_SUPER_MAGIC, statfs};

use super::attempt::{self, Answered, IT_IS, errno};
use super::{Answer, Finding, Probe};
use crate::cgroup;
use crate::render::{self, capability as text};
use crate::spec::{Limits, Size, Spec};
use crate::sys::clone::{Request, Side, clone};
use crate::sys::{process, wait};

const MEMORY: Size = Size::bytes(256 << 20);

/// The limits of the four controllers, each by itself.
const CONTROLLERS: [(&str, Probe); 4] =
    [("memory", memory), ("pids", pids), ("cpu", cpu), ("cpuset", cpuset)];

/// Whether there is a leaf at all, and where it gets which controllers.
pub(super) fn cgroup() -> Finding {
    let tried = CONTROLLERS.map(|(name, probe)| (name, probe()));
    let mut places: Vec<(&str, Vec<&str>)> = Vec::new();
    for (name, finding) in tried.iter().filter(|(_, finding)| finding.is_there()) {
        match places.iter_mut().find(|(place, _)| *place == finding.found) {
            Some((_, names)) => names.push(name),
            None => places.push((&finding.found, vec![name])),
        }
    }
    let missing: Vec<_> = tried.iter().filter(|(_, finding)| !finding.is_there()).collect();
    let lacking: Vec<_> = missing.iter().map(|(name, _)| *name).collect();
    match missing.first() {
        None => Finding::yes(text::controllers(&places, &lacking)),
        // The first says why.
        Some((_, why)) if places.is_empty() => why.clone(),
        Some((_, why)) => Finding {
            answer: Answer::Partly,
            found: text::controllers(&places, &lacking),
            remedy: why.remedy.clone(),
        },
    }
}

pub(super) fn memory() -> Finding {
    in_force("memory", Limits { memory_max: Some(MEMORY), ..Limits::NONE })
}

pub(super) fn pids() -> Finding {
    in_force("pids", Limits { pids_max: Some(64), ..Limits::NONE })
}

pub(super) fn cpu() -> Finding {
    in_force("cpu", Limits { cpu_max_millis: Some(900), ..Limits::NONE })
}

/// The first cpu that this process may run on: 0 may be another cgroup's.
pub(super) fn cpuset() -> Finding {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
    let first = list.map(|list| list.trim().chars().take_while(char::is_ascii_digit).collect::<String>());
    let cpus = first.filter(|cpu| !cpu.is_empty()).unwrap_or_else(|| "0".to_owned());
    let spec = attempt::spec();
    in_leaf(&spec.limits(Limits { cpuset_cpus: Some(&cpus), ..spec.limits }), yes, |answered| {
        Finding::yes(place("cpuset", &answered))
    })
}

fn yes() -> i32 {
    IT_IS
}

/// A run never begins without its limit: that the body answers says that it is in force.
fn in_force(controller: &str, limits: Limits<'static>) -> Finding {
    in_leaf(&attempt::limited(limits), yes, |answered| Finding::yes(place(controller, &answered)))
}

fn in_leaf(spec: &Spec<'_>, body: fn() -> i32, conclude: impl FnOnce(Answered) -> Finding) -> Finding {
    attempt::run(spec, body).map_or_else(|finding| finding, conclude)
}

/// Version of the controller's hierarchy, and the rung of the leaf in it.
fn place(controller: &str, Answered { evidence, .. }: &Answered) -> String {
    let v2 = !is_in_v1(controller);
    let mut leaves = evidence.cgroups.iter().zip(&evidence.rungs);
    let rung = leaves.find(|(leaf, _)| is_v2(leaf) == v2).map(|(_, rung)| *rung);
    text::leaf_place(v2, rung.unwrap_or_default())
}

/// A controller is in one hierarchy; cgroups(7) tells which v1 ones there are.
fn is_in_v1(controller: &str) -> bool {
    let memberships = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let mut controllers = memberships.lines().filter_map(|line| line.split(':').nth(1));
    controllers.any(|names| names.split(',').any(|name| name == controller))
}

/// The leaf is gone; where it was is of the same hierarchy.
fn is_v2(leaf: &Path) -> bool {
    let near = leaf.ancestors().find(|directory| directory.exists());
    near.and_then(|directory| statfs(directory).ok())
        .is_some_and(|file_system| file_system.filesystem_type() == CGROUP2_SUPER_MAGIC)
}

/// The limit of swap, beyond the 0 that `mem` brings.
pub(super) fn swap() -> Finding {
    let limits = Limits { memory_max: Some(MEMORY), swap_max: Some(Size::bytes(16 << 20)), ..Limits::NONE };
    in_leaf(&attempt::limited(limits), yes, |answered| {
        let is_on = fs::read_to_string("/proc/swaps").is_ok_and(|swaps| swaps.lines().count() > 1);
        match &answered.evidence.usage.swap_limit {
            Some(limit) => Finding::yes(text::swap_limited(limit.source, is_on)),
            None if is_on => Finding::no(text::SWAP_NOT_ACCOUNTED, text::ACCOUNT_SWAP),
            None => Finding::partly(text::NO_SWAP, text::ACCOUNT_SWAP),
        }
    })
}

pub(super) fn memory_peak() -> Finding {
    let limits = Limits { memory_max: Some(MEMORY), ..Limits::NONE };
    in_leaf(&attempt::limited(limits), yes, |answered| match &answered.evidence.usage.memory_peak {
        Some(peak) => Finding::yes(text::peak(peak.source)),
        None => Finding::no(text::NO_PEAK, text::NEWER_FOR_PEAK),
    })
}

/// Pressure of the leaf; that of the whole machine says little about one test.
pub(super) fn psi() -> Finding {
    let limits = Limits { pids_max: Some(64), ..Limits::NONE };
    let in_leaf =
        in_leaf(&attempt::limited(limits), yes, |answered| match &answered.evidence.usage.pressure_memory {
            Some(pressure) => Finding::yes(text::pressure_of_leaf(pressure.source)),
            None => Finding::no("", text::PRESSURE_NEEDS_V2),
        });
    match (in_leaf.answer, fs::read_to_string("/proc/pressure/memory")) {
        (Answer::Yes, _) => in_leaf,
        (_, Ok(_)) => Finding { found: text::PRESSURE_OF_MACHINE.to_owned(), ..in_leaf },
        (_, Err(_)) => Finding::no(text::NO_PRESSURE, text::ENABLE_PSI),
    }
}

pub(super) fn kill() -> Finding {
    in_v2(has_kill, text::HAS_KILL, text::NO_KILL, text::NEWER_FOR_KILL)
}

pub(super) fn clone_into() -> Finding {
    in_v2(clones_into_own, text::CLONED_INTO, text::NOT_CLONED_INTO, text::NEWER_FOR_CLONE_INTO)
}

/// Tells the body in which v2 cgroup the runner is.
const OURS: &str = "HARNESS_PROBE_OURS";

/// What only a v2 leaf can have.
fn in_v2(body: fn() -> i32, found: &str, unlike: &str, remedy: &str) -> Finding {
    let ours = cgroup::own_v2().unwrap_or_default();
    let ours = ours.to_string_lossy();
    let environment = [(OURS, &*ours)];
    let spec = attempt::limited(Limits { pids_max: Some(64), ..Limits::NONE }).env(&environment);
    in_leaf(&spec, body, |answered| match errno(answered.code) {
        None if answered.code == IT_IS => Finding::yes(found),
        None => Finding::no(text::NO_V2_LEAF, text::V2_LEAF),
        Some(errno) => Finding::no(format!("{unlike}: {}", render::errno(errno)), remedy),
    })
}

/// In the guest: its v2 leaf, where it has one.
fn own_leaf() -> Option<PathBuf> {
    let ours = std::env::var_os(OURS).map(PathBuf::from);
    cgroup::own_v2().filter(|own| Some(own) != ours.as_ref())
}

/// Opened, not written: it would kill the guest.
fn has_kill() -> i32 {
    let Some(leaf) = own_leaf() else { return attempt::IT_IS_NOT };
    attempt::io_code(File::options().write(true).open(leaf.join("cgroup.kill")))
}

fn clones_into_own() -> i32 {
    let Some(leaf) = own_leaf() else { return attempt::IT_IS_NOT };
    match File::open(leaf) {
        Ok(leaf) => attempt::code(clone_into_cgroup(&leaf)),
        Err(error) => attempt::io_code::<()>(Err(error)),
    }
}

/// The body has one thread, as `clone` demands.
fn clone_into_cgroup(leaf: &File) -> Result<bool, Errno> {
    match clone(Request { cgroup: Some(leaf.as_fd()), ..Request::default() })? {
        Side::Child => process::exit_now(0),
        Side::Parent { pidfd, .. } => wait::reap(pidfd.as_fd()).map(|_| true),
    }
}
