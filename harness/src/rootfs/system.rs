//! What every root needs besides its files: /proc, a read-only /sys, a minimal /dev (dev.rs), /tmp.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use nix::mount::{MsFlags, mount};

use super::bind::{Taken, make_directory, same_place};
use super::dev::Dev;
use crate::error::{At, SetupError, Step};

/// Pieces of the tree before, taken while it is there.
#[derive(Debug)]
pub(crate) struct Pieces {
    proc: Taken,
    sys: Taken,
    dev: Dev,
}

/// Takes the pieces. A /proc of our own is mounted here already: in a user namespace the kernel allows it
/// only while another one is fully visible (mount_namespaces(7), "mount_too_revealing").
pub(crate) fn take(own_proc: bool) -> Result<Pieces, SetupError> {
    if own_proc {
        mount_proc()?;
    }
    Ok(Pieces {
        proc: Taken::new(same_place("/proc", false), Step::Proc)?,
        sys: Taken::new(same_place("/sys", true), Step::Sys)?,
        dev: Dev::make()?,
    })
}

impl Pieces {
    /// Puts them into the new root, which this process has entered.
    pub(crate) fn put(&self) -> Result<(), SetupError> {
        for piece in [&self.proc, &self.sys] {
            piece.make_mount_point()?;
            piece.put()?;
        }
        self.dev.put()?;
        make_tmp()
    }
}

/// A fresh /proc for this process's pid namespace.
pub(crate) fn mount_proc() -> Result<(), SetupError> {
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(Some("proc"), "/proc", Some("proc"), flags, None::<&str>).at(Step::Proc, Path::new("/proc"))
}

/// `std::env::temp_dir` works in a root that has none.
fn make_tmp() -> Result<(), SetupError> {
    let tmp = Path::new("/tmp");
    if fs::symlink_metadata(tmp).is_ok() {
        return Ok(());
    }
    make_directory(tmp)?;
    let sticky = fs::Permissions::from_mode(0o1777);
    File::open(tmp).and_then(|tmp| tmp.set_permissions(sticky)).at(Step::MountPoint, tmp)
}
