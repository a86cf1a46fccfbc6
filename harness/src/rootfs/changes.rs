//! What a guest wrote to its root, read from the upperdirs after its end.
//!
//! The runner reads them from outside: descriptors came with `Control::Uppers`, and an open directory outlives the
//! guest's mount namespace. What the set-up itself put there (mount points) is told apart by inode and change time.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::io::{self, BufRead, BufReader};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::lower::{Directory, Entry, is_opaque, is_whiteout};
use super::stage::{Mark, UpperDir, path_of};
use super::{Root, Tree};

/// One path that a guest has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// Absolute, as the guest sees it.
    pub path: PathBuf,
    /// What became of it.
    pub kind: ChangeKind,
    /// Bytes of a regular file; absent for everything else, and for what was deleted.
    pub size: Option<u64>,
}

/// What became of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChangeKind {
    /// It was not there before.
    Added,
    /// Content, type, owner, mode or time of modification are others; of a directory: owner or mode.
    Changed,
    /// It is gone. Of a directory that is gone with all in it there is this one entry.
    Deleted,
}

/// Everything in an upperdir, as it is now.
pub(super) fn marks(directory: BorrowedFd<'_>) -> io::Result<Vec<Mark>> {
    let mut marks = Vec::new();
    note(&path_of(directory), Path::new(""), &mut marks)?;
    Ok(marks)
}

fn note(root: &Path, below: &Path, marks: &mut Vec<Mark>) -> io::Result<()> {
    for entry in fs::read_dir(root.join(below))? {
        let path = below.join(entry?.file_name());
        let metadata = fs::symlink_metadata(root.join(&path))?;
        marks.push(mark(path.clone(), &metadata));
        if metadata.is_dir() {
            note(root, &path, marks)?;
        }
    }
    Ok(())
}

fn mark(path: PathBuf, metadata: &Metadata) -> Mark {
    let nanoseconds = metadata.ctime().wrapping_mul(1_000_000_000).wrapping_add(metadata.ctime_nsec());
    Mark { path, inode: metadata.ino(), changed: nanoseconds.cast_unsigned() }
}

/// All changes, by path.
pub(crate) fn collect(uppers: &[UpperDir], tree: &Tree) -> io::Result<Vec<Change>> {
    let mut changes = Vec::new();
    for upper in uppers {
        let ours = upper.seen.ours.iter().map(|mark| (mark.path.as_path(), mark)).collect();
        let root = path_of(upper.directory.as_fd());
        let mut walk = Walk { root, target: &upper.seen.target, ours, changes: &mut changes };
        walk.directory(Path::new(""), Some(&lower(tree, &upper.seen.target)), false)?;
    }
    changes.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(changes)
}

fn lower(tree: &Tree, target: &Path) -> Directory {
    match &tree.root {
        Root::Layers(layers) => Directory::root(layers.iter().rev().cloned()),
        Root::Host | Root::Keep => Directory::root([target.to_owned()]),
    }
}

struct Walk<'a> {
    root: PathBuf,
    target: &'a Path,
    ours: BTreeMap<&'a Path, &'a Mark>,
    changes: &'a mut Vec<Change>,
}

impl Walk<'_> {
    /// `hidden`: nothing of the lower directory shows, as one above it is opaque.
    fn directory(&mut self, below: &Path, lower: Option<&Directory>, hidden: bool) -> io::Result<()> {
        for entry in fs::read_dir(self.root.join(below))? {
            let name = entry?.file_name();
            self.entry(&below.join(&name), find(lower, &name)?, hidden)?;
        }
        Ok(())
    }

    fn entry(&mut self, path: &Path, lower: Option<Entry>, hidden: bool) -> io::Result<()> {
        let place = self.root.join(path);
        let metadata = fs::symlink_metadata(&place)?;
        let is_ours = self.ours.get(path).is_some_and(|known| **known == mark(path.to_owned(), &metadata));
        if is_whiteout(&place, &metadata) {
            if lower.is_some() && !is_ours {
                self.note(path, ChangeKind::Deleted, &metadata);
            }
            return Ok(());
        }
        if !metadata.is_dir() {
            match lower {
                _ if is_ours => {}
                None => self.note(path, ChangeKind::Added, &metadata),
                Some(Entry::Other { path: lower, metadata: before })
                    if is_alike(&before, &metadata) && has_same_content(&lower, &place, &metadata)? => {}
                Some(_) => self.note(path, ChangeKind::Changed, &metadata),
            }
            return Ok(());
        }
        let was_ours = self.ours.contains_key(path);
        match &lower {
            None if !was_ours => self.note(path, ChangeKind::Added, &metadata),
            Some(Entry::Other { .. }) => self.note(path, ChangeKind::Changed, &metadata),
            Some(Entry::Directory(before)) if !is_dressed_alike(before, &metadata)? => {
                self.note(path, ChangeKind::Changed, &metadata);
            }
            None | Some(Entry::Directory(_)) => {}
        }
        self.inside(path, &place, lower, hidden)
    }

    /// An opaque directory, and all below it, shows nothing of the lower one: what is not made again was deleted.
    fn inside(&mut self, path: &Path, place: &Path, lower: Option<Entry>, hidden: bool) -> io::Result<()> {
        let Some(Entry::Directory(lower)) = lower else { return self.directory(path, None, hidden) };
        let hidden = hidden || is_opaque(place);
        if hidden {
            for name in lower.names()? {
                let place = place.join(&name);
                if let Err(error) = fs::symlink_metadata(&place) {
                    if error.kind() != io::ErrorKind::NotFound {
                        return Err(error);
                    }
                    self.changes.push(Change {
                        path: self.target.join(path).join(name),
                        kind: ChangeKind::Deleted,
                        size: None,
                    });
                }
            }
        }
        self.directory(path, Some(&lower), hidden)
    }

    fn note(&mut self, path: &Path, kind: ChangeKind, metadata: &Metadata) {
        let size = (metadata.is_file() && kind != ChangeKind::Deleted).then_some(metadata.len());
        self.changes.push(Change { path: self.target.join(path), kind, size });
    }
}

fn find(lower: Option<&Directory>, name: &OsStr) -> io::Result<Option<Entry>> {
    lower.map_or(Ok(None), |lower| lower.find(name))
}

/// A file that was only opened for writing, or linked, is copied up as it was.
fn is_alike(before: &Metadata, after: &Metadata) -> bool {
    let times = |metadata: &Metadata| (metadata.mtime(), metadata.mtime_nsec());
    let alike = before.mode() == after.mode() && before.uid() == after.uid() && before.gid() == after.gid();
    alike && before.len() == after.len() && times(before) == times(after) && before.rdev() == after.rdev()
}

/// Many images give all their files one time: one of the same size may have been moved to another's place.
fn has_same_content(before: &Path, after: &Path, metadata: &Metadata) -> io::Result<bool> {
    if metadata.is_symlink() {
        return Ok(fs::read_link(before)? == fs::read_link(after)?);
    }
    if !metadata.is_file() {
        return Ok(true);
    }
    let (mut before, mut after) = (read(before)?, read(after)?);
    loop {
        let (one, other) = (before.fill_buf()?, after.fill_buf()?);
        let length = one.len().min(other.len());
        if one[..length] != other[..length] || (length == 0 && one.len() != other.len()) {
            return Ok(false);
        }
        if length == 0 {
            return Ok(true);
        }
        before.consume(length);
        after.consume(length);
    }
}

/// Of a file that a guest may have made another thing meanwhile.
fn read(path: &Path) -> io::Result<BufReader<fs::File>> {
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    fs::File::options().read(true).custom_flags(flags).open(path).map(BufReader::new)
}

fn is_dressed_alike(before: &Directory, after: &Metadata) -> io::Result<bool> {
    let Some(top) = before.top() else { return Ok(false) };
    let before = fs::symlink_metadata(top)?;
    Ok((before.mode(), before.uid(), before.gid()) == (after.mode(), after.uid(), after.gid()))
}
