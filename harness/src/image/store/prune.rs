//! What `harness clean` removes: layers and blobs that nobody has used for long, and then, the longest unused first, as
//! many as are too much. Never what a runner holds.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::lock::{self, Lock};
use super::{record, remove};
use crate::image::error::Reason;

/// What may stay.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Keep {
    /// What was used within this time.
    pub(crate) used_within: Duration,
    /// So many bytes of it, at most.
    pub(crate) bytes: Option<u64>,
}

/// What was, or would be, removed.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Pruned {
    pub(crate) layers: Sum,
    pub(crate) blobs: Sum,
    /// What was to go, and is in use.
    pub(crate) in_use: Sum,
    /// What stays, with what is in use.
    pub(crate) kept: Sum,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sum {
    pub(crate) count: u64,
    pub(crate) bytes: u64,
}

impl Sum {
    fn add(&mut self, bytes: u64) {
        self.count += 1;
        self.bytes += bytes;
    }
}

#[derive(Debug, Clone)]
struct Item {
    path: PathBuf,
    is_layer: bool,
    bytes: u64,
    used: SystemTime,
}

/// Removes from the cache in this directory; with `only_say` nothing is removed.
pub(crate) fn prune(directory: &Path, keep: Keep, only_say: bool, now: SystemTime) -> Result<Pruned, Reason> {
    let layers_directory = directory.join("layers/sha256");
    if !only_say && layers_directory.is_dir() {
        remove::remains(&layers_directory)?;
    }
    let mut items = layers(&layers_directory)?;
    blobs(&directory.join("blobs"), &mut items)?;
    items.sort_by_key(|item| item.used);
    let mut left = items.iter().map(|item| item.bytes).sum::<u64>();
    // Whoever keeps the lock keeps every blob: a runner may be about to read them.
    let blobs_lock = if directory.join("blobs.lock").exists() {
        Lock::alone_now(&directory.join("blobs.lock"))?
    } else {
        None
    };
    let mut pruned = Pruned::default();
    for item in items {
        let is_old = now.duration_since(item.used).is_ok_and(|age| age > keep.used_within);
        let is_too_much = keep.bytes.is_some_and(|bytes| left > bytes);
        if !is_old && !is_too_much {
            pruned.kept.add(item.bytes);
        } else if remove_one(&item, blobs_lock.is_some(), only_say)? {
            left -= item.bytes;
            if item.is_layer { &mut pruned.layers } else { &mut pruned.blobs }.add(item.bytes);
        } else {
            pruned.in_use.add(item.bytes);
            pruned.kept.add(item.bytes);
        }
    }
    if !only_say {
        forget_digests(&directory.join("digests"), keep, now)?;
    }
    Ok(pruned)
}

/// Whether it was free to be removed.
fn remove_one(item: &Item, blobs_are_free: bool, only_say: bool) -> Result<bool, Reason> {
    if !item.is_layer {
        if blobs_are_free && !only_say {
            gone(fs::remove_file(&item.path)).map_err(|error| Reason::io(&item.path, &error))?;
        }
        return Ok(blobs_are_free);
    }
    let path = lock::beside(&item.path);
    if only_say && !path.exists() {
        // Nobody has it, and to look would make it.
        return Ok(true);
    }
    let Some(lock) = Lock::alone_now(&path)? else { return Ok(false) };
    if !only_say {
        // Not to be seen half removed: a runner that is killed here leaves what the next one removes.
        let partial = lock::suffixed(&item.path, "partial");
        gone(fs::rename(&item.path, &partial)).map_err(|error| Reason::io(&item.path, &error))?;
        remove::tree(&partial)?;
        lock.remove()?;
    }
    Ok(true)
}

/// Another one who cleans may have been faster.
fn gone(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

fn layers(directory: &Path) -> Result<Vec<Item>, Reason> {
    let mut items = Vec::new();
    if !directory.is_dir() {
        return Ok(items);
    }
    for path in entries(directory)? {
        let is_layer = path.extension().is_some_and(|suffix| suffix == "root" || suffix == "user");
        if !is_layer {
            continue;
        }
        let lock = fs::metadata(lock::beside(&path)).or_else(|_| fs::metadata(&path));
        let Some(used) = there(lock.and_then(|file| file.modified()), &path)? else { continue };
        // A record that cannot be read says nothing of the size; the layer can be removed all the same.
        let bytes = record::read(&path).map_or(0, |record| record.bytes);
        items.push(Item { path, is_layer: true, bytes, used });
    }
    Ok(items)
}

fn blobs(directory: &Path, items: &mut Vec<Item>) -> Result<(), Reason> {
    if !directory.is_dir() {
        return Ok(());
    }
    for path in entries(directory)? {
        // A pull gives what it has fetched its name.
        let Some(file) = there(fs::symlink_metadata(&path), &path)? else { continue };
        if file.is_dir() {
            blobs(&path, items)?;
            continue;
        }
        let used = file.modified().map_err(|error| Reason::io(&path, &error))?;
        items.push(Item { path, is_layer: false, bytes: file.blocks() * 512, used });
    }
    Ok(())
}

/// They are small, and taken again when they are missed.
fn forget_digests(directory: &Path, keep: Keep, now: SystemTime) -> Result<(), Reason> {
    if !directory.is_dir() {
        return Ok(());
    }
    for path in entries(directory)? {
        let modified = fs::metadata(&path).and_then(|file| file.modified()).unwrap_or(now);
        let is_old = now.duration_since(modified).is_ok_and(|age| age > keep.used_within);
        if is_old {
            gone(fs::remove_file(&path)).map_err(|error| Reason::io(&path, &error))?;
        }
    }
    Ok(())
}

/// What was found, unless it is gone since it was listed.
fn there<T>(found: io::Result<T>, path: &Path) -> Result<Option<T>, Reason> {
    match found {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        found => found.map(Some).map_err(|error| Reason::io(path, &error)),
    }
}

fn entries(directory: &Path) -> Result<Vec<PathBuf>, Reason> {
    let read =
        || fs::read_dir(directory)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>();
    read().map_err(|error| Reason::io(directory, &error))
}
