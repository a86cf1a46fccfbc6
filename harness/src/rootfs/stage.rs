//! The private tmpfs that a new root is built on, and the overlays on it with their upperdirs.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::unistd::chdir;

use super::{Tree, Upper, changes};
use crate::error::{At, SetupError, Step};
use crate::sys;
use crate::wire::codec::record;

/// The tmpfs. Any directory will do: the tmpfs covers it in this mount namespace only, and everything needed from
/// below was opened before.
pub(super) struct Stage {
    directory: &'static Path,
    /// Where upperdirs and workdirs are made.
    uppers: PathBuf,
    /// Keeps that directory reachable when the stage covers it.
    _disk: Option<File>,
    userxattr: bool,
    keeps_uppers: bool,
    count: u32,
    /// Those that the runner is to see.
    pub(super) kept: Vec<UpperDir>,
}

const STAGES: [&str; 5] = ["/tmp", "/run", "/mnt", "/var", "/dev"];

/// Mounts a tmpfs over a directory of the host.
pub(super) fn tmpfs() -> Result<&'static Path, SetupError> {
    let found = STAGES.iter().map(Path::new).find(|path| path.is_dir());
    let directory = found.unwrap_or(Path::new(STAGES[0]));
    mount(Some("tmpfs"), directory, Some("tmpfs"), MsFlags::empty(), Some("mode=755"))
        .at(Step::Stage, directory)?;
    Ok(directory)
}

/// Opens a directory by its path alone.
pub(super) fn open_directory(path: &Path) -> Result<File, SetupError> {
    let flags = libc::O_PATH | libc::O_DIRECTORY;
    File::options().read(true).custom_flags(flags).open(path).at(Step::OpenRootfs, path)
}

/// A name for what is open, whatever covers its path.
pub(crate) fn by_descriptor(file: &File) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()))
}

impl Stage {
    pub(super) fn new(tree: &Tree) -> Result<Self, SetupError> {
        let disk = match &tree.upper {
            Upper::Disk(path) => Some(open_directory(path)?),
            Upper::Tmpfs | Upper::Copy => None,
        };
        Ok(Self { userxattr: tree.userxattr, keeps_uppers: tree.changes, ..Self::with(disk)? })
    }

    /// One for a root without overlays.
    pub(super) fn bare() -> Result<Self, SetupError> {
        Self::with(None)
    }

    fn with(disk: Option<File>) -> Result<Self, SetupError> {
        let directory = tmpfs()?;
        let stage = Self {
            directory,
            uppers: disk.as_ref().map_or(directory.to_owned(), by_descriptor),
            _disk: disk,
            userxattr: false,
            keeps_uppers: false,
            count: 0,
            kept: Vec::new(),
        };
        fs::create_dir(stage.new_root()).at(Step::Stage, directory)?;
        Ok(stage)
    }

    pub(super) fn new_root(&self) -> PathBuf {
        self.directory.join("root")
    }

    /// The new root is a tmpfs itself.
    pub(super) fn root_on_tmpfs(&self) -> Result<(), SetupError> {
        let new_root = self.new_root();
        mount(Some("tmpfs"), &new_root, Some("tmpfs"), MsFlags::empty(), Some("mode=755"))
            .at(Step::Stage, &new_root)
    }

    /// Where a path of the guest is before `pivot_root`.
    pub(super) fn place(&self, target: &Path) -> PathBuf {
        self.new_root().join(target.strip_prefix("/").unwrap_or(target))
    }

    /// Mounts an overlay over `lowers`, topmost first, at `target` of the new root; `source` is for messages.
    /// Lowerdirs are named by descriptor: no escaping of colons, no path that the stage may have covered.
    pub(super) fn overlay(
        &mut self,
        lowers: &[File],
        source: &Path,
        target: &Path,
    ) -> Result<(), SetupError> {
        let (upper, work) = (self.layer("upper")?, self.layer("work")?);
        self.count += 1;
        if let Some(top) = lowers.first() {
            copy_mode(top, &upper).at(Step::Overlay, source)?;
        }
        let overlay = Overlay { lowers, upper: &upper, work: &work, userxattr: self.userxattr };
        let place = self.place(target);
        match overlay.mount_by_parts(&place) {
            // Before Linux 6.8 a layer cannot be added by itself, which kernels before 6.5 say only when all of it is to
            // be mounted; before 5.2 there is no such call; a profile may know neither.
            Err(Errno::ENOSYS | Errno::EINVAL | Errno::EPERM) => {
                let links = self.directory.join(format!("lower{}", self.count));
                overlay.mount_at_once(&place, &links)
            }
            answer => answer,
        }
        .at(Step::Overlay, source)?;
        if self.keeps_uppers {
            self.kept.push(UpperDir::open(&upper, target)?);
        }
        Ok(())
    }

    fn layer(&self, kind: &str) -> Result<PathBuf, SetupError> {
        let path = self.uppers.join(format!("{kind}{}", self.count));
        fs::create_dir(&path).at(Step::Stage, &path)?;
        Ok(path)
    }
}

/// The root of the merged tree shows the upperdir's mode and owner.
fn copy_mode(lower: &File, upper: &Path) -> io::Result<()> {
    let metadata = lower.metadata()?;
    fs::set_permissions(upper, metadata.permissions())?;
    give_to(upper, metadata.uid(), metadata.gid())
}

/// An id that our user namespace does not map cannot be given away.
pub(super) fn give_to(path: &Path, uid: u32, gid: u32) -> io::Result<()> {
    match std::os::unix::fs::lchown(path, Some(uid), Some(gid)) {
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => Ok(()),
        answer => answer,
    }
}

/// The options of one overlay (Documentation/filesystems/overlayfs.rst). Whatever the machine's defaults are, what is in
/// the upperdir is whole: no directory that is elsewhere (`redirect_dir`), no file without its content (`metacopy`), which
/// `userxattr` does without.
struct Overlay<'a> {
    lowers: &'a [File],
    upper: &'a Path,
    work: &'a Path,
    userxattr: bool,
}

impl Overlay<'_> {
    /// fsopen(2) and its relatives: one call for each layer, no limit of their length together.
    fn mount_by_parts(&self, place: &Path) -> Result<(), Errno> {
        let overlay = sys::mount::Filesystem::open(c"overlay")?;
        for lower in self.lowers {
            overlay.set(c"lowerdir+", by_descriptor(lower))?;
        }
        overlay.set(c"upperdir", self.upper)?;
        overlay.set(c"workdir", self.work)?;
        if self.userxattr {
            overlay.set_flag(c"userxattr")?;
        } else {
            overlay.set(c"redirect_dir", "nofollow")?;
            overlay.set(c"metacopy", "off")?;
        }
        let mounted = overlay.mount(0)?;
        sys::mount::attach_tree(mounted.as_fd(), &super::bind::c_path(place)?)
    }

    /// mount(2), whose options must fit a page: the layers get names of one to three digits.
    fn mount_at_once(&self, place: &Path, links: &Path) -> Result<(), Errno> {
        let names = self
            .name_layers(links)
            .map_err(|error| error.raw_os_error().map_or(Errno::EINVAL, Errno::from_raw))?;
        chdir(links)?;
        let more = if self.userxattr { "userxattr" } else { "redirect_dir=nofollow,metacopy=off" };
        let (upper, work) = (self.upper.display(), self.work.display());
        let options = format!("lowerdir={names},upperdir={upper},workdir={work},{more}");
        let mounted =
            mount(Some("overlay"), place, Some("overlay"), MsFlags::empty(), Some(options.as_str()));
        chdir("/")?;
        mounted
    }

    fn name_layers(&self, links: &Path) -> io::Result<String> {
        fs::create_dir(links)?;
        for (number, lower) in self.lowers.iter().enumerate() {
            symlink(by_descriptor(lower), links.join(number.to_string()))?;
        }
        let names: Vec<_> = (0..self.lowers.len()).map(|number| number.to_string()).collect();
        Ok(names.join(":"))
    }
}

/// An upperdir that the runner is to read when the guest has ended. Open, it stays: the mount namespace and its
/// tmpfs are gone by then.
#[derive(Debug)]
pub(crate) struct UpperDir {
    pub(crate) directory: OwnedFd,
    pub(crate) seen: Seen,
}

/// What travels with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Where the overlay is in the guest.
    pub(crate) target: PathBuf,
    /// What the set-up put into it.
    pub(crate) ours: Vec<Mark>,
}
record! { Seen { target, ours } }

/// A file as it was when the body was started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) path: PathBuf,
    pub(crate) inode: u64,
    /// Nanoseconds of its change time.
    pub(crate) changed: u64,
}
record! { Mark { path, inode, changed } }

impl UpperDir {
    fn open(upper: &Path, target: &Path) -> Result<Self, SetupError> {
        let directory = File::open(upper).at(Step::ReadChanges, upper)?;
        let seen = Seen { target: target.to_owned(), ours: Vec::new() };
        Ok(Self { directory: directory.into(), seen })
    }

    /// Mount points and the like are not the guest's doing.
    pub(super) fn note_what_is_there(mut self) -> Result<Self, SetupError> {
        self.seen.ours = changes::marks(self.directory.as_fd()).at(Step::ReadChanges, &self.seen.target)?;
        Ok(self)
    }
}

/// The directory of a descriptor that came from the guest.
pub(super) fn path_of(directory: BorrowedFd<'_>) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}/", directory.as_raw_fd()))
}
