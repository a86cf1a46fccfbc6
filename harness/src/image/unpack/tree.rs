//! The directory that a layer is unpacked into: every name is walked below it by the kernel (openat2(2), Linux 5.6).
//!
//! A directory that the archive does not mention is what the layers below have of that name, where they are known.
//!
//! Symbolic links of the same layer on the way to a file are followed as long as they stay below the root
//! (`RESOLVE_BENEATH`): `lib -> usr/lib` and then `lib/libc.so` is something that archives do. An absolute link, or one
//! that climbs out, is refused. The last component is never followed: it is made new, or the entry is refused.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, OpenHow, ResolveFlag, open, openat, openat2, readlink};
use nix::sys::stat::{FileStat, Mode, SFlag, fstatat, mkdirat};

use super::super::error::{Kind, Reason};
use super::super::look_up::look_up;
use super::entry::Metadata;
use super::name::{self, Name};
use crate::rootfs::lower;
use crate::rootfs::stage::by_descriptor;

/// The root, and the directories in it.
#[derive(Debug)]
pub(super) struct Tree<'a> {
    below: Option<&'a lower::Directory>,
    path: PathBuf,
    root: Rc<Directory>,
    /// Those that were used lately, by the name they were asked for.
    open: HashMap<Vec<u8>, Rc<Directory>>,
    /// Every directory by its name without symbolic links; its metadata, where the archive has them, is applied in the
    /// end: making files changes a directory's time, and its mode may forbid it.
    made: BTreeMap<Name, Option<Metadata>>,
}

/// An open directory.
#[derive(Debug)]
pub(super) struct Directory {
    fd: OwnedFd,
    /// Without symbolic links.
    name: Vec<u8>,
}

impl AsFd for Directory {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// How many directories are kept open.
const OPEN: usize = 64;
const DIRECTORY: OFlag = OFlag::O_DIRECTORY.union(OFlag::O_PATH).union(OFlag::O_CLOEXEC);
/// While it is unpacked, ours alone.
const PRIVATE: Mode = Mode::S_IRWXU;

impl<'a> Tree<'a> {
    /// Makes the root.
    pub(super) fn make(path: &Path, below: Option<&'a lower::Directory>) -> Result<Self, Reason> {
        nix::unistd::mkdir(path, PRIVATE).map_err(|errno| Reason::errno(path, errno))?;
        let fd = open(path, DIRECTORY | OFlag::O_NOFOLLOW, Mode::empty());
        let fd = fd.map_err(|errno| Reason::errno(path, errno))?;
        let root = Rc::new(Directory { fd, name: Vec::new() });
        let made = BTreeMap::from([(Name::default(), None)]);
        Ok(Self { below, path: path.to_owned(), root, open: HashMap::new(), made })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// A failure of the kernel, at this name.
    pub(super) fn failed(&self, name: &[u8]) -> impl FnOnce(Errno) -> Reason + use<> {
        let path = self.path.join(OsStr::from_bytes(name));
        move |errno| Reason::errno(&path, errno)
    }

    /// The directory of this name, which is made, with those that it lies in, if it is missing. What is a link to a
    /// directory in the layers below, is that directory.
    pub(super) fn directory(&mut self, name: &[u8]) -> Result<Rc<Directory>, Reason> {
        if let Some(found) = self.existing(name)? {
            return Ok(found);
        }
        let (parent, last) = name::split(name);
        let parent = self.directory(parent)?;
        let name = Name::child(&parent.name, last);
        match self.below(&name)? {
            Some((real, _)) if real.as_os_str().as_bytes() != name.as_bytes() => {
                self.made_here(real.as_os_str().as_bytes())
            }
            _ => self.made_here(name.as_bytes()),
        }
    }

    /// The same without regard to the layers below.
    fn made_here(&mut self, name: &[u8]) -> Result<Rc<Directory>, Reason> {
        if let Some(found) = self.existing(name)? {
            return Ok(found);
        }
        let (parent, last) = name::split(name);
        let parent = self.made_here(parent)?;
        self.make_directory(&parent, last)?;
        self.look_up(name)?.ok_or(Reason::LeavesTheRoot)
    }

    /// The directory that the layers below have of this name, and its name without links.
    fn below(&self, name: &Name) -> Result<Option<(PathBuf, lower::Directory)>, Reason> {
        let Some(below) = self.below else { return Ok(None) };
        let path = Path::new(OsStr::from_bytes(name.as_bytes()));
        let found = look_up(below, path).map_err(|error| Reason::io(path, &error))?;
        Ok(found.and_then(|(real, entry)| match entry {
            lower::Entry::Directory(directory) => Some((real, directory)),
            lower::Entry::Other { .. } => None,
        }))
    }

    /// What the layers below have of this name in this directory, unless an opaque directory of this layer hides it.
    pub(super) fn shown_below(&self, directory: &[u8], last: &[u8]) -> Result<Option<lower::Entry>, Reason> {
        let Some((real, below)) = self.below(&Name::known(directory))? else { return Ok(None) };
        let found = below.find(OsStr::from_bytes(last)).map_err(|error| Reason::io(&real, &error))?;
        for ancestor in real.ancestors() {
            let name = Name::known(ancestor.as_os_str().as_bytes());
            if self.made.contains_key(&name) && lower::is_opaque(&by_descriptor(&self.reopen(&name)?.into()))
            {
                return Ok(None);
            }
        }
        Ok(found)
    }

    /// What the directory of this name is in the layers below.
    pub(super) fn metadata_below(&self, name: &Name) -> Result<Option<Metadata>, Reason> {
        let found = self.below(name)?;
        let top = found.as_ref().and_then(|(_, directory)| directory.top());
        let of = |path: &Path| std::fs::metadata(path).map_err(|error| Reason::io(path, &error));
        Ok(top.map(of).transpose()?.map(|metadata| Metadata::of_directory(&metadata)))
    }

    /// The directory of this name, if it is there.
    pub(super) fn existing(&mut self, name: &[u8]) -> Result<Option<Rc<Directory>>, Reason> {
        self.known(name).map_or_else(|| self.look_up(name), |found| Ok(Some(found)))
    }

    fn known(&self, name: &[u8]) -> Option<Rc<Directory>> {
        if name.is_empty() { Some(Rc::clone(&self.root)) } else { self.open.get(name).map(Rc::clone) }
    }

    fn look_up(&mut self, name: &[u8]) -> Result<Option<Rc<Directory>>, Reason> {
        let found = match self.walk(name, ResolveFlag::RESOLVE_NO_SYMLINKS) {
            Ok(fd) => Some(Directory { fd, name: name.to_owned() }),
            Err(Errno::ELOOP) => self.through_links(name)?,
            Err(errno) => self.refused(name, errno)?,
        };
        let Some(found) = found.map(Rc::new) else { return Ok(None) };
        if self.open.len() >= OPEN {
            self.open.clear();
        }
        self.open.insert(name.to_owned(), Rc::clone(&found));
        Ok(Some(found))
    }

    fn walk(&self, name: &[u8], more: ResolveFlag) -> Result<OwnedFd, Errno> {
        let resolve = ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_MAGICLINKS | more;
        let how = OpenHow::new().flags(DIRECTORY).resolve(resolve);
        loop {
            // `..` in a link, while something is renamed anywhere on the machine, must be tried again.
            match openat2(&self.root, name, how) {
                Err(Errno::EAGAIN | Errno::EINTR) => {}
                other => return other,
            }
        }
    }

    /// Follows links; where that ends, the kernel knows.
    fn through_links(&self, name: &[u8]) -> Result<Option<Directory>, Reason> {
        let fd = match self.walk(name, ResolveFlag::empty()) {
            Ok(fd) => fd,
            Err(errno) => return self.refused(name, errno),
        };
        let [root, found] = [self.root.as_fd(), fd.as_fd()].map(place);
        let (root, found) = root.and_then(|root| Ok((root, found?))).map_err(self.failed(name))?;
        let below = found.strip_prefix(&*root).ok_or(Reason::LeavesTheRoot)?;
        let name = below.strip_prefix(b"/").unwrap_or(below).to_owned();
        Ok(Some(Directory { fd, name }))
    }

    /// None for what is not there; links that lead out, or round in a circle, are not accepted.
    fn refused(&self, name: &[u8], errno: Errno) -> Result<Option<Directory>, Reason> {
        match errno {
            Errno::ENOENT => Ok(None),
            Errno::ENOTDIR => Err(Reason::ParentIsNoDirectory),
            Errno::EXDEV | Errno::ELOOP => Err(Reason::LeavesTheRoot),
            errno => Err(self.failed(name)(errno)),
        }
    }

    /// Makes a directory, or finds it made; one of this name that is something else is no parent.
    fn make_directory(&mut self, parent: &Directory, last: &[u8]) -> Result<Name, Reason> {
        let name = Name::child(&parent.name, last);
        match mkdirat(parent, last, PRIVATE) {
            Ok(()) => {
                self.made.insert(name.clone(), None);
                Ok(name)
            }
            Err(Errno::EEXIST) if self.made.contains_key(&name) => Ok(name),
            Err(Errno::EEXIST) => Err(Reason::ParentIsNoDirectory),
            Err(errno) => Err(self.failed(name.as_bytes())(errno)),
        }
    }

    /// A directory that is an entry: its metadata are those of the last entry of this name. Gives its name without links.
    pub(super) fn enter_directory(&mut self, name: &Name, metadata: Metadata) -> Result<Name, Reason> {
        let (parent, last) = name.split();
        let known = if name.is_root() {
            name.clone()
        } else {
            let parent = self.directory(parent)?;
            self.make_directory(&parent, last).map_err(|reason| match reason {
                Reason::ParentIsNoDirectory => {
                    Reason::Duplicate { first: Kind::Other, second: Kind::Directory }
                }
                other => other,
            })?
        };
        self.made.insert(known.clone(), Some(metadata));
        Ok(known)
    }

    /// Whether there is a directory of this name below the parent.
    pub(super) fn is_directory(&self, parent: &Directory, last: &[u8]) -> bool {
        self.made.contains_key(&Name::child(&parent.name, last))
    }

    /// Everything made so far; the children of a directory come before it.
    pub(super) fn take_directories(&mut self) -> impl Iterator<Item = (Name, Option<Metadata>)> + use<> {
        self.open.clear();
        std::mem::take(&mut self.made).into_iter().rev()
    }

    /// A directory by its name without links, to be changed.
    pub(super) fn reopen(&self, name: &Name) -> Result<OwnedFd, Reason> {
        let path: &[u8] = if name.is_root() { b"." } else { name.as_bytes() };
        let resolve = ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_SYMLINKS;
        let flags = OFlag::O_DIRECTORY | OFlag::O_RDONLY | OFlag::O_CLOEXEC;
        openat2(&self.root, path, OpenHow::new().flags(flags).resolve(resolve)).map_err(self.failed(path))
    }

    /// What a name is that is taken, for the message.
    pub(super) fn duplicate(&self, parent: &Directory, last: &[u8]) -> Reason {
        let first = if self.is_directory(parent, last) { Kind::Directory } else { Kind::Other };
        Reason::Duplicate { first, second: Kind::Other }
    }
}

impl Directory {
    /// What is there of this name, a link being itself.
    pub(super) fn stat(&self, last: &[u8]) -> Result<FileStat, Errno> {
        fstatat(self, last, AtFlags::AT_SYMLINK_NOFOLLOW)
    }

    pub(super) fn name(&self) -> &[u8] {
        &self.name
    }

    /// A new file, open for writing.
    pub(super) fn create(&self, last: &[u8]) -> Result<OwnedFd, Errno> {
        let flags = OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_WRONLY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        openat(self, last, flags, Mode::S_IRUSR | Mode::S_IWUSR)
    }
}

/// Whether it is one of overlayfs's whiteouts: in a layer that is being unpacked, only we make them.
pub(super) fn is_whiteout(stat: &FileStat) -> bool {
    SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT == SFlag::S_IFCHR && stat.st_rdev == 0
}

/// The path of an open directory.
fn place(fd: BorrowedFd<'_>) -> Result<Vec<u8>, Errno> {
    readlink(&*format!("/proc/self/fd/{}", fd.as_raw_fd())).map(OsStringExt::into_vec)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of a parent that may not be read any more, no child could be opened; root would not notice.
    #[test]
    fn children_are_finished_before_their_parents() {
        let directory = tempfile::tempdir().unwrap();
        let mut tree = Tree::make(&directory.path().join("tree"), None).unwrap();
        for name in [&b"a/b"[..], b"a-b", b"a/c/d"] {
            tree.directory(name).unwrap();
        }
        let order: Vec<Name> = tree.take_directories().map(|(name, _)| name).collect();
        let place = |name: &[u8]| order.iter().position(|known| known.as_bytes() == name).unwrap();
        for name in order.iter().filter(|name| !name.is_root()) {
            assert!(place(name.as_bytes()) < place(name.split().0), "{order:?}");
        }
        assert_eq!(order.len(), 6);
    }

    /// Names of directories are those without links: another one is not what was made.
    #[test]
    fn no_link_is_reopened() {
        let directory = tempfile::tempdir().unwrap();
        let mut tree = Tree::make(&directory.path().join("tree"), None).unwrap();
        tree.directory(b"d").unwrap();
        nix::unistd::symlinkat("d", &*tree.root, "link").unwrap();
        assert!(tree.reopen(&Name::known(b"d")).is_ok());
        assert!(tree.reopen(&Name::known(b"link")).is_err());
    }
    /// A process may have some thousand files open, and an archive more directories.
    #[test]
    fn only_some_directories_are_kept_open() {
        let directory = tempfile::tempdir().unwrap();
        let mut tree = Tree::make(&directory.path().join("tree"), None).unwrap();
        for number in 0..=2 * OPEN {
            tree.directory(format!("{number}").as_bytes()).unwrap();
            assert!(tree.open.len() <= OPEN, "{number}");
        }
    }
}
