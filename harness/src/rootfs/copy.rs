//! The root as a copy of its layers on a private tmpfs, for kernels whose overlayfs a user without privilege may
//! not mount (before 5.11).
//!
//! Modes, times, links and owners are kept, extended attributes are not. What our user namespace does not map
//! belongs to us.

use std::collections::BTreeMap;
use std::fs::{self, File, FileTimes, Metadata};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, symlink};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::stat::{Mode, SFlag, mknod};

use super::lower::{Directory, Entry};
use super::overlay::pivot;
use super::stage::{Stage, by_descriptor, give_to, open_directory};
use crate::error::{SetupError, Step};

/// Moves into a copy of layers, lowest first.
pub(super) fn enter(paths: &[PathBuf]) -> Result<(), SetupError> {
    let layers = paths.iter().rev().map(|path| open_directory(path)).collect::<Result<Vec<_>, _>>()?;
    let stage = Stage::bare()?;
    stage.root_on_tmpfs()?;
    let root = Directory::root(layers.iter().map(by_descriptor).map(|path| path.join(".")));
    let mut copy = Copy::default();
    let named = paths.last().map_or(Path::new("/"), PathBuf::as_path);
    copy.directory(&root, &stage.new_root()).map_err(|(path, error)| {
        // By the path that it has in the guest.
        let inside = path.strip_prefix(stage.new_root()).map(Path::to_owned).unwrap_or_default();
        let errno = error.raw_os_error().map_or(Errno::EIO, Errno::from_raw);
        SetupError::new(Step::CopyRootfs, named.join(inside).as_path(), errno)
    })?;
    pivot(&stage.new_root())
}

/// Where it failed, and why.
type Failed = (PathBuf, io::Error);

#[derive(Debug, Default)]
struct Copy {
    /// Files with several names: device and inode, and the first name here.
    linked: BTreeMap<(u64, u64), PathBuf>,
}

impl Copy {
    fn directory(&mut self, from: &Directory, to: &Path) -> Result<(), Failed> {
        let here = |error| (to.to_owned(), error);
        for name in from.names().map_err(here)? {
            let to = to.join(&name);
            let here = |error| (to.clone(), error);
            match from.find(&name).map_err(here)? {
                Some(Entry::Directory(directory)) => {
                    fs::create_dir(&to).map_err(here)?;
                    self.directory(&directory, &to)?;
                }
                Some(Entry::Other { path, metadata }) => self.entry(&path, &metadata, &to).map_err(here)?,
                None => {}
            }
        }
        // Last: a directory may be read-only, and what is made in it changes its time.
        let metadata = from.top().map(fs::metadata).transpose().map_err(here)?;
        metadata.map_or(Ok(()), |metadata| dress(to, &metadata).map_err(here))
    }

    fn entry(&mut self, from: &Path, metadata: &Metadata, to: &Path) -> io::Result<()> {
        if metadata.nlink() > 1 {
            let file = (metadata.dev(), metadata.ino());
            if let Some(first) = self.linked.get(&file) {
                return fs::hard_link(first, to);
            }
            self.linked.insert(file, to.to_owned());
        }
        let kind = metadata.file_type();
        if kind.is_symlink() {
            symlink(fs::read_link(from)?, to)?;
            return give_to(to, metadata.uid(), metadata.gid());
        }
        if kind.is_file() {
            fs::copy(from, to)?;
        } else {
            special(metadata, to)?;
        }
        dress(to, metadata)
    }
}

fn special(metadata: &Metadata, to: &Path) -> io::Result<()> {
    let kind = metadata.file_type();
    let made = match () {
        () if kind.is_fifo() => SFlag::S_IFIFO,
        () if kind.is_socket() => SFlag::S_IFSOCK,
        () if kind.is_block_device() => SFlag::S_IFBLK,
        () => SFlag::S_IFCHR,
    };
    Ok(mknod(to, made, Mode::S_IRUSR | Mode::S_IWUSR, metadata.rdev())?)
}

/// Owner before mode: a change of the owner takes set-user-ID bits away.
fn dress(path: &Path, metadata: &Metadata) -> io::Result<()> {
    give_to(path, metadata.uid(), metadata.gid())?;
    let times = FileTimes::new().set_modified(metadata.modified()?).set_accessed(metadata.accessed()?);
    if metadata.is_file() || metadata.is_dir() {
        File::open(path)?.set_times(times)?;
    }
    fs::set_permissions(path, metadata.permissions())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_copy_is_like_the_original() {
        let [from, to] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let at = |name: &str| from.path().join(name);
        fs::create_dir_all(at("closed/inner")).unwrap();
        fs::write(at("closed/inner/file"), "content").unwrap();
        fs::hard_link(at("closed/inner/file"), at("second")).unwrap();
        symlink("/second", at("link")).unwrap();
        mknod(&at("pipe"), SFlag::S_IFIFO, Mode::S_IRUSR, 0).unwrap();
        fs::set_permissions(at("second"), fs::Permissions::from_mode(0o4711)).unwrap();
        fs::set_permissions(at("closed"), fs::Permissions::from_mode(0o511)).unwrap();
        Copy::default().directory(&Directory::root([from.path().to_owned()]), to.path()).unwrap();
        let of = |name: &str| fs::symlink_metadata(to.path().join(name)).unwrap();
        assert_eq!(of("closed").mode() & 0o7777, 0o511);
        assert_eq!(of("closed/inner/file").ino(), of("second").ino());
        assert_eq!((of("second").nlink(), of("second").mode() & 0o7777), (2, 0o4711));
        for name in ["closed", "closed/inner", "second"] {
            let original = fs::symlink_metadata(at(name)).unwrap();
            assert_eq!((of(name).mtime(), of(name).mtime_nsec()), (original.mtime(), original.mtime_nsec()));
        }
        assert_eq!(fs::read_link(to.path().join("link")).unwrap(), Path::new("/second"));
        assert_eq!(fs::read_to_string(to.path().join("second")).unwrap(), "content");
        assert!(of("pipe").file_type().is_fifo());
    }

    #[test]
    fn what_cannot_be_copied_is_named() {
        let [from, to] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        fs::create_dir(from.path().join("taken")).unwrap();
        fs::write(to.path().join("taken"), "").unwrap();
        let failed = Copy::default().directory(&Directory::root([from.path().to_owned()]), to.path());
        assert_eq!(failed.unwrap_err().0, to.path().join("taken"));
    }
}
