//! Whether the body has stayed in its leaf: limits bind, and figures are counted, only there.
//!
//! A test that moves itself to another cgroup, as code that manages cgroups does, has no limit any more. It is looked
//! at before the verdict is sent: once, as each look waits for whoever makes or removes a cgroup on the machine. A
//! program, which we become, is not looked at.

use std::fs::File;
use std::io::ErrorKind;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Component, Path};

use nix::errno::Errno;
use nix::sys::uio::pread;

use crate::error::{At, Cause, Object, SetupError, Step};
use crate::render;
use crate::sys::fds;

/// The body's /proc/PID/cgroup (cgroups(7)), opened before the test can cover /proc.
#[derive(Debug, Clone)]
pub(super) struct Membership {
    file: BorrowedFd<'static>,
    leaf: String,
    hierarchies: usize,
    /// In a cgroup namespace of its own, the leaf is the root of what it sees.
    own_view: bool,
}

const FILE: &str = "/proc/self/cgroup";

impl Membership {
    /// Of a leaf of this name in so many hierarchies; none where there is no /proc.
    ///
    /// # Errors
    /// It is there and cannot be opened: then nobody could say at the end where the body is.
    pub(super) fn open(
        (leaf, hierarchies): (String, usize),
        own_view: bool,
        least: i32,
    ) -> Result<Option<Self>, SetupError> {
        let file = match File::open(FILE) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            file => file.at(Step::StayInLeaf, FILE)?,
        };
        let high = fds::duplicate_above(file.as_fd(), least);
        let file = high.or_else(|_| fds::duplicate_above(file.as_fd(), 3)).at(Step::StayInLeaf, FILE)?;
        Ok(Some(Self { file: fds::keep_open(file), leaf, hierarchies, own_view }))
    }

    pub(super) fn descriptor(&self) -> BorrowedFd<'static> {
        self.file
    }

    /// Whether this process is still there, or below.
    ///
    /// # Errors
    /// It is not, or that cannot be seen.
    pub(super) fn holds(&self) -> Result<(), SetupError> {
        let cause = match read(self.file) {
            Ok(text) if self.is_inside(&text) => return Ok(()),
            Ok(_) => Cause::Refused { reason: render::OUTSIDE_OF_LEAF.to_owned() },
            Err(errno) => Cause::Errno(errno),
        };
        Err(SetupError { step: Step::StayInLeaf, object: Object::Name(self.leaf.clone()), cause })
    }

    fn is_inside(&self, text: &str) -> bool {
        let mut paths = text.lines().filter_map(|line| line.splitn(3, ':').nth(2)).map(Path::new);
        if self.own_view {
            // Outside of the namespace's root the kernel writes `/..`.
            return paths.all(|path| !path.components().any(|part| part == Component::ParentDir));
        }
        paths.filter(|path| path.iter().any(|name| *name == *self.leaf)).count() >= self.hierarchies
    }
}

fn read(file: BorrowedFd<'_>) -> Result<String, Errno> {
    let mut text = vec![0; 2048];
    let mut length = 0;
    loop {
        if length == text.len() {
            text.resize(2 * length, 0);
        }
        match pread(file, &mut text[length..], i64::try_from(length).unwrap_or(i64::MAX)) {
            Ok(0) => return Ok(String::from_utf8_lossy(&text[..length]).into_owned()),
            Ok(more) => length += more,
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inside(own_view: bool, text: &str) -> bool {
        let file = fds::keep_open(File::open("/dev/null").unwrap().into());
        Membership { file, leaf: "leaf".to_owned(), hierarchies: 2, own_view }.is_inside(text)
    }

    #[test]
    fn inside_is_the_leaf_and_what_is_below() {
        for (text, is_inside) in [
            ("4:cpu,cpuacct:/a/leaf\n3:pids:/a/leaf/b:c\n2:io:/\n", true),
            ("4:cpu,cpuacct:/a/leaf\n3:pids:/a\n2:io:/\n", false),
            ("4:cpu,cpuacct:/a/leaf\n3:pids:/a/leaf (deleted)\n", false),
            ("4:cpu,cpuacct:/a/leaf\n3:pids:/a/leaf2\n", false),
            ("4:cpu,cpuacct:/a/leaf\n3:pids:/beside-leaf\n", false),
            ("", false),
        ] {
            assert_eq!(inside(false, text), is_inside, "{text}");
        }
    }

    #[test]
    fn a_namespace_has_the_leaf_as_its_root() {
        for (text, is_inside) in [
            ("4:memory:/\n0::/b\n", true),
            ("4:memory:/..\n0::/\n", false),
            ("4:memory:/\n0::/../b\n", false),
        ] {
            assert_eq!(inside(true, text), is_inside, "{text}");
        }
    }
}
