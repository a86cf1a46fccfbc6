//! Which cgroups of the v2 tree, at and above our own, are ours to arrange: to make children in, and to
//! enable controllers for these?
//!
//! * Below a unit of systemd (`*.scope`, `*.service`, `*.slice`), only down from a unit that was delegated:
//!   systemd then leaves everything below it alone, and marks it with an extended attribute (`Delegate=`
//!   in systemd.resource-control(5), and <https://systemd.io/CGROUP_DELEGATION>).
//! * Where no unit is in sight (a container, a machine without systemd), our own; and above it what belongs
//!   to our user, or what this crate has arranged before: `harness scope` puts the command into a child named
//!   [`COMMAND`]. A guest's leaf is no such child: a runner in a guest stays below the guest's limits.
//!
//! That root may write everywhere does not make everything root's.

use std::ffi::CStr;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::AtFlags;
use nix::sys::statvfs::{FsFlags, statvfs};
use nix::unistd::{AccessFlags, faccessat, geteuid};

use crate::maker::Maker;
use crate::sys::xattr;

/// Where `harness scope` puts its command. Never swept, as it is no leaf's name: what runs in it may outlive the
/// command.
pub(super) const COMMAND: &str = "harness.command";

/// Our own cgroup, if it is ours to arrange, and those above it that are, nearest first.
pub(super) fn of(own: &Path, point: &Path) -> Vec<PathBuf> {
    let mut chain: Vec<&Path> = own.ancestors().take_while(|dir| dir.starts_with(point)).collect();
    // What runs in a guest stays in it, whoever the cgroups above belong to.
    chain.truncate(chain.iter().position(|dir| is_leaf(dir)).map_or(chain.len(), |place| place + 1));
    // The mount point's own name is no cgroup's.
    let unit = chain.iter().position(|dir| *dir != point && is_unit(dir));
    let given = match unit {
        Some(place) if is_delegated(chain[place]) => place + 1,
        Some(_) => 0,
        None => 1 + chain.iter().skip(1).take_while(|dir| is_our_users(dir)).count(),
    };
    // Up to the cgroup whose processes `harness scope` moved: it was ours then.
    let command = chain.iter().position(|dir| dir.file_name().is_some_and(|name| name == COMMAND));
    let arranged = command.map_or(0, |place| place + 2);
    chain.into_iter().take(given.max(arranged)).map(Path::to_owned).collect()
}

/// One that this crate has made for a guest.
fn is_leaf(dir: &Path) -> bool {
    let name = dir.file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| Maker::of_name(name).is_some()) && !Maker::is_room(dir)
}

fn is_unit(dir: &Path) -> bool {
    let extension = dir.extension().and_then(|extension| extension.to_str());
    matches!(extension, Some("scope" | "service" | "slice"))
}

/// systemd marks what it delegates: for everybody since version 251, before that for root's eyes only.
fn is_delegated(dir: &Path) -> bool {
    const MARKS: [&CStr; 2] = [c"user.delegate", c"trusted.delegate"];
    MARKS.iter().any(|mark| xattr::get(dir, mark).is_ok_and(|value| value == b"1"))
}

/// What belongs to root is not for that the test's.
fn is_our_users(dir: &Path) -> bool {
    let us = geteuid();
    !us.is_root() && fs::metadata(dir).is_ok_and(|found| found.uid() == us.as_raw())
}

/// Why we may not make children there: EACCES, EROFS, ENOENT.
pub(super) fn refusal(dir: &Path) -> Option<Errno> {
    if statvfs(dir).is_ok_and(|found| found.flags().contains(FsFlags::ST_RDONLY)) {
        // Nobody can, whatever the mode allows.
        return Some(Errno::EROFS);
    }
    // As the attempt would be judged: by the effective ids.
    faccessat(nix::fcntl::AT_FDCWD, dir, AccessFlags::W_OK, AtFlags::AT_EACCESS).err()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Directories for cgroups; those of systemd's names are not delegated: no attribute can be set on
    /// every filesystem that this test may run on.
    #[test]
    fn units_rule_what_is_below_them() {
        let dir = tempfile::tempdir().unwrap();
        let point = dir.path().join("cgroup.slice");
        let cases: [(&str, &[&str]); 4] = [
            ("", &[""]),
            ("docker/c1", &["docker/c1"]),
            ("user.slice/session-1.scope", &[]),
            ("user.slice/a/b", &[]),
        ];
        for (own, expected) in cases {
            let own = point.join(own);
            fs::create_dir_all(&own).unwrap();
            let found = of(&own, &point);
            // A user owns the whole of this tree, root nothing of it above its own.
            let at_least: Vec<_> = expected.iter().map(|name| point.join(name)).collect();
            assert!(found.starts_with(&at_least), "{own:?} {found:?}");
            assert_eq!(found.is_empty(), expected.is_empty(), "{own:?} {found:?}");
        }
    }

    #[test]
    fn what_was_arranged_before_is_ours() {
        let dir = tempfile::tempdir().unwrap();
        let own = dir.path().join("a").join(COMMAND);
        fs::create_dir_all(&own).unwrap();
        assert!(of(&own, dir.path()).starts_with(&[own.clone(), dir.path().join("a")]));
        let leaf = dir.path().join("a/harness.12345678.1.2.3.4");
        assert_eq!(of(&leaf, dir.path()), std::slice::from_ref(&leaf));
        let below = leaf.join("b");
        assert!(of(&below, dir.path()).iter().all(|dir| dir.starts_with(&leaf)));
        // The room of a runner's own processes is no guest's.
        let room = dir.path().join("a.scope/harness.12345678.1.2.3.4.room");
        assert_eq!(of(&room, dir.path()), Vec::<PathBuf>::new());
        let command = dir.path().join("b.scope/harness.command");
        assert_eq!(of(&command, dir.path()), [command.clone(), dir.path().join("b.scope")]);
    }

    #[test]
    fn a_refusal_says_why() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(refusal(dir.path()), None);
        assert_eq!(refusal(&dir.path().join("none")), Some(Errno::ENOENT));
    }
}
