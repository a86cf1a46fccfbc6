//! Removing layers: directories whose mode forbids it, and what killed runners left.

use std::fs::{self, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::super::error::Reason;
use super::lock::{self, Lock};

/// Removes a directory and what is in it; one that is not there is removed.
pub(super) fn tree(path: &Path) -> Result<(), Reason> {
    // std never follows a link here.
    let removed = fs::remove_dir_all(path).or_else(|error| match error.kind() {
        ErrorKind::PermissionDenied => {
            open_up(path)?;
            fs::remove_dir_all(path)
        }
        _ => Err(error),
    });
    match removed {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Reason::io(path, &error)),
        _ => Ok(()),
    }
}

/// Lets us into every directory: a layer has some that are read-only.
fn open_up(path: &Path) -> std::io::Result<()> {
    fs::set_permissions(path, Permissions::from_mode(0o700))?;
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            open_up(&entry.path())?;
        }
    }
    Ok(())
}

/// Removes half-done layers whose owner is gone: their locks are free.
pub(super) fn remains(layers: &Path) -> Result<(), Reason> {
    let failed = |error| Reason::io(layers, &error);
    for entry in fs::read_dir(layers).map_err(failed)? {
        let partial = entry.map_err(failed)?.path();
        if partial.extension().is_none_or(|suffix| suffix != "partial") {
            continue;
        }
        if let Some(_alone) = Lock::alone_now(&lock::beside(&partial.with_extension("")))? {
            tree(&partial)?;
        }
    }
    Ok(())
}
