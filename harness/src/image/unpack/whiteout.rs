//! Whiteouts: how a layer says that something of a layer below it is gone (the OCI image specification, "Whiteouts").
//!
//! In an archive it is an empty file `.wh.NAME`, for overlayfs (overlayfs.rst, "whiteouts and opaque directories") a
//! character device 0:0 called NAME, which everybody may make since Linux 5.8; a file `.wh..wh..opq` hides everything
//! that lower layers have in its directory, which for overlayfs is an extended attribute of the directory. As root
//! both names of it are set: a test may mount the layer in a user namespace of its own (`userxattr`).
//!
//! A whiteout concerns lower layers only: a file of its name in the same layer stays, a directory becomes opaque.

use std::os::fd::AsFd;

use nix::errno::Errno;
use nix::sys::stat::{Mode, SFlag, mknodat};
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

/// Hides what lower layers have of this name.
pub(super) fn hide(tree: &Tree, parent: &Directory, gone: &[u8], variant: Variant) -> Result<(), Reason> {
    if tree.is_directory(parent, gone) {
        let name = Name::child(parent.name(), gone);
        return make_opaque(tree, &name, variant);
    }
    match mknodat(parent, gone, SFlag::S_IFCHR, Mode::empty(), 0) {
        // A file of this layer, or a second whiteout.
        Ok(()) | Err(Errno::EEXIST) => Ok(()),
        Err(errno @ (Errno::EPERM | Errno::EOPNOTSUPP)) => Err(unsuited(tree, "a whiteout", errno)),
        Err(errno) => Err(tree.failed(Name::child(parent.name(), gone).as_bytes())(errno)),
    }
}

/// Hides everything that lower layers have in this directory.
pub(super) fn make_opaque(tree: &Tree, name: &Name, variant: Variant) -> Result<(), Reason> {
    let directory = tree.reopen(name)?;
    let fd = directory.as_fd();
    let set = |attribute| {
        let done = xattr::set_open(fd, attribute, b"y");
        done.map_err(|errno| unsuited(tree, "an opaque directory", errno))
    };
    if variant == Variant::Root {
        set(c"trusted.overlay.opaque")?;
    }
    set(c"user.overlay.opaque")
}

/// Makes room for a file whose name an earlier entry of this layer has whited out: whether it had.
pub(super) fn replaced(parent: &Directory, last: &[u8]) -> Result<bool, Errno> {
    match parent.stat(last) {
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
