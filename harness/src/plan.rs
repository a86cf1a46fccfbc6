//! Spec × Host → [`Plan`], or [`Unsupported`]: every default and every implication is decided here.
//!
//! Pure: the same Spec on the same Host, asked by the same [`Caller`], gives the same Plan.

mod image;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::cgroup::LeafLimits;
use crate::error::Unsupported;
use crate::host::Host;
use crate::rootfs::{self, BindMount, NewFile, Root, TmpfsMount, Tree};
use crate::spec::{Expect, IdMapping, Limits, Namespaces, Resource, Rlimit, Rootfs, Spec, Upper};
use crate::wire::IdMaps;
use crate::wire::codec::record;
pub(crate) use image::{DEFAULT_PATH, FromImage};

/// What the runner's process is like now; a guest starts from it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Caller {
    pub(crate) directory: PathBuf,
    pub(crate) environment: Vec<(OsString, OsString)>,
    /// The test binary: stays visible in a foreign root, so that backtraces find their symbols.
    pub(crate) executable: Option<PathBuf>,
    pub(crate) ground: Ground,
}

/// What the runner has made ready for the guest's root.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ground {
    /// The directories of `rootfs = "..."`, lowest first.
    pub(crate) layers: Vec<PathBuf>,
    /// For `upper = "disk"`.
    pub(crate) upper: PathBuf,
}

/// All that is to be done for one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    /// For clone3.
    pub(crate) flags: u64,
    pub(crate) id_maps: Option<IdMaps>,
    /// The cgroup leaf, if one is needed.
    pub(crate) leaf: Option<LeafLimits>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) cpu_time: Option<Duration>,
    /// How much output is kept, of a program; that of a test is passed on.
    pub(crate) output_max: Option<u64>,
    /// What the guest does itself.
    pub(crate) guest: GuestPlan,
}

/// [`GuestPlan::unheard`], and the next one where the test asks for that (EX_SOFTWARE).
const UNHEARD: u8 = 70;

/// What travels to the guest.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct GuestPlan {
    /// Name of the test: the main thread's name in messages.
    pub(crate) name: String,
    /// Namespaces that are entered on the way, not at clone3 (`CLONE_NEW*`).
    pub(crate) unshare_init: u64,
    pub(crate) unshare_body: u64,
    /// The body is pid 1: it does the set-up steps itself, as only it sees the new pid namespace.
    pub(crate) body_is_pid1: bool,
    /// The exit code of a body whose verdict cannot be told: not one that the test asks for.
    pub(crate) unheard: i32,
    /// A body that ends without a verdict may have done what is asked for: a program, or with `expect`.
    pub(crate) may_be_silent: bool,
    /// The body enters its v2 leaf by itself: one that is born there (CLONE_INTO_CGROUP) keeps its parent's CPUs
    /// before Linux 6.4, whatever the leaf's cpuset says.
    pub(crate) migrates: bool,
    /// A new pid namespace: everything in it is the guest's.
    pub(crate) own_pids: bool,
    pub(crate) hostname: Option<String>,
    pub(crate) loopback: bool,
    /// The mounts, with a new mount namespace.
    pub(crate) tree: Option<Tree>,
    pub(crate) rlimits: Vec<Rlimit>,
    pub(crate) uid: Option<u32>,
    pub(crate) gid: Option<u32>,
    /// Supplementary groups.
    pub(crate) groups: Vec<u32>,
    /// Whether setgroups(2) is allowed: not with a single mapped id.
    pub(crate) may_set_groups: bool,
    pub(crate) workdir: Option<PathBuf>,
    pub(crate) environment: Vec<(OsString, OsString)>,
    /// The arguments of the program that is the body, from `argv[0]` on; without one it is the test function.
    pub(crate) program: Option<Vec<OsString>>,
}
record! { GuestPlan {
    name, unshare_init, unshare_body, body_is_pid1, unheard, may_be_silent, migrates, own_pids, hostname, loopback, tree,
    rlimits, uid, gid, groups, may_set_groups, workdir, environment, program,
} }
record! { Rlimit { resource, value } }
crate::wire::codec::choice! { Resource {
    1 As, 2 Core, 3 Cpu, 4 Data, 5 Fsize, 6 Locks, 7 Memlock, 8 Msgqueue, 9 Nice, 10 Nofile, 11 Nproc,
    12 Rss, 13 Rtprio, 14 Rttime, 15 Sigpending, 16 Stack,
} }

/// Resolves what was asked against what there is. What the image says holds where nothing was asked.
///
/// # Errors
/// What this machine lacks for it.
pub(crate) fn resolve(
    spec: &Spec<'_>,
    host: &Host,
    caller: &Caller,
    image: Option<&FromImage>,
) -> Result<Plan, Unsupported> {
    let user = image::whose_user_counts(spec, image);
    let spec = &user.map_or(*spec, |user| Spec { uid: user.uid, gid: user.gid, ..*spec });
    let namespaces = implied(spec, host);
    let leaf = leaf(spec, host)?;
    let id_maps = id_maps(spec, host, namespaces)?;
    let nested = host.nested || namespaces.contains(Namespaces::USER);
    let body_is_pid1 = spec.body_is_pid1;
    let may_set_groups = id_maps.as_ref().is_none_or(|maps| !maps.deny_setgroups);
    // The init keeps the capabilities of the namespace's maker, which it needs; an ordinary user has none.
    let itself = maps_to_itself(spec, host);
    let late = Namespaces::CGROUP.with(Namespaces::TIME);
    let late = if body_is_pid1 { late.with(Namespaces::PID) } else { late };
    Ok(Plan {
        flags: flags(namespaces) & !flags(late),
        id_maps,
        leaf,
        timeout: spec.limits.timeout,
        cpu_time: spec.limits.cpu_time,
        output_max: spec.program.map(|program| program.output_max.get()),
        guest: GuestPlan {
            name: spec.name.to_owned(),
            // Both say "my next child is in it": the init enters them for the body.
            unshare_init: flags(namespaces) & flags(late) & !flags(Namespaces::CGROUP),
            // Rooted where the process is: only after the body has entered its leaf.
            unshare_body: flags(namespaces) & flags(Namespaces::CGROUP),
            body_is_pid1,
            may_be_silent: spec.program.is_some() || spec.expect != Expect::Success,
            unheard: if spec.expect == Expect::Exit(UNHEARD) {
                i32::from(UNHEARD) + 1
            } else {
                i32::from(UNHEARD)
            },
            migrates: spec.limits.cpuset_cpus.is_some(),
            own_pids: namespaces.contains(Namespaces::PID),
            hostname: spec.hostname.map(str::to_owned),
            loopback: namespaces.contains(Namespaces::NET),
            tree: namespaces.contains(Namespaces::MOUNT).then(|| tree(spec, nested, caller)),
            rlimits: spec.limits.rlimits.to_vec(),
            uid: spec.uid.or(itself.then_some(host.uid)),
            gid: spec.gid.or(itself.then_some(host.gid)),
            groups: user.map_or_else(Vec::new, |user| user.groups.clone()),
            may_set_groups,
            workdir: workdir(spec, caller, image),
            environment: image::environment(spec, caller, image, user.and_then(|user| user.home.as_deref())),
            program: image::program(spec, image),
        },
    })
}

/// The namespaces asked for, and those that they need.
fn implied(spec: &Spec<'_>, host: &Host) -> Namespaces {
    let mut namespaces = spec.namespaces;
    if namespaces.contains(Namespaces::PID) {
        // Its own /proc.
        namespaces = namespaces.with(Namespaces::MOUNT);
    }
    let ids = spec.uid.is_some() || spec.gid.is_some();
    if !host.privileged && (namespaces != Namespaces::NONE || ids) {
        namespaces = namespaces.with(Namespaces::USER);
    }
    namespaces
}

const FLAGS: [(Namespaces, i32, &str); 8] = [
    (Namespaces::USER, libc::CLONE_NEWUSER, "user"),
    (Namespaces::PID, libc::CLONE_NEWPID, "pid"),
    (Namespaces::MOUNT, libc::CLONE_NEWNS, "mount"),
    (Namespaces::UTS, libc::CLONE_NEWUTS, "uts"),
    (Namespaces::IPC, libc::CLONE_NEWIPC, "ipc"),
    (Namespaces::NET, libc::CLONE_NEWNET, "net"),
    (Namespaces::CGROUP, libc::CLONE_NEWCGROUP, "cgroup"),
    (Namespaces::TIME, libc::CLONE_NEWTIME, "time"),
];

/// The kernel's `CLONE_NEW*` for a set.
fn flags(namespaces: Namespaces) -> u64 {
    let asked = FLAGS.iter().filter(|(namespace, ..)| namespaces.contains(*namespace));
    asked.map(|(_, flag, _)| u64::from(flag.cast_unsigned())).sum()
}

/// The attribute's words for a set of `CLONE_NEW*`, for messages.
pub(crate) fn flag_names(flags: u64) -> String {
    let named = FLAGS.iter().filter(|(_, flag, _)| flags & u64::from(flag.cast_unsigned()) != 0);
    named.map(|(_, _, name)| *name).collect::<Vec<_>>().join(", ")
}

/// What a cgroup must enforce or measure, and a cgroup namespace must be rooted at; none where no leaf is
/// needed.
pub(crate) fn leaf_limits(spec: &Spec<'_>) -> Option<LeafLimits> {
    let Limits { memory_max, swap_max, pids_max, cpu_max_millis, cpuset_cpus, cpu_time, .. } = spec.limits;
    let limited = memory_max.is_some() || swap_max.is_some() || pids_max.is_some();
    let timed = cpu_max_millis.is_some() || cpuset_cpus.is_some() || cpu_time.is_some();
    if !limited && !timed && !spec.namespaces.contains(Namespaces::CGROUP) {
        return None;
    }
    Some(LeafLimits {
        memory_max: memory_max.map(crate::spec::Size::get),
        // A guest that may swap does not meet its memory limit: no swap unless it is asked for.
        swap_max: swap_max.map(crate::spec::Size::get).or(memory_max.map(|_| 0)),
        pids_max,
        cpu_max_millis,
        cpuset_cpus: cpuset_cpus.map(str::to_owned),
        cpu_time: cpu_time.is_some(),
    })
}

fn leaf(spec: &Spec<'_>, host: &Host) -> Result<Option<LeafLimits>, Unsupported> {
    let Some(limits) = leaf_limits(spec) else { return Ok(None) };
    host.cgroups.as_ref().map_err(Clone::clone)?.supports(&limits)?;
    Ok(Some(limits))
}

/// With privilege every id stays itself. Without it, one id can be mapped: ours, to the one asked for
/// (root by default, as everything that needs a capability is written for root).
fn id_maps(spec: &Spec<'_>, host: &Host, all: Namespaces) -> Result<Option<IdMaps>, Unsupported> {
    if !all.contains(Namespaces::USER) {
        return Ok(None);
    }
    let is_root_asked = spec.id_mapping == Some(IdMapping::Root) && host.uid != 0;
    if host.privileged && !is_root_asked {
        return Ok(Some(IdMaps {
            uid_map: identity(&host.uid_ranges),
            gid_map: identity(&host.gid_ranges),
            deny_setgroups: false,
        }));
    }
    let (uid, gid) = if maps_to_itself(spec, host) { (host.uid, host.gid) } else { (0, 0) };
    Ok(Some(IdMaps {
        uid_map: format!("{} {} 1\n", spec.uid.unwrap_or(uid), host.uid),
        gid_map: format!("{} {} 1\n", spec.gid.unwrap_or(gid), host.gid),
        deny_setgroups: true,
    }))
}

fn maps_to_itself(spec: &Spec<'_>, host: &Host) -> bool {
    spec.id_mapping == Some(IdMapping::Identity) && !host.privileged
}

fn identity(ranges: &[(u32, u32)]) -> String {
    ranges.iter().map(|(first, count)| format!("{first} {first} {count}\n")).collect()
}

fn tree(spec: &Spec<'_>, nested: bool, caller: &Caller) -> Tree {
    let root = match spec.rootfs {
        None => Root::Keep,
        Some(Rootfs::Host) => Root::Host,
        Some(Rootfs::Source(_)) => Root::Layers(caller.ground.layers.clone()),
    };
    let foreign = matches!(root, Root::Layers(_));
    Tree {
        upper: match spec.upper {
            Upper::Tmpfs => rootfs::Upper::Tmpfs,
            Upper::Disk => rootfs::Upper::Disk(caller.ground.upper.clone()),
            Upper::Copy => rootfs::Upper::Copy,
        },
        proc: spec.namespaces.contains(Namespaces::PID),
        userxattr: nested,
        readonly: spec.readonly,
        // A program has its own files, and its root is to have no others.
        visible: if foreign && spec.program.is_none() { visible(caller) } else { Vec::new() },
        binds: spec
            .binds
            .iter()
            .map(|bind| BindMount {
                source: absolute(spec, bind.source),
                target: PathBuf::from(bind.target),
                readonly: bind.readonly,
            })
            .collect(),
        tmpfs: spec
            .tmpfs
            .iter()
            .map(|tmpfs| TmpfsMount {
                target: PathBuf::from(tmpfs.target),
                size: tmpfs.size.map(crate::spec::Size::get),
            })
            .collect(),
        files: spec.files.iter().map(new_file).collect(),
        changes: spec.changes,
        root,
    }
}

fn new_file(file: &crate::spec::InlineFile<'_>) -> NewFile {
    NewFile { target: PathBuf::from(file.target), content: file.content.to_owned() }
}

/// A path of the Spec's.
pub(crate) fn absolute(spec: &Spec<'_>, path: &str) -> PathBuf {
    Path::new(spec.manifest_dir).join(path)
}

/// The test binary, read-only, and the directory of coverage profiles, writable.
fn visible(caller: &Caller) -> Vec<BindMount> {
    let profile = caller.environment.iter().find(|(name, _)| name == "LLVM_PROFILE_FILE");
    let profiles = profile.and_then(|(_, pattern)| Path::new(pattern).parent());
    let profiles = profiles.map(|directory| (caller.directory.join(directory), false));
    let binary = caller.executable.clone().map(|binary| (binary, true));
    let paths = binary.into_iter().chain(profiles);
    paths.map(|(path, readonly)| BindMount { source: path.clone(), target: path, readonly }).collect()
}

/// In a foreign root the runner's directory means nothing: `/` unless one is given, or the image has one.
fn workdir(spec: &Spec<'_>, caller: &Caller, image: Option<&FromImage>) -> Option<PathBuf> {
    let default = match spec.rootfs {
        Some(Rootfs::Source(_)) => PathBuf::from("/"),
        Some(Rootfs::Host) | None => caller.directory.clone(),
    };
    let of_image = image.and_then(|image| image.workdir.clone());
    Some(spec.workdir.map(PathBuf::from).or(of_image).unwrap_or(default))
}
