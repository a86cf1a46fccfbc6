//! Whether the body has stayed in its leaf: limits bind, and figures are counted, only there.
//!
//! A test that moves itself to another cgroup, as code that manages cgroups does, has no limit any more. It is looked
//! at before the verdict is sent; a program, which we become, is not.

use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Component, Path};

use nix::errno::Errno;
use nix::sys::uio::pread;

use crate::error::{Cause, Object, SetupError, Step};
use crate::maker::Maker;
use crate::render;
use crate::sys::fds;

/// The body's lines of /proc/PID/cgroup (cgroups(7)). The file is opened before the test can cover /proc.
#[derive(Debug, Clone)]
pub(super) struct Membership {
    file: BorrowedFd<'static>,
    leaf: Vec<Line>,
}

/// A hierarchy, `4:memory`, and the path in it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    hierarchy: String,
    path: String,
}

impl Membership {
    /// That of this process, which is in its leaf; none where there is no /proc.
    pub(super) fn note(least: i32) -> Option<Self> {
        let file = File::open("/proc/self/cgroup").ok()?;
        let file =
            fds::duplicate_above(file.as_fd(), least).or_else(|_| fds::duplicate_above(file.as_fd(), 3));
        let file = fds::keep_open(file.ok()?);
        let mut leaf = lines(&read(file).ok()?);
        leaf.retain(|line| is_leaf(&line.path));
        Some(Self { file, leaf })
    }

    /// As the paths are from within a cgroup namespace that has been made since.
    pub(super) fn seen_from_here(mut self) -> Self {
        let now = read(self.file).map(|text| lines(&text)).unwrap_or_default();
        for line in &mut self.leaf {
            if let Some(now) = now.iter().find(|now| now.hierarchy == line.hierarchy) {
                line.path.clone_from(&now.path);
            }
        }
        self
    }

    pub(super) fn descriptor(&self) -> BorrowedFd<'static> {
        self.file
    }

    /// Whether this process is still there, or below.
    ///
    /// # Errors
    /// Where it is instead, or why that cannot be seen.
    pub(super) fn holds(&self) -> Result<(), SetupError> {
        let now = read(self.file).map(|text| lines(&text));
        let now = now.map_err(|errno| SetupError::new(Step::StayInLeaf, "/proc/self/cgroup", errno))?;
        for leaf in &self.leaf {
            let found = now.iter().find(|line| line.hierarchy == leaf.hierarchy);
            let found = found.map_or("", |line| line.path.as_str());
            if !is_inside(&leaf.path, found) {
                let object = Object::from(Path::new(&leaf.path));
                let cause = Cause::Refused { reason: render::outside_of_leaf(found) };
                return Err(SetupError { step: Step::StayInLeaf, object, cause });
            }
        }
        Ok(())
    }
}

fn read(file: BorrowedFd<'_>) -> Result<String, Errno> {
    // A line for each hierarchy, of which there are a dozen.
    let mut text = vec![0; 64 << 10];
    let mut length = 0;
    loop {
        match pread(file, &mut text[length..], i64::try_from(length).unwrap_or(i64::MAX)) {
            Ok(0) => return Ok(String::from_utf8_lossy(&text[..length]).into_owned()),
            Ok(more) => length += more,
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
    }
}

fn lines(text: &str) -> Vec<Line> {
    let line = |line: &str| {
        let (id, rest) = line.split_once(':')?;
        let (controllers, path) = rest.split_once(':')?;
        Some(Line { hierarchy: format!("{id}:{controllers}"), path: path.to_owned() })
    };
    text.lines().filter_map(line).collect()
}

fn is_leaf(path: &str) -> bool {
    let name = Path::new(path).file_name().and_then(|name| name.to_str());
    name.and_then(Maker::of_name).is_some()
}

/// Outside of a cgroup namespace's root the kernel writes `/..`.
fn is_inside(leaf: &str, path: &str) -> bool {
    let path = Path::new(path);
    path.starts_with(leaf) && !path.components().any(|part| part == Component::ParentDir)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inside_is_the_leaf_and_what_is_below() {
        for (leaf, path, inside) in [
            ("/a/leaf", "/a/leaf", true),
            ("/a/leaf", "/a/leaf/b", true),
            ("/a/leaf", "/a/leaf2", false),
            ("/a/leaf", "/a", false),
            ("/a/leaf", "/", false),
            ("/a/leaf", "", false),
            ("/a/leaf", "/a/leaf (deleted)", false),
            ("/", "/", true),
            ("/", "/b", true),
            ("/", "/..", false),
            ("/", "/../b", false),
        ] {
            assert_eq!(is_inside(leaf, path), inside, "{leaf} {path}");
        }
    }

    #[test]
    fn hierarchies_are_told_apart() {
        let found = lines("4:cpu,cpuacct:/a:b\n0::/c\nnonsense\n");
        let line = |hierarchy: &str, path: &str| Line { hierarchy: hierarchy.into(), path: path.into() };
        assert_eq!(found, [line("4:cpu,cpuacct", "/a:b"), line("0:", "/c")]);
    }
}
