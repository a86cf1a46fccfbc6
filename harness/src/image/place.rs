//! Where the files of an image lie: a directory, or an archive that is read without being unpacked.
//!
//! A name comes from a document, and a directory may hold any symbolic link: neither leads out of the image.

use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, open, openat2};
use nix::sys::stat::Mode;

use super::digest::Digest;
use super::error::{Error, Reason};
use super::fault::{AtPlace, Fault, Where};
use super::layout::blob_name;
use super::manifest::Descriptor;
use super::shelf;

/// The files of an image, by name.
#[derive(Debug)]
pub(crate) struct Place {
    /// The image, as it was given.
    pub(crate) archive: String,
    files: Files,
    /// Where blobs come from that are not here.
    remote: Option<Box<dyn Remote>>,
}

/// Something that blobs may be fetched from.
pub(crate) trait Remote: fmt::Debug {
    /// Puts the blob where the place looks for it.
    fn fetch(&self, wanted: &Descriptor) -> Result<(), Error>;
    /// Removes the blob from there: it is not what it should be, as after a power cut.
    fn forget(&self, wanted: &Descriptor);
}

#[derive(Debug)]
enum Files {
    Directory { path: PathBuf, fd: OwnedFd },
    Archive { file: Arc<File>, entries: HashMap<String, shelf::Entry> },
}

/// A file of an image.
pub(crate) struct Piece {
    pub(crate) reader: Box<dyn Read>,
    pub(crate) size: u64,
}

/// A manifest of 500 layers has 100 kB.
const DOCUMENT: u64 = 4 << 20;

fn small(size: u64) -> Result<(), Fault> {
    if size <= DOCUMENT { Ok(()) } else { Err(Fault::DocumentTooLarge { size, limit: DOCUMENT }) }
}

/// As deep as links lead to each other, in the kernel too.
const LINKS: usize = 40;

impl Place {
    pub(crate) fn directory(path: &Path, archive: &str) -> Result<Self, Error> {
        let flags = OFlag::O_DIRECTORY | OFlag::O_PATH | OFlag::O_CLOEXEC;
        let fd = open(path, flags, Mode::empty())
            .map_err(|errno| Error::new(archive, Reason::errno(path, errno)))?;
        Ok(Self {
            archive: archive.to_owned(),
            files: Files::Directory { path: path.to_owned(), fd },
            remote: None,
        })
    }

    /// An archive that is not compressed.
    pub(crate) fn archive(file: File, archive: &str) -> Result<Self, Error> {
        let entries = shelf::entries(&file, archive)?;
        Ok(Self {
            archive: archive.to_owned(),
            files: Files::Archive { file: Arc::new(file), entries },
            remote: None,
        })
    }

    /// The same, with blobs that are not here fetched when they are needed.
    #[cfg(feature = "registry")]
    pub(crate) fn with_remote(self, remote: Box<dyn Remote>) -> Self {
        Self { remote: Some(remote), ..self }
    }

    pub(crate) fn is_remote(&self) -> bool {
        self.remote.is_some()
    }

    pub(crate) fn at<'a>(&'a self, entry: &'a str) -> Where<'a> {
        Where { archive: &self.archive, entry }
    }

    /// The file of this name; none if it is not there.
    pub(crate) fn open(&self, name: &str) -> Result<Option<Piece>, Error> {
        if !is_inside(name) {
            return Err(self.at(name).error(Fault::LeavesTheImage(name.to_owned())));
        }
        match &self.files {
            Files::Directory { path, fd } => self.open_beneath(fd, path, name),
            Files::Archive { file, entries } => self.open_entry(file, entries, name),
        }
    }

    /// The blob that a descriptor points to: it is there, and has the size that was promised.
    pub(crate) fn blob(&self, wanted: &Descriptor) -> Result<Piece, Error> {
        let name = blob_name(&wanted.digest);
        let mut piece = self.open(&name)?;
        if let Some(remote) = &self.remote
            && piece.as_ref().is_none_or(|piece| piece.size != wanted.size)
        {
            remote.forget(wanted);
            remote.fetch(wanted)?;
            piece = self.open(&name)?;
        }
        let piece = piece.ok_or_else(|| self.at(&name).error(Reason::MissingBlob(wanted.digest)))?;
        if piece.size != wanted.size {
            let size = Fault::Size { wanted: wanted.size, found: piece.size };
            return Err(self.at(&name).error(size));
        }
        Ok(piece)
    }

    /// A small file that must be there.
    pub(crate) fn document(&self, name: &str) -> Result<Vec<u8>, Error> {
        let piece = self.open(name)?.ok_or_else(|| self.at(name).error(Fault::MissingEntry))?;
        self.read_document(name, piece)
    }

    /// A document, checked against its descriptor.
    pub(crate) fn checked_document(&self, wanted: &Descriptor) -> Result<Vec<u8>, Error> {
        let name = blob_name(&wanted.digest);
        small(wanted.size).at(self.at(&name))?;
        let mut bytes = self.read_document(&name, self.blob(wanted)?)?;
        if Digest::of(&bytes) != wanted.digest
            && let Some(remote) = &self.remote
        {
            remote.forget(wanted);
            bytes = self.read_document(&name, self.blob(wanted)?)?;
        }
        let found = Digest::of(&bytes);
        if found == wanted.digest {
            return Ok(bytes);
        }
        Err(self.at(&name).error(Reason::Digest { wanted: wanted.digest, found }))
    }

    /// What a layer's blob is not what it should be for: the next one to look for it fetches it again.
    pub(crate) fn forget(&self, wanted: &Descriptor) {
        self.remote.iter().for_each(|remote| remote.forget(wanted));
    }

    fn read_document(&self, name: &str, piece: Piece) -> Result<Vec<u8>, Error> {
        small(piece.size).at(self.at(name))?;
        let mut bytes = Vec::new();
        let read = piece.reader.take(DOCUMENT).read_to_end(&mut bytes);
        read.map_err(|error| self.at(name).error(shelf::reason(&self.archive, &error)))?;
        Ok(bytes)
    }

    /// Symbolic links are followed as long as they stay below the directory: some tools link equal blobs.
    fn open_beneath(&self, fd: &OwnedFd, path: &Path, name: &str) -> Result<Option<Piece>, Error> {
        let beneath = ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_MAGICLINKS;
        // A fifo would wait for a writer.
        let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
        let file = match openat2(fd, name, OpenHow::new().flags(flags).resolve(beneath)) {
            Ok(fd) => File::from(fd),
            Err(Errno::ENOENT | Errno::ENOTDIR) => return Ok(None),
            Err(Errno::EXDEV) => return Err(self.at(name).error(Fault::LeavesTheImage(name.to_owned()))),
            Err(Errno::ENXIO) => return Err(self.at(name).error(Fault::NotAFile)),
            Err(errno) => return Err(self.at(name).error(Reason::errno(&path.join(name), errno))),
        };
        let metadata =
            file.metadata().map_err(|error| self.at(name).error(Reason::io(&path.join(name), &error)))?;
        if !metadata.is_file() {
            return Err(self.at(name).error(Fault::NotAFile));
        }
        Ok(Some(Piece { size: metadata.len(), reader: Box::new(file) }))
    }

    fn open_entry(
        &self,
        file: &Arc<File>,
        entries: &HashMap<String, shelf::Entry>,
        name: &str,
    ) -> Result<Option<Piece>, Error> {
        let mut current = name.to_owned();
        for _ in 0..LINKS {
            match entries.get(&current) {
                None => return Ok(None),
                Some(shelf::Entry::File { offset, size }) => {
                    let reader = Section { file: Arc::clone(file), offset: *offset, left: *size };
                    return Ok(Some(Piece { reader: Box::new(reader), size: *size }));
                }
                Some(shelf::Entry::Other) => return Err(self.at(name).error(Fault::NotAFile)),
                Some(shelf::Entry::Link(target)) => current.clone_from(target),
                Some(shelf::Entry::LinkOut(target)) => {
                    return Err(self.at(name).error(Fault::LeavesTheImage(target.clone())));
                }
            }
        }
        Err(self.at(name).error(Fault::NotAFile))
    }
}

/// Whether a name that a document gives is one below the image's root.
fn is_inside(name: &str) -> bool {
    !name.is_empty() && name.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

/// A part of a file.
struct Section {
    file: Arc<File>,
    offset: u64,
    left: u64,
}

impl Read for Section {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let length = self.file.read_at(&mut buffer[..most], self.offset)?;
        let passed = u64::try_from(length).unwrap_or(u64::MAX);
        self.offset += passed;
        self.left -= passed;
        if length == 0 && most > 0 {
            // Shorter than it was when its entries were listed.
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(length)
    }
}
