//! Where each cgroup hierarchy is mounted and where we are in it: `/proc/self/cgroup` and
//! `/proc/self/mountinfo` as text (cgroups(7)); nothing here does I/O.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, PathBuf};

use crate::mountinfo::{self, Mount};

/// One place where one of our own cgroups can be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// The controllers of a v1 hierarchy; empty for the v2 one, which says so in its own files.
    pub(crate) controllers: Vec<String>,
    /// Whether this is the v2 hierarchy.
    pub(crate) v2: bool,
    /// The mount point.
    pub(crate) point: PathBuf,
    /// Our own cgroup, seen through that mount.
    pub(crate) own: PathBuf,
}

/// Every place, in the order of `/proc/self/cgroup`; a hierarchy mounted twice is there twice.
pub(super) fn places(cgroup: &[u8], mountinfo: &[u8]) -> Vec<Place> {
    let mounts = mountinfo::parse(mountinfo);
    let memberships = split(cgroup, b'\n').filter_map(membership);
    memberships.flat_map(|member| mounts.iter().filter_map(move |mount| place(mount, &member))).collect()
}

/// A line of `/proc/self/cgroup`: `id:controllers:path`.
struct Membership {
    controllers: Vec<String>,
    path: PathBuf,
}

fn membership(line: &[u8]) -> Option<Membership> {
    let mut fields = line.splitn(3, |byte| *byte == b':');
    let (id, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
    // The v2 hierarchy is `0::`; a v1 hierarchy always names itself.
    (id == b"0" || !controllers.is_empty())
        .then(|| Membership { controllers: names(controllers), path: OsStr::from_bytes(path).into() })
}

/// Where a mount shows the cgroup of this membership, if it does.
fn place(mount: &Mount, member: &Membership) -> Option<Place> {
    let v2 = member.controllers.is_empty();
    let options: Vec<&str> = mount.options.split(',').collect();
    let same = mount.filesystem == if v2 { "cgroup2" } else { "cgroup" }
        && member.controllers.iter().all(|name| options.contains(&name.as_str()));
    // The mount may show a part of the hierarchy only (a container's bind mount). Our cgroup must
    // lie in that part. `..` means: outside of our cgroup namespace, where no name leads to.
    let hidden = [&mount.root, &member.path]
        .iter()
        .any(|path| path.components().any(|part| part == Component::ParentDir));
    let below = member.path.strip_prefix(&mount.root).ok().filter(|_| same && !hidden)?;
    let own = if below.as_os_str().is_empty() { mount.point.clone() } else { mount.point.join(below) };
    Some(Place { controllers: member.controllers.clone(), v2, point: mount.point.clone(), own })
}

fn split(text: &[u8], at: u8) -> impl Iterator<Item = &[u8]> {
    text.split(move |byte| *byte == at).filter(|part| !part.is_empty())
}

fn names(list: &[u8]) -> Vec<String> {
    split(list, b',').map(|name| String::from_utf8_lossy(name).into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// (mountinfo root, mount point, type, super options)
    type Line<'a> = (&'a str, &'a str, &'a str, &'a str);

    /// (/proc/self/cgroup, mounts, controllers and own directory of each place)
    type Case<'a> = (&'a str, &'a [Line<'a>], &'a [(&'a str, &'a str)]);

    fn found(cgroup: &str, mounts: &[Line<'_>]) -> Vec<(String, String)> {
        let info: Vec<String> = mounts
            .iter()
            .map(|(root, point, kind, options)| {
                format!("31 23 0:28 {root} {point} rw,relatime shared:9 - {kind} {kind} {options}")
            })
            .collect();
        places(cgroup.as_bytes(), info.join("\n").as_bytes())
            .into_iter()
            .map(|place| (place.controllers.join(","), place.own.display().to_string()))
            .collect()
    }

    fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        expected.iter().map(|(name, own)| ((*name).to_owned(), (*own).to_owned())).collect()
    }

    #[test]
    fn v1_hybrid_and_v2() {
        let memory = ("/", "/sys/fs/cgroup/memory", "cgroup", "rw,memory");
        let cpu = ("/", "/sys/fs/cgroup/cpu,cpuacct", "cgroup", "rw,cpu,cpuacct");
        let named = ("/", "/sys/fs/cgroup/systemd", "cgroup", "rw,xattr,name=systemd");
        let unified = ("/", "/sys/fs/cgroup/unified", "cgroup2", "rw,nsdelegate");
        let other = ("/", "/proc", "proc", "rw");
        let v1 = "4:memory:/a/b\n3:cpu,cpuacct:/\n1:name=systemd:/x\n";
        let cases: &[Case<'_>] = &[
            ("", &[memory], &[]),
            (v1, &[], &[]),
            (v1, &[other, memory], &[("memory", "/sys/fs/cgroup/memory/a/b")]),
            (
                v1,
                &[memory, cpu, named],
                &[
                    ("memory", "/sys/fs/cgroup/memory/a/b"),
                    ("cpu,cpuacct", "/sys/fs/cgroup/cpu,cpuacct"),
                    ("name=systemd", "/sys/fs/cgroup/systemd/x"),
                ],
            ),
            // Hybrid, as on the machine this was written on.
            (
                "4:memory:/a\n0::/\n",
                &[memory, unified],
                &[("memory", "/sys/fs/cgroup/memory/a"), ("", "/sys/fs/cgroup/unified")],
            ),
            // cgroup_no_v1: a v1 hierarchy is compiled out, v2 mounted alone.
            ("0::/u/s\n", &[("/", "/sys/fs/cgroup", "cgroup2", "rw")], &[("", "/sys/fs/cgroup/u/s")]),
        ];
        for (cgroup, mounts, expected) in cases {
            assert_eq!(found(cgroup, mounts), pairs(expected), "{cgroup:?} {mounts:?}");
        }
    }

    #[test]
    fn mounts_that_show_a_part() {
        let cases = [
            // docker --cgroupns=host on v1: the mount's root is our own cgroup.
            ("4:memory:/docker/c1", "/docker/c1", Some("/m")),
            ("4:memory:/docker/c1/sub", "/docker/c1", Some("/m/sub")),
            // A bind mount of somebody else's part.
            ("4:memory:/docker/c1", "/docker/c2", None),
            ("4:memory:/docker/c10", "/docker/c1", None),
            // unshare -C without a new mount: its root lies outside of our namespace.
            ("4:memory:/", "/../..", None),
            ("4:memory:/../x", "/", None),
        ];
        for (cgroup, root, own) in cases {
            let expected: Vec<_> = own.map(|own| ("memory", own)).into_iter().collect();
            assert_eq!(found(cgroup, &[(root, "/m", "cgroup", "rw,memory")]), pairs(&expected));
        }
    }
}
