//! Why an archive or an image cannot be used: one error, that says which archive, which entry of it, and why.
//!
//! Its words stand in render/image.rs.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use nix::errno::Errno;

use super::digest::Digest;
use super::fault::Fault;
use crate::error::{Cause, Object, SetupError, Step};
use crate::render;

/// Nothing of the archive was used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Error {
    /// The archive or the image, as it was given, and the layer where there are several.
    pub(crate) archive: String,
    /// The name of the entry, as it stands in the archive.
    pub(crate) entry: Option<Vec<u8>>,
    pub(crate) reason: Reason,
}

/// Why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reason {
    /// A name that is not one below the root.
    Name(BadName),
    /// A parent, or the target of a hard link, that a symbolic link leads out of the root or round in a circle.
    LeavesTheRoot,
    /// A parent that is not a directory.
    ParentIsNoDirectory,
    /// A second entry for a name.
    Duplicate {
        first: Kind,
        second: Kind,
    },
    /// A hard link whose target is not in this layer.
    NoTarget(Vec<u8>),
    /// A hard link to a directory, or to itself.
    BadTarget(Vec<u8>),
    /// A whiteout that is none: of `.`, `..`, of nothing, or one that has a meaning only for aufs.
    BadWhiteout,
    /// Marks the root itself as opaque, which overlayfs does not know.
    OpaqueRoot,
    /// What only overlayfs may make: a character device 0:0, or this extended attribute.
    Forged(String),
    /// A type of entry that no root filesystem has.
    Type(u8),
    /// A name or a target of a link that is longer than the kernel takes.
    TooLong {
        length: u64,
        limit: u64,
    },
    TooDeep {
        depth: u64,
        limit: u64,
    },
    TooManyEntries {
        limit: u64,
    },
    /// More bytes than may be unpacked.
    TooLarge {
        limit: u64,
    },
    /// More bytes than this many times what they were compressed to.
    Ratio {
        compressed: u64,
        limit: u64,
    },
    /// It ends too early.
    Truncated,
    /// It does not follow its format.
    Corrupt(String),
    /// Its content is not what was promised.
    Digest {
        wanted: Digest,
        found: Digest,
    },
    /// Not the text of a digest that we know.
    BadDigest(String),
    /// What is wrong is not a layer.
    Fault(Fault),
    /// A document of a type that is not accepted here.
    MediaType {
        found: String,
        accepted: Vec<String>,
    },
    /// An index without an image for this machine.
    NoPlatform {
        wanted: String,
        found: Vec<String>,
    },
    /// A blob that is named and not there.
    MissingBlob(Digest),
    /// The file system of the cache is full.
    NoSpace {
        cache: PathBuf,
    },
    /// The file system of the cache cannot hold what a layer needs for overlayfs.
    Unsuited {
        cache: PathBuf,
        what: &'static str,
        errno: Errno,
    },
    /// Reading or writing failed.
    Io {
        path: PathBuf,
        errno: Errno,
    },
    /// There is no place for the cache.
    NoCache,
    /// An environment variable or an option has a value that is not understood.
    Setting {
        name: &'static str,
        given: String,
        accepted: &'static str,
    },
}

/// What is wrong with a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BadName {
    Empty,
    Absolute,
    /// `..` in it.
    Upwards,
    /// A byte that is 0.
    Nul,
    /// A component that begins with `.wh.` and is not the last.
    WhiteoutAsParent,
    /// A file's, with a slash at its end.
    TrailingSlash,
    /// The root's, for something else than a directory.
    Root,
}

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Directory,
    Other,
}

impl Error {
    /// Of the archive as a whole.
    pub(crate) fn new(archive: impl Into<String>, reason: Reason) -> Self {
        Self { archive: archive.into(), entry: None, reason }
    }
}

impl Reason {
    /// Reading or writing a file failed.
    pub(crate) fn io(path: &Path, error: &io::Error) -> Self {
        Self::errno(path, errno_of(error))
    }

    /// The kernel said no.
    pub(crate) fn errno(path: &Path, errno: Errno) -> Self {
        match errno {
            Errno::ENOSPC | Errno::EDQUOT => Self::NoSpace { cache: path.to_owned() },
            errno => Self::Io { path: path.to_owned(), errno },
        }
    }
}

/// An `io::Error` without an errno comes from std's own checks (a NUL in a path).
fn errno_of(error: &io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EINVAL, Errno::from_raw)
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&render::image::error(self))
    }
}

impl std::error::Error for Error {}

impl From<Error> for SetupError {
    fn from(error: Error) -> Self {
        let reason = render::image::why(&error);
        let object = Object::Path(PathBuf::from(error.archive));
        Self { step: Step::UseImage, object, cause: Cause::Refused { reason } }
    }
}
