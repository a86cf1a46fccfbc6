//! What a tag named when it was last asked for.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::super::digest::Digest;
use super::super::error::Reason;
use super::super::keep;
use super::reference::Reference;

/// The note about a tag.
#[derive(Debug)]
pub(super) struct Tag {
    path: PathBuf,
}

impl Tag {
    pub(super) fn new(blobs: &Path, reference: &Reference) -> Self {
        let name = format!("{}/{}:{}", reference.host, reference.repository, reference.tag());
        // Its digest is a name that every file system takes.
        Self { path: blobs.join("tags").join(Digest::of(name.as_bytes()).hex()) }
    }

    pub(super) fn last(&self) -> Result<Option<Digest>, Reason> {
        match fs::read_to_string(&self.path) {
            Ok(text) => text.parse().map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Reason::io(&self.path, &error)),
        }
    }

    pub(super) fn is_now(&self, digest: Digest) -> Result<(), Reason> {
        let made = fs::create_dir_all(self.path.parent().unwrap_or(&self.path));
        let noted = made.and_then(|()| keep::note(&self.path, &digest.to_string()));
        noted.map_err(|error| Reason::io(&self.path, &error))
    }
}
