//! Many layers as one directory: overlayfs takes its time for each that it stacks, at every mount.
//!
//! Files are hard links to those of the layers and take no room; directories are made anew, as the topmost layer has
//! them. What is merged needs no whiteouts, and stays whole when a layer is removed. A guest can tell by the number
//! of links only.

use std::ffi::{CStr, OsStr};
use std::fs::{self, File, FileTimes, Metadata};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use super::super::error::Reason;
use super::super::unpack::{Unpacked, Variant};
use super::Layer;
use crate::rootfs::lower::{Directory, Entry};
use crate::rootfs::stage::by_descriptor;
use crate::sys::xattr;

/// Makes the directory `into` of all layers, the lowest first; says what those left out.
pub(super) fn merge(layers: &[Layer], into: &Path, variant: Variant) -> Result<Unpacked, Reason> {
    let open = |path: &Path| File::open(path).map_err(|error| Reason::io(path, &error));
    let roots = layers.iter().rev().map(|layer| open(&layer.directory)).collect::<Result<Vec<_>, _>>()?;
    fs::create_dir(into).map_err(|error| Reason::io(into, &error))?;
    let target = open(into)?;
    // By descriptor: a name in a layer may be nearly as long as a path can be.
    let from = Directory::root(roots.iter().map(root));
    let mut merging = Merging { variant, bytes: 0 };
    merging.directory(&from, &root(&target)).map_err(|(path, error)| {
        let inside = path.strip_prefix(root(&target)).unwrap_or(&path);
        Reason::io(&into.join(inside), &error)
    })?;
    let mut unpacked = Unpacked { bytes: merging.bytes, ..Unpacked::default() };
    for layer in layers {
        layer.left_out.iter().for_each(|one| unpacked.leave_out(one.clone()));
        unpacked.more += layer.more_left_out;
    }
    Ok(unpacked)
}

fn root(directory: &File) -> PathBuf {
    by_descriptor(directory).join(".")
}

/// Where it failed, and why.
type Failed = (PathBuf, io::Error);

struct Merging {
    variant: Variant,
    /// Of the directories.
    bytes: u64,
}

impl Merging {
    /// Fills a directory that is there.
    fn directory(&mut self, from: &Directory, to: &Path) -> Result<(), Failed> {
        let here = |error| (to.to_owned(), error);
        for name in from.names().map_err(here)? {
            self.entry(from, &name, &to.join(&name))?;
        }
        let Some(top) = from.top() else { return Ok(()) };
        // Last: what is made in a directory changes its time, and its mode may forbid it.
        self.bytes += dress(top, to, self.variant).map_err(here)?;
        Ok(())
    }

    fn entry(&mut self, from: &Directory, name: &OsStr, to: &Path) -> Result<(), Failed> {
        let here = |error| (to.to_owned(), error);
        match from.find(name).map_err(here)? {
            Some(Entry::Directory(directory)) => {
                fs::create_dir(to).map_err(here)?;
                self.directory(&directory, to)
            }
            // linkat(2) without AT_SYMLINK_FOLLOW: a symbolic link is linked itself.
            Some(Entry::Other { path, .. }) => fs::hard_link(path, to).map_err(here),
            None => Ok(()),
        }
    }
}

/// Gives a directory owner, attributes, mode and times of another one, in this order (unpack/metadata.rs); says what
/// room it takes.
fn dress(from: &Path, to: &Path, variant: Variant) -> io::Result<u64> {
    let metadata = fs::metadata(from)?;
    let made = File::open(to)?;
    if variant == Variant::Root {
        fchown(&made, Some(metadata.uid()), Some(metadata.gid()))?;
    }
    for name in xattr::list(from)?.iter().filter(|name| !is_overlayfs_own(name)) {
        xattr::set_open(made.as_fd(), name, &xattr::get(from, name)?)?;
    }
    made.set_permissions(fs::Permissions::from_mode(metadata.mode() & 0o7777))?;
    made.set_times(times(&metadata)?)?;
    Ok(made.metadata()?.blocks() * 512)
}

/// What hides something in a layer hides nothing in all of them together.
fn is_overlayfs_own(name: &CStr) -> bool {
    [&b"trusted.overlay."[..], b"user.overlay."].iter().any(|prefix| name.to_bytes().starts_with(prefix))
}

fn times(metadata: &Metadata) -> io::Result<FileTimes> {
    Ok(FileTimes::new().set_modified(metadata.modified()?).set_accessed(metadata.accessed()?))
}
