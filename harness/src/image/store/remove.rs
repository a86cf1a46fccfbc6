//! Removing layers, and what killed runners left of them.

use std::fs;
use std::path::Path;

use super::super::error::Reason;
use super::lock::{self, Lock};
use crate::cache;

/// Removes a directory and what is in it.
pub(super) fn tree(path: &Path) -> Result<(), Reason> {
    cache::remove(path).map_err(|error| Reason::io(path, &error))
}

/// Removes half-done layers whose owner is gone: their locks are free.
pub(super) fn remains(layers: &Path) -> Result<(), Reason> {
    let failed = |error| Reason::io(layers, &error);
    for entry in fs::read_dir(layers).map_err(failed)? {
        let partial = entry.map_err(failed)?.path();
        if partial.extension().is_none_or(|suffix| suffix != "partial") {
            continue;
        }
        let whole = partial.with_extension("");
        if let Some(alone) = Lock::alone_now(&lock::beside(&whole))? {
            tree(&partial)?;
            if !whole.exists() {
                alone.remove()?;
            }
        }
    }
    Ok(())
}
