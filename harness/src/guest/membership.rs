//! Whether the body has stayed in its leaf: limits bind, and figures are counted, only there.
//!
//! A test that moves itself to another cgroup, as code that manages cgroups does, has no limit any more. It is looked
//! at before the verdict is sent: once, as each look waits for whoever makes or removes a cgroup on the machine.
//!
//! A body that may end without a verdict, a program or one with `expect`, is looked at by the init when it has ended:
//! on v2, where the kernel keeps the cgroup of a process until it is reaped. On v1 such a process is in none, and
//! nobody says where it was.

use std::fs::File;
use std::io::ErrorKind;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Component, Path};

use nix::errno::Errno;
use nix::sys::uio::pread;

use crate::error::{At, Cause, Object, SetupError, Step};
use crate::processes;
use crate::render;
use crate::sys::fds;
use crate::sys::process::Pid;

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
        let text = read(self.file).at(Step::StayInLeaf, self.leaf.as_str())?;
        if self.is_inside(&text) { Ok(()) } else { Err(outside(&self.leaf)) }
    }

    fn is_inside(&self, text: &str) -> bool {
        let mut paths = text.lines().filter_map(|line| line.splitn(3, ':').nth(2)).map(Path::new);
        if self.own_view {
            // Outside of the namespace's root the kernel writes `/..`.
            return paths.all(|path| !path.components().any(|part| part == Component::ParentDir));
        }
        paths.filter(|path| is_in(path, &self.leaf)).count() >= self.hierarchies
    }
}

/// Whether a process that has ended, and is not reaped yet, was in the v2 leaf of this name, or below. One that `proc`
/// does not show is believed to be.
///
/// # Errors
/// It was not, or that cannot be seen.
pub(crate) fn ended_in(leaf: &str, proc: &Path, pid: Pid) -> Result<(), SetupError> {
    if !processes::shows_us(proc) {
        return Ok(());
    }
    let text = match std::fs::read(proc.join(format!("{pid}/cgroup"))) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        text => text.at(Step::StayInLeaf, leaf)?,
    };
    let text = String::from_utf8_lossy(&text);
    let is_inside =
        text.lines().filter_map(|line| line.strip_prefix("0::")).any(|path| is_in(path.as_ref(), leaf));
    if is_inside { Ok(()) } else { Err(outside(leaf)) }
}

fn is_in(path: &Path, leaf: &str) -> bool {
    path.iter().any(|name| *name == *leaf)
}

fn outside(leaf: &str) -> SetupError {
    let cause = Cause::Refused { reason: render::OUTSIDE_OF_LEAF.to_owned() };
    SetupError { step: Step::StayInLeaf, object: Object::Name(leaf.to_owned()), cause }
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
