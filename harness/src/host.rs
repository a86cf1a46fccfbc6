//! What this machine offers, probed once a process: [`Host`] is plain data, so tests make one by hand.
//!
//! Only what `plan.rs` must know *before* a guest is started stands here. What the kernel says at the
//! attempt itself (a namespace refused, a mount refused) is said by the failed step, with its errno:
//! that is the truth, a guess made earlier is not.

use std::path::Path;

use nix::errno::Errno;
use nix::unistd::{Gid, Uid};
use once_cell::sync::OnceCell;

use crate::cgroup::{self, Layout, LeafLimits};
use crate::error::Unsupported;

/// This machine, as this process sees it.
#[derive(Debug, Clone)]
pub(crate) struct Host {
    /// Whether namespaces can be made without a user namespace: CAP_SYS_ADMIN is effective.
    pub(crate) privileged: bool,
    /// Whether our user namespace is not the machine's first one: then even root's mounts are those of a
    /// user (mount_namespaces(7), "Restrictions on mount namespaces").
    pub(crate) nested: bool,
    /// Our effective ids.
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// The ids that exist in our user namespace: first id and count of each range.
    pub(crate) uid_ranges: Vec<(u32, u32)>,
    pub(crate) gid_ranges: Vec<(u32, u32)>,
    /// Where cgroup leaves can be made.
    pub(crate) cgroups: Result<Layout, Unsupported>,
}

/// As it is found.
static HOST: OnceCell<Host> = OnceCell::new();

/// With every place for a cgroup leaf that can be had by doing something for it.
static CLIMBED: OnceCell<Host> = OnceCell::new();

/// The machine, probed at the first call. Where a leaf with such limits cannot be made as things are, the
/// ladder (cgroup/ladder.rs) is climbed, once: that may move this process to another cgroup, or ask systemd.
///
/// # Errors
/// A machine without a readable /proc.
pub(crate) fn get(leaf: Option<&LeafLimits>) -> Result<&'static Host, Unsupported> {
    let found = HOST.get_or_try_init(|| probe().map_err(no_proc))?;
    let is_enough = |limits| found.cgroups.as_ref().is_ok_and(|layout| layout.supports(limits).is_ok());
    if leaf.is_none_or(is_enough) {
        return Ok(found);
    }
    Ok(CLIMBED.get_or_init(|| Host { cgroups: found.cgroups.clone().map(Layout::climb), ..found.clone() }))
}

fn probe() -> Result<Host, Errno> {
    Ok(Host {
        privileged: capabilities()? & (1 << CAP_SYS_ADMIN) != 0,
        nested: is_nested()?,
        uid: Uid::effective().as_raw(),
        gid: Gid::effective().as_raw(),
        uid_ranges: ranges("/proc/self/uid_map")?,
        gid_ranges: ranges("/proc/self/gid_map")?,
        cgroups: cgroup::detect(),
    })
}

fn no_proc(errno: Errno) -> Unsupported {
    Unsupported {
        need: "/proc".to_owned(),
        found: format!("/proc/self cannot be read: {errno}"),
        remedy: "mount it: mount -t proc proc /proc".to_owned(),
        step: None,
    }
}

/// capabilities(7).
const CAP_SYS_ADMIN: u32 = 21;

/// The effective set of this process (proc_pid_status(5)).
fn capabilities() -> Result<u64, Errno> {
    let status = read("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    line.and_then(|set| u64::from_str_radix(set.trim(), 16).ok()).ok_or(Errno::EINVAL)
}

/// The first user namespace has a number of its own (`PROC_USER_INIT_INO` of linux/proc_ns.h); its id map
/// proves nothing, as a nested one may have the same. The link is read, not followed: it leads to a place without
/// a path, which AppArmor may refuse.
fn is_nested() -> Result<bool, Errno> {
    const FIRST: &str = "user:[4026531837]";
    match std::fs::read_link("/proc/self/ns/user") {
        Ok(namespace) => Ok(namespace != Path::new(FIRST)),
        // A kernel without user namespaces.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error.raw_os_error().map_or(Errno::EINVAL, Errno::from_raw)),
    }
}

/// First inner id and count of each line of an id map (user_namespaces(7)).
fn ranges(path: &str) -> Result<Vec<(u32, u32)>, Errno> {
    let map = read(path)?;
    map.lines().map(range).collect::<Option<_>>().ok_or(Errno::EINVAL)
}

fn range(line: &str) -> Option<(u32, u32)> {
    let mut fields = line.split_whitespace().map(str::parse);
    let first = fields.next()?.ok()?;
    let count = fields.nth(1)?.ok()?;
    Some((first, count))
}

fn read(path: &str) -> Result<String, Errno> {
    std::fs::read_to_string(path).map_err(|error| error.raw_os_error().map_or(Errno::EINVAL, Errno::from_raw))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_map_line_is_first_and_count() {
        assert_eq!(range("         0       1000          1"), Some((0, 1)));
        assert_eq!(range("0 0 4294967295"), Some((0, u32::MAX)));
        assert_eq!(range("0 0"), None);
        assert_eq!(range("a b c"), None);
    }

    #[test]
    fn this_process_has_its_own_ids_in_its_ranges() {
        let host = get(None).expect("a readable /proc");
        assert!(host.uid_ranges.iter().any(|(first, count)| host.uid - first < *count));
    }
}
