//! Owner, extended attributes, mode and time of what was made, in the order in which they do not undo each other:
//! chown(2) takes away setuid bits and capabilities, and a mode may forbid to set an attribute.

use std::ffi::CString;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use nix::errno::Errno;
use nix::fcntl::AtFlags;
use nix::sys::stat::{FchmodatFlags, Mode, UtimensatFlags, fchmod, fchmodat, futimens, utimensat};
use nix::sys::time::TimeSpec;
use nix::unistd::{Gid, Uid, fchown, fchownat};

use super::super::error::{BadName, Reason};
use super::entry::Metadata;
use crate::render;
use crate::sys::xattr;

/// For whom a layer is unpacked: it decides what can be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Variant {
    /// Root of the machine: everything.
    Root,
    /// Somebody without privilege: everything is this user's, there are no devices, and of the extended attributes only
    /// those of `user.`.
    User,
}

/// What of a file could not be kept.
pub(super) type Lost = Vec<String>;

/// A directory, or a file that is open for writing.
pub(super) fn of_open(file: impl AsFd, metadata: &Metadata, variant: Variant) -> Result<Lost, Errno> {
    let fd = file.as_fd();
    if variant == Variant::Root {
        fchown(fd, owner(metadata), group(metadata))?;
    }
    let lost = attributes(metadata, variant, |name, value| xattr::set_open(fd, name, value));
    fchmod(fd, mode(metadata))?;
    times(metadata, |time| futimens(fd, time, time))?;
    Ok(lost)
}

/// Something that cannot be opened: a link, a device, a fifo.
pub(super) fn of_named(
    parent: BorrowedFd<'_>,
    last: &[u8],
    metadata: &Metadata,
    variant: Variant,
    is_link: bool,
) -> Result<Lost, Errno> {
    if variant == Variant::Root {
        fchownat(parent, last, owner(metadata), group(metadata), AtFlags::AT_SYMLINK_NOFOLLOW)?;
    }
    let lost = attributes(metadata, variant, |name, value| {
        // There is no setxattrat(2) before Linux 6.13.
        let path = [format!("/proc/self/fd/{}/", parent.as_raw_fd()).as_bytes(), last].concat();
        xattr::set_link(&CString::new(path).map_err(|_| Errno::EINVAL)?, name, value)
    });
    if !is_link {
        // Not a link, and nobody else is here to make it one.
        fchmodat(parent, last, mode(metadata), FchmodatFlags::FollowSymlink)?;
    }
    times(metadata, |time| utimensat(parent, last, time, time, UtimensatFlags::NoFollowSymlink))?;
    Ok(lost)
}

fn owner(metadata: &Metadata) -> Option<Uid> {
    Some(Uid::from_raw(metadata.uid))
}

fn group(metadata: &Metadata) -> Option<Gid> {
    Some(Gid::from_raw(metadata.gid))
}

fn mode(metadata: &Metadata) -> Mode {
    Mode::from_bits_truncate(metadata.mode)
}

/// The time of access, too: that of the unpacking would make every copy another one.
fn times(metadata: &Metadata, set: impl FnOnce(&TimeSpec) -> Result<(), Errno>) -> Result<(), Errno> {
    set(&metadata.mtime)
}

fn attributes(
    metadata: &Metadata,
    variant: Variant,
    set: impl Fn(&CString, &[u8]) -> Result<(), Errno>,
) -> Lost {
    let mut lost = Vec::new();
    for (name, value) in &metadata.xattrs {
        let is_kept = variant == Variant::Root || name.starts_with(b"user.");
        let done = CString::new(&**name)
            .map_err(|_| Errno::EINVAL)
            .and_then(|name| if is_kept { set(&name, value) } else { Err(Errno::EPERM) });
        if let Err(errno) = done {
            lost.push(render::image::lost_attribute(name, errno));
        }
    }
    lost
}

/// overlayfs's own attributes would redirect a directory, or hide what is below it.
pub(super) fn check(metadata: &Metadata) -> Result<(), Reason> {
    let reserved: [&[u8]; 2] = [b"trusted.overlay.", b"user.overlay."];
    for (name, _) in &metadata.xattrs {
        if name.contains(&0) {
            return Err(Reason::Name(BadName::Nul));
        }
        if reserved.iter().any(|prefix| name.starts_with(prefix)) {
            return Err(Reason::Forged(render::image::attribute(name)));
        }
    }
    Ok(())
}
