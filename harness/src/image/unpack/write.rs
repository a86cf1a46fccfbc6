//! What is made of an entry: file, directory, link, device or fifo. All of it new: what is there already stays.

use std::fs::File;
use std::io::Read;
use std::io::{Seek, SeekFrom, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::rc::Rc;

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags};
use nix::sys::stat::{Mode, SFlag, makedev, mknodat};
use nix::unistd::{linkat, symlinkat};

use super::super::error::{BadName, Reason};
use super::entry::{Metadata, What};
use super::metadata::{self, Variant};
use super::name::{Name, bounded};
use super::sparse::Map;
use super::stream::Stream;
use super::tree::{Directory, is_whiteout};
use super::{Work, limits, whiteout};
use crate::render;
use crate::rootfs::lower;

/// What a file takes at least.
pub(super) const PAGE: u64 = 4096;

impl Work<'_> {
    /// Makes what is no whiteout.
    pub(super) fn make<R: Read>(
        &mut self,
        stream: &mut Stream<R>,
        name: &Name,
        raw: &[u8],
        what: &What,
        metadata: &Metadata,
    ) -> Result<(), Reason> {
        if let What::Directory = what {
            return self.directory(name, metadata);
        }
        if name.is_root() {
            return Err(Reason::Name(BadName::Root));
        }
        let (parent, last) = name.split();
        let parent = self.tree.directory(parent)?;
        // In place of the whiteout, the file itself hides what lower layers have.
        whiteout::replaced(&*parent, last).map_err(self.tree.failed(name.as_bytes()))?;
        match what {
            What::File { .. } if raw.ends_with(b"/") => Err(Reason::Name(BadName::TrailingSlash)),
            What::File { data, holes } => self.file(stream, name, &parent, (*data, holes.as_ref()), metadata),
            What::Symlink(target) => self.symlink(name, &parent, target, metadata),
            What::Link(target) => self.link(name, &parent, target),
            What::Fifo => self.special(name, &parent, SFlag::S_IFIFO, 0, metadata),
            What::Device { is_block, major, minor } => {
                self.device(name, &parent, (*is_block, *major, *minor), metadata)
            }
            What::Directory => Ok(()),
        }
    }

    fn directory(&mut self, name: &Name, metadata: &Metadata) -> Result<(), Reason> {
        let (parent, last) = name.split();
        let parent = self.tree.directory(parent)?;
        let was_gone = whiteout::replaced(&*parent, last).map_err(self.tree.failed(name.as_bytes()))?;
        let made = self.tree.enter_directory(name, metadata.clone())?;
        if was_gone { self.whiteouts.make_opaque(&self.tree, made) } else { Ok(()) }
    }

    fn file<R: Read>(
        &mut self,
        stream: &mut Stream<R>,
        name: &Name,
        parent: &Directory,
        (data, holes): (u64, Option<&Map>),
        metadata: &Metadata,
    ) -> Result<(), Reason> {
        self.account(data, holes.map_or(data, |map| map.size))?;
        let last = name.split().1;
        let file = parent.create(last).map_err(|errno| self.taken(name, parent, errno))?;
        let file = self.fill(stream, name, file, data, holes)?;
        stream.padding(data)?;
        let lost = metadata::of_open(&file, metadata, self.order.variant);
        self.note_lost(name, lost.map_err(self.tree.failed(name.as_bytes()))?);
        Ok(())
    }

    /// Counts a file before it is written.
    fn account(&mut self, data: u64, apparent: u64) -> Result<(), Reason> {
        let limit = self.order.limits.bytes;
        let sum = self.apparent.checked_add(apparent).filter(|sum| *sum <= limit);
        self.apparent = sum.ok_or(Reason::TooLarge { limit })?;
        self.unpacked.bytes += data.next_multiple_of(PAGE);
        Ok(())
    }

    fn fill<R: Read>(
        &self,
        stream: &mut Stream<R>,
        name: &Name,
        file: OwnedFd,
        data: u64,
        holes: Option<&Map>,
    ) -> Result<File, Reason> {
        let mut file = File::from(file);
        let failed = |error: std::io::Error| {
            let errno = error.raw_os_error().map_or(Errno::EIO, Errno::from_raw);
            self.tree.failed(name.as_bytes())(errno)
        };
        let Some(map) = holes else {
            stream.pass(data, |piece| file.write_all(piece).map_err(failed))?;
            return Ok(file);
        };
        for extent in &map.extents {
            file.seek(SeekFrom::Start(extent.offset)).map_err(failed)?;
            stream.pass(extent.length, |piece| file.write_all(piece).map_err(failed))?;
        }
        file.set_len(map.size).map_err(failed)?;
        Ok(file)
    }

    /// A name could not be made.
    fn taken(&self, name: &Name, parent: &Directory, errno: Errno) -> Reason {
        match errno {
            Errno::EEXIST => self.tree.duplicate(parent, name.split().1),
            errno => self.tree.failed(name.as_bytes())(errno),
        }
    }

    fn symlink(
        &mut self,
        name: &Name,
        parent: &Directory,
        target: &[u8],
        metadata: &Metadata,
    ) -> Result<(), Reason> {
        bounded(target, limits::PATH)?;
        match target {
            [] => return Err(Reason::Corrupt("it is a link to nothing".to_owned())),
            target if target.contains(&0) => return Err(Reason::Name(BadName::Nul)),
            _ => {}
        }
        let made = symlinkat(target, parent, name.split().1);
        made.map_err(|errno| self.taken(name, parent, errno))?;
        self.finish(name, parent, metadata, true)
    }

    fn link(&mut self, name: &Name, parent: &Directory, raw: &[u8]) -> Result<(), Reason> {
        let target = Name::parse(raw)?;
        let directory = self.target(&target, raw)?;
        // Without AT_SYMLINK_FOLLOW a link to a symbolic link is another name of it.
        let made = linkat(&*directory, target.split().1, parent, name.split().1, AtFlags::empty());
        made.map_err(|errno| self.taken(name, parent, errno))
    }

    /// The directory of a file that gets another name. A file that only the layers below have becomes one of this layer,
    /// too, as it does where the link is made in an overlay: the same file, which nobody ever writes.
    fn target(&mut self, target: &Name, raw: &[u8]) -> Result<Rc<Directory>, Reason> {
        let (parent, last) = target.split();
        if target.is_root() {
            return Err(Reason::BadTarget(raw.to_owned()));
        }
        if let Some(directory) = self.tree.existing(parent)?
            && self.has(&directory, target, raw)?
        {
            return Ok(directory);
        }
        let lower = match self.tree.shown_below(parent, last)? {
            Some(lower::Entry::Other { path, .. }) => path,
            Some(lower::Entry::Directory(_)) => return Err(Reason::BadTarget(raw.to_owned())),
            None => return Err(Reason::NoTarget(raw.to_owned())),
        };
        // By a link below, it may be one that is here.
        let directory = self.tree.directory(parent)?;
        if !self.has(&directory, target, raw)? {
            let made = linkat(AT_FDCWD, &lower, &*directory, last, AtFlags::empty());
            made.map_err(|errno| Reason::errno(&lower, errno))?;
        }
        Ok(directory)
    }

    /// Whether the layer has the target of a link, which may not be a directory or gone.
    fn has(&self, directory: &Directory, target: &Name, raw: &[u8]) -> Result<bool, Reason> {
        let last = target.split().1;
        if self.tree.is_directory(directory, last) {
            return Err(Reason::BadTarget(raw.to_owned()));
        }
        match directory.stat(last) {
            Ok(stat) if is_whiteout(&stat) => Err(Reason::NoTarget(raw.to_owned())),
            Ok(_) => Ok(true),
            Err(Errno::ENOENT) => Ok(false),
            Err(errno) => Err(self.tree.failed(target.as_bytes())(errno)),
        }
    }

    fn device(
        &mut self,
        name: &Name,
        parent: &Directory,
        (is_block, major, minor): (bool, u32, u32),
        metadata: &Metadata,
    ) -> Result<(), Reason> {
        if !is_block && (major, minor) == (0, 0) {
            return Err(Reason::Forged(render::image::WHITEOUT_DEVICE.to_owned()));
        }
        let kind = if is_block { SFlag::S_IFBLK } else { SFlag::S_IFCHR };
        let device = makedev(u64::from(major), u64::from(minor));
        if self.order.variant == Variant::User {
            self.free(name, parent)?;
            self.leave_out(name, render::image::lost_device(is_block, major, minor, Errno::EPERM));
            return Ok(());
        }
        self.special(name, parent, kind, device, metadata).or_else(|reason| match reason {
            // Root of a container may not be allowed to.
            Reason::Io { errno: errno @ Errno::EPERM, .. } => {
                self.leave_out(name, render::image::lost_device(is_block, major, minor, errno));
                Ok(())
            }
            other => Err(other),
        })
    }

    /// Whether a name is free that will not be made.
    fn free(&self, name: &Name, parent: &Directory) -> Result<(), Reason> {
        match parent.stat(name.split().1) {
            Err(Errno::ENOENT) => Ok(()),
            Ok(_) => Err(self.taken(name, parent, Errno::EEXIST)),
            Err(errno) => Err(self.taken(name, parent, errno)),
        }
    }

    fn special(
        &mut self,
        name: &Name,
        parent: &Directory,
        kind: SFlag,
        device: u64,
        metadata: &Metadata,
    ) -> Result<(), Reason> {
        let made = mknodat(parent, name.split().1, kind, Mode::empty(), device);
        made.map_err(|errno| self.taken(name, parent, errno))?;
        self.finish(name, parent, metadata, false)
    }

    fn finish(
        &mut self,
        name: &Name,
        parent: &Directory,
        metadata: &Metadata,
        is_link: bool,
    ) -> Result<(), Reason> {
        let last = name.split().1;
        let lost = metadata::of_named(parent.as_fd(), last, metadata, self.order.variant, is_link);
        self.note_lost(name, lost.map_err(self.tree.failed(name.as_bytes()))?);
        Ok(())
    }
}

impl Metadata {
    /// Of a directory that the archive does not have as an entry of its own.
    pub(super) fn of_parent() -> Self {
        let mtime = nix::sys::time::TimeSpec::new(0, 0);
        Self { mode: 0o755, uid: 0, gid: 0, mtime, xattrs: Vec::new() }
    }

    /// Of a directory that lies unpacked, without its extended attributes.
    pub(super) fn of_directory(metadata: &std::fs::Metadata) -> Self {
        Self {
            mode: metadata.mode() & 0o7777,
            uid: metadata.uid(),
            gid: metadata.gid(),
            mtime: nix::sys::time::TimeSpec::new(metadata.mtime(), metadata.mtime_nsec()),
            xattrs: Vec::new(),
        }
    }
}
