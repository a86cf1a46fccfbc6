//! /proc and overlay.

use std::fs;

use super::Finding;
use super::attempt::{self, code};
use super::namespaces;
use crate::mountinfo;
use crate::render::capability as text;
use crate::spec::{Namespaces, Rootfs};

/// A new /proc that shows the new pid namespace.
pub(super) fn proc() -> Finding {
    let spec = attempt::spec().unshare(Namespaces::PID);
    attempt::finding(&spec, namespaces::is_second, text::NEW_PROC, text::FOREIGN_PROC)
        .for_namespaces(&["pid", "mnt"])
}

/// The copy-on-write view of the host, by whatever way this user has.
pub(super) fn overlay() -> Finding {
    let spec = attempt::spec().rootfs(Rootfs::Host);
    let finding = attempt::finding(&spec, is_on_overlay, text::HOST_VIEW, text::NO_OVERLAY);
    namespaces::through_userns(finding.for_namespaces(&["mnt"]))
}

pub(super) fn overlay_in_userns() -> Finding {
    let spec = attempt::spec().unshare(Namespaces::USER).rootfs(Rootfs::Host);
    attempt::finding(&spec, is_on_overlay, text::HOST_VIEW_IN_USERNS, text::NO_OVERLAY)
        .for_namespaces(&["user", "mnt"])
}

/// In the guest.
fn is_on_overlay() -> i32 {
    let mounts = match fs::read("/proc/self/mountinfo") {
        Ok(mounts) => mounts,
        Err(error) => return attempt::io_code::<()>(Err(error)),
    };
    code(Ok(mountinfo::parse(&mounts).iter().any(|mount| mount.filesystem == "overlay")))
}
