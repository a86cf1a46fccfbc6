//! Whiteouts: how a layer says that something of a layer below it is gone (the OCI image specification, "Whiteouts").
//!
//! In an archive it is an empty file `.wh.NAME`, for overlayfs (overlayfs.rst, "whiteouts and opaque directories") a
//! character device 0:0 called NAME, which everybody may make since Linux 5.8; a file `.wh..wh..opq` hides everything
//! that lower layers have in its directory, which for overlayfs is an extended attribute of the directory. As root
//! both names of it are set: a test may mount the layer in a user namespace of its own (`userxattr`).
//!
//! A whiteout concerns lower layers only: a file of its name in the same layer stays, a directory becomes opaque.

use std::collections::BTreeSet;
use std::os::fd::AsFd;

use nix::errno::Errno;
use nix::fcntl::AtFlags;
use nix::sys::stat::{Mode, SFlag, fstatat, mknodat};
use nix::unistd::{UnlinkatFlags, unlinkat};

use super::super::error::{BadName, Reason};
use super::metadata::Variant;
use super::name::Name;
use super::tree::{Directory, Tree, is_whiteout};
use crate::sys::xattr;

const PREFIX: &[u8] = b".wh.";
const OPAQUE: &[u8] = b".wh..wh..opq";

/// What the last component of a name says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Mark<'a> {
    /// Nothing of that kind.
    None,
    /// This is gone.
    Gone(&'a [u8]),
    /// Everything beside it is.
    Opaque,
}

/// Reads the mark off a name.
pub(super) fn mark(name: &Name) -> Result<Mark<'_>, Reason> {
    let (parent, last) = name.split();
    if parent.split(|byte| *byte == b'/').any(|part| part.starts_with(PREFIX)) {
        return Err(Reason::Name(BadName::WhiteoutAsParent));
    }
    match last.strip_prefix(PREFIX) {
        None => Ok(Mark::None),
        Some(_) if last == OPAQUE && parent.is_empty() => Err(Reason::OpaqueRoot),
        Some(_) if last == OPAQUE => Ok(Mark::Opaque),
        Some(gone) if matches!(gone, [] | b"." | b"..") || gone.starts_with(PREFIX) => {
            Err(Reason::BadWhiteout)
        }
        Some(gone) => Ok(Mark::Gone(gone)),
    }
}

/// What a layer hides.
#[derive(Debug)]
pub(super) struct Whiteouts {
    variant: Variant,
    /// The devices that were made, by their names.
    made: Vec<Name>,
    opaque: BTreeSet<Name>,
}

impl Whiteouts {
    pub(super) fn new(variant: Variant) -> Self {
        Self { variant, made: Vec::new(), opaque: BTreeSet::new() }
    }

    /// Hides what lower layers have of this name.
    pub(super) fn hide(&mut self, tree: &Tree, parent: &Directory, gone: &[u8]) -> Result<(), Reason> {
        let name = Name::child(parent.name(), gone);
        if tree.is_directory(parent, gone) {
            return self.make_opaque(tree, name);
        }
        match mknodat(parent, gone, SFlag::S_IFCHR, Mode::empty(), 0) {
            Ok(()) => self.made.push(name),
            // A file of this layer, or a second whiteout.
            Err(Errno::EEXIST) => {}
            Err(errno @ (Errno::EPERM | Errno::EOPNOTSUPP)) => {
                return Err(unsuited(tree, "a whiteout", errno));
            }
            Err(errno) => return Err(tree.failed(name.as_bytes())(errno)),
        }
        Ok(())
    }

    /// Hides everything that lower layers have in this directory, which is given by its name without links.
    pub(super) fn make_opaque(&mut self, tree: &Tree, name: Name) -> Result<(), Reason> {
        let directory = tree.reopen(&name)?;
        let fd = directory.as_fd();
        let set = |attribute| {
            let done = xattr::set_open(fd, attribute, b"y");
            done.map_err(|errno| unsuited(tree, "an opaque directory", errno))
        };
        if self.variant == Variant::Root {
            set(c"trusted.overlay.opaque")?;
        }
        set(c"user.overlay.opaque")?;
        self.opaque.insert(name);
        Ok(())
    }

    /// Below an opaque directory there is nothing to hide: overlayfs does not look for whiteouts there, and shows them.
    pub(super) fn remove_useless(&self, tree: &Tree) -> Result<(), Reason> {
        let is_useless = |name: &&Name| name.above().any(|directory| self.opaque.contains(&directory));
        for name in self.made.iter().filter(is_useless) {
            let (parent, last) = name.split();
            // What took its place meanwhile is none.
            replaced(&tree.reopen(&Name::known(parent))?, last).map_err(tree.failed(name.as_bytes()))?;
        }
        Ok(())
    }
}

/// Makes room for a file whose name an earlier entry of this layer has whited out: whether it had.
pub(super) fn replaced(parent: &impl AsFd, last: &[u8]) -> Result<bool, Errno> {
    match fstatat(parent, last, AtFlags::AT_SYMLINK_NOFOLLOW) {
        Ok(stat) if is_whiteout(&stat) => unlinkat(parent, last, UnlinkatFlags::NoRemoveDir).map(|()| true),
        Ok(_) | Err(Errno::ENOENT) => Ok(false),
        Err(errno) => Err(errno),
    }
}

fn unsuited(tree: &Tree, what: &'static str, errno: Errno) -> Reason {
    match errno {
        Errno::ENOSPC => tree.failed(b"")(errno),
        errno => Reason::Unsuited { cache: tree.path().to_owned(), what, errno },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str) -> Result<Mark<'static>, Reason> {
        let name = Box::leak(Box::new(Name::parse(name.as_bytes()).unwrap()));
        mark(name)
    }

    #[test]
    fn marks() {
        assert_eq!(read("a/b"), Ok(Mark::None));
        assert_eq!(read("a/.wh.b"), Ok(Mark::Gone(b"b")));
        assert_eq!(read(".wh.b"), Ok(Mark::Gone(b"b")));
        assert_eq!(read(".wh.b.wh.c"), Ok(Mark::Gone(b"b.wh.c")));
        assert_eq!(read(".wh...."), Ok(Mark::Gone(b"...")));
        assert_eq!(read("a/.wh..wh..opq"), Ok(Mark::Opaque));
        assert_eq!(read(".wh"), Ok(Mark::None));
    }

    #[test]
    fn marks_that_are_none() {
        for name in [".wh.", ".wh..", ".wh...", "a/.wh...", ".wh..wh.plnk", ".wh..wh..opq2"] {
            assert_eq!(read(name), Err(Reason::BadWhiteout), "{name}");
        }
        assert_eq!(read(".wh..wh..opq"), Err(Reason::OpaqueRoot));
        assert_eq!(read(".wh.a/b"), Err(Reason::Name(BadName::WhiteoutAsParent)));
    }
}
