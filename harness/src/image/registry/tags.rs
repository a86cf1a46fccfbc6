//! What a tag named when it was last asked for.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::super::digest::Digest;
use super::super::error::Reason;
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

    /// Of many writers at once, one is seen, whole.
    pub(super) fn is_now(&self, digest: Digest) -> Result<(), Reason> {
        let failed = |error: io::Error| Reason::io(&self.path, &error);
        let thread = format!("{:?}", std::thread::current().id());
        let own = self.path.with_extension(format!("{}-{thread}", std::process::id()));
        fs::create_dir_all(self.path.parent().unwrap_or(&self.path)).map_err(failed)?;
        fs::write(&own, digest.to_string()).and_then(|()| fs::rename(&own, &self.path)).map_err(failed)
    }
}
