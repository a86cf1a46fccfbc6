//! What a probe of a capability found, and what to do where no failed step has a remedy.

use std::path::Path;

use nix::errno::Errno;

use super::words;

/// A system call and its errno.
pub(crate) fn refused(call: &str, errno: Errno) -> String {
    format!("{call}: {}", words::errno(errno))
}

pub(crate) fn no_such_namespace(link: &Path) -> String {
    format!("no {}", link.display())
}

pub(crate) const KERNEL_WITHOUT_NAMESPACE: &str =
    "this kernel is built without it (or /proc is not mounted): `time` needs Linux 5.6, CONFIG_TIME_NS";

/// `kind` is the kernel's, as in /proc/self/ns.
pub(crate) fn new_namespace(kind: &str) -> String {
    match kind {
        "user" => "made and mapped; sethostname works in it".to_owned(),
        "mnt" => "made, and a tmpfs mounted in it".to_owned(),
        "net" => "made, with loopback up".to_owned(),
        "uts" => "made, with a host name of its own".to_owned(),
        "cgroup" => "made, rooted at the guest's leaf".to_owned(),
        _ => "made".to_owned(),
    }
}

/// A namespace that is made, and in which what it is for is refused.
pub(crate) fn of_no_use(refused: &str) -> String {
    format!("made, but {refused}")
}

pub(crate) fn same_namespace(kind: &str) -> String {
    format!("the guest is in the runner's own {kind} namespace")
}

/// The remedy of a setting.
pub(crate) fn sysctl(name: &str, value: &str) -> String {
    format!("`sysctl -w {name}={value}`")
}

pub(crate) fn through_userns(found: &str) -> String {
    format!("{found}; through a user namespace")
}

pub(crate) const WITHOUT_USERNS: &str = "run as root to have it without a user namespace";

pub(crate) const NEW_PROC: &str = "mounted anew, shows the guest's pids";
pub(crate) const FOREIGN_PROC: &str = "/proc shows other processes than the guest's";
pub(crate) const HOST_VIEW: &str = "a copy-on-write view of the host";
pub(crate) const HOST_VIEW_IN_USERNS: &str = "a copy-on-write view of the host, with userxattr";
pub(crate) const NO_OVERLAY: &str = "no overlay is mounted in the guest";

/// Where a leaf could not be made.
pub(crate) fn below(directory: &Path) -> String {
    format!("below {}", directory.display())
}

/// `v1, below our own cgroup`.
pub(crate) fn leaf_place(v2: bool, rung: &str) -> String {
    format!("{}, {rung}", if v2 { "v2" } else { "v1" })
}

/// `v2, below our own cgroup: memory, pids; v1, below our own cgroup: cpu; not cpuset`.
pub(crate) fn controllers(places: &[(&str, Vec<&str>)], missing: &[&str]) -> String {
    let there = places.iter().map(|(place, names)| format!("{place}: {}", names.join(", ")));
    let lack = (!missing.is_empty()).then(|| format!("not {}", missing.join(", ")));
    there.chain(lack).collect::<Vec<_>>().join("; ")
}

pub(crate) fn swap_limited(file: &str, swap_is_on: bool) -> String {
    let swap = if swap_is_on { "" } else { "; this machine has no swap" };
    format!("limited by {file}{swap}")
}

pub(crate) const NO_SWAP: &str = "not accounted; this machine has no swap, so the promise is kept";
pub(crate) const SWAP_NOT_ACCOUNTED: &str = "swap is on, and not accounted";
pub(crate) const ACCOUNT_SWAP: &str =
    "boot with `swapaccount=1` on the kernel's command line (CONFIG_MEMCG_SWAP), or `swapoff -a`";

pub(crate) fn peak(file: &str) -> String {
    format!("read from {file}")
}

pub(crate) const NO_PEAK: &str = "the leaf does not keep it";
pub(crate) const NEWER_FOR_PEAK: &str = "cgroup v2 keeps it since Linux 5.19";

pub(crate) fn pressure_of_leaf(file: &str) -> String {
    format!("{file} of the leaf")
}

pub(crate) const PRESSURE_OF_MACHINE: &str = "of the whole machine only (/proc/pressure)";
pub(crate) const NO_PRESSURE: &str = "no /proc/pressure";
pub(crate) const ENABLE_PSI: &str = "boot with `psi=1` on the kernel's command line (CONFIG_PSI, Linux 4.20)";

pub(crate) const NO_V2_LEAF: &str = "the leaf is not in a cgroup v2 hierarchy";
pub(crate) const PRESSURE_NEEDS_V2: &str = V2_LEAF;
pub(crate) const V2_LEAF: &str = "boot with `systemd.unified_cgroup_hierarchy=1` on the kernel's command line, or \
     `mount -t cgroup2 none /sys/fs/cgroup/unified`";
pub(crate) const HAS_KILL: &str = "the leaf's cgroup.kill may be written";
pub(crate) const NO_KILL: &str = "cgroup.kill of the leaf";
pub(crate) const NEWER_FOR_KILL: &str = "Linux 5.14 has it; until then processes are killed one by one";
pub(crate) const CLONED_INTO: &str = "a process is born in the leaf";
pub(crate) const NOT_CLONED_INTO: &str = "clone3 into the leaf";
pub(crate) const NEWER_FOR_CLONE_INTO: &str =
    "Linux 5.7 has it, where no seccomp filter hides clone3; until then the body enters by cgroup.procs";

pub(crate) const PIDFD_OPENED: &str = "pidfd_open works";
pub(crate) const NEWER_OR_FILTERED: &str = "Linux 5.4 or newer, and a seccomp profile that lets it through: \
     `docker run --security-opt seccomp=unconfined`";
pub(crate) const CLONE3_KNOWN: &str = "the kernel answers it";

pub(crate) const NO_FILTER: &str = "no filter is in force";
pub(crate) const HARMLESS_FILTER: &str = "a filter is in force, and refuses nothing that is needed";
pub(crate) const UNCONFINED_SECCOMP: &str = "`docker run --security-opt seccomp=unconfined` (with `--cap-add SYS_ADMIN`, \
     or user namespaces allowed); systemd: `SystemCallFilter=` and `RestrictNamespaces=no`";

pub(crate) fn filter_refuses(calls: &[String]) -> String {
    format!("a filter is in force, and refuses: {}", calls.join("; "))
}

pub(crate) fn filter_hides(what: &str) -> String {
    format!("a filter is in force: {what}; clone is used instead")
}

pub(crate) const NO_APPARMOR: &str = "AppArmor is not in force";
pub(crate) const UNCONFINED: &str = "AppArmor is in force and restricts nothing here";
pub(crate) const APPARMOR_REMEDY: &str = super::remedy::APPARMOR;

pub(crate) fn apparmor(profile: &str, restricts: bool) -> String {
    let profile = if profile.is_empty() { "unknown" } else { profile };
    let restricts = if restricts { ", apparmor_restrict_unprivileged_userns is 1" } else { "" };
    format!("profile {}{restricts}", words::shown(profile))
}

pub(crate) fn harmless(found: &str) -> String {
    format!("{found}; what is needed works")
}

pub(crate) const TRACED: &str = "a guest traces its child";
pub(crate) const RELAX_YAMA: &str =
    "`sysctl -w kernel.yama.ptrace_scope=0` to trace any process of this user";
pub(crate) const ALLOW_PTRACE: &str =
    "`sysctl -w kernel.yama.ptrace_scope=1`; in a container, `docker run --cap-add SYS_PTRACE`";

pub(crate) fn traced_children(scope: &str) -> String {
    format!("a guest traces its child, and nothing else (yama.ptrace_scope is {})", words::shown(scope))
}

pub(crate) const NO_THP: &str = "this kernel has none";
pub(crate) const ENABLE_THP: &str = "`echo madvise >/sys/kernel/mm/transparent_hugepage/enabled`";
pub(crate) const COMPACT: &str = "memory is fragmented: `echo 1 >/proc/sys/vm/compact_memory`";

pub(crate) fn thp_setting(chosen: &str) -> String {
    format!("transparent_hugepage/enabled is `{}`", words::shown(chosen))
}

pub(crate) fn thp_not_given(chosen: &str) -> String {
    format!("{}, but a guest that asked got none", thp_setting(chosen))
}
