//! What can be wrong with an image beside its layers: a document, a name, the choice among several, a registry.
//!
//! The words are in render/fault.rs.

use super::error::{Error, Reason};

/// Why an image was not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A directory without an `oci-layout` file.
    PlainDirectory,
    /// Neither file nor directory.
    SpecialFile,
    EmptyFile,
    /// Another file of its name took its place while it was read.
    Changed,
    /// A header or a long name without an end.
    LongHeader {
        limit: u64,
    },
    /// A file that is no archive: what its first bytes say that it is.
    Format(&'static str),
    /// An `oci-layout` file of another version.
    LayoutVersion(String),
    /// A document that is no JSON.
    NoJson(String),
    /// A document that is no JSON, or another value.
    NoObject,
    /// A field of a document that is missing or of another type.
    Field {
        /// The way to it; empty for the document as a whole.
        field: String,
        why: String,
    },
    /// A document that is larger than any honest one.
    DocumentTooLarge {
        size: u64,
        limit: u64,
    },
    /// A manifest of Docker's first schema.
    FirstSchema,
    /// A document that can be read as an index and as a manifest.
    IndexAndManifest,
    /// What a descriptor says of a document, and what the document says.
    TypeDiffers {
        descriptor: String,
        document: String,
    },
    /// A layer that its owner does not let others hand out.
    Nondistributable(String),
    /// What a descriptor says of a blob's size, and the blob's size.
    Size {
        wanted: u64,
        found: u64,
    },
    /// Indexes in indexes in indexes.
    NestedTooDeep {
        limit: usize,
    },
    TooManyDocuments {
        limit: usize,
    },
    /// No image at all.
    NoImages,
    /// Several images, none of them chosen.
    Ambiguous(Vec<String>),
    /// No image of the name that was chosen.
    NoSuchName {
        wanted: String,
        found: Vec<String>,
    },
    NoLayers,
    TooManyLayers {
        found: usize,
        limit: usize,
    },
    /// As many layers as checksums of layers there must be.
    DiffIds {
        layers: usize,
        diff_ids: usize,
    },
    /// The name of a file that leads out of the archive.
    LeavesTheImage(String),
    /// A file that a document names, and that is not there.
    MissingEntry,
    /// What a document names is no regular file.
    NotAFile,
    /// Two files of one name.
    Twice,
    TooManyEntries {
        limit: usize,
    },
    /// More bytes than a compressed archive may unfold to.
    TooLarge {
        limit: u64,
    },
    /// The image's `User` is no `user[:group]`.
    UserText(String),
    /// A user that stands in no /etc/passwd of the image.
    NoSuchUser(String),
    /// A group that stands in no /etc/group of the image.
    NoSuchGroup(String),
    /// The feature that reads registries is not compiled in.
    #[cfg(not(feature = "registry"))]
    WithoutRegistry,
    #[cfg(feature = "registry")]
    Registry(super::registry::Fault),
}

impl From<Fault> for Reason {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// Where something is wrong: the archive as it was given, and a file in it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Where<'a> {
    pub(crate) archive: &'a str,
    pub(crate) entry: &'a str,
}

impl Where<'_> {
    pub(crate) fn error(self, reason: impl Into<Reason>) -> Error {
        let entry = (!self.entry.is_empty()).then(|| self.entry.as_bytes().to_owned());
        Error { archive: self.archive.to_owned(), entry, reason: reason.into() }
    }
}

/// Adds the place to a reason: `json::parse(&bytes).at(place)?`.
pub(crate) trait AtPlace<T> {
    fn at(self, place: Where<'_>) -> Result<T, Error>;
}

impl<T, R: Into<Reason>> AtPlace<T> for Result<T, R> {
    fn at(self, place: Where<'_>) -> Result<T, Error> {
        self.map_err(|reason| place.error(reason))
    }
}
