//! `file("PATH" = "CONTENT")`: files that are written for the guest, each bound over its place.
//!
//! They live on a tmpfs of their own, so that the guest may write to them in a tree that is the host's, too.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use nix::mount::{MntFlags, umount2};

use super::bind::Taken;
use super::{BindMount, NewFile, stage};
use crate::error::{At, SetupError, Step};

/// Writes the files and takes them as bind mounts are taken.
pub(super) fn take(files: &[NewFile], readonly: bool) -> Result<Vec<Taken>, SetupError> {
    if files.is_empty() {
        return Ok(Vec::new());
    }
    let place = stage::tmpfs()?;
    let taken = files.iter().enumerate().map(|(number, file)| {
        let source = place.join(number.to_string());
        fs::write(&source, &file.content).at(Step::MakeFile, &file.target)?;
        fs::set_permissions(&source, Permissions::from_mode(0o644)).at(Step::MakeFile, &file.target)?;
        let mount = BindMount { source, target: file.target.clone(), readonly };
        Taken::new(mount, Step::MakeFile)
    });
    let taken = taken.collect();
    // What was taken of it stays.
    umount2(place, MntFlags::MNT_DETACH).at(Step::MakeFile, place)?;
    taken
}
