//! The unpacker for tests from outside, and for the fuzzer. No stable interface.

use std::io::Read;
use std::path::{Path, PathBuf};

use super::digest::Digest;
use super::error::Error;
use super::store::{Store, Wanted};

/// An archive, and what was promised of it.
#[derive(Debug, Clone, Copy)]
pub struct Promise<'a> {
    /// What messages call it, and what it is kept under.
    pub name: &'a str,
    /// The digest of its bytes.
    pub digest: Option<&'a str>,
    /// What it was compressed to.
    pub compressed_size: u64,
}

/// A layer of the cache in this directory; `archive` is what is unpacked if it is not there.
///
/// # Errors
/// What is wrong with the archive, as a user reads it.
pub fn layer(cache: &Path, promise: Promise<'_>, archive: impl Read + 'static) -> Result<Layer, String> {
    let mut archive = Some(archive);
    let mut open = || -> Result<Box<dyn Read>, Error> {
        Ok(archive
            .take()
            .map_or_else(|| Box::new(std::io::empty()) as Box<dyn Read>, |archive| Box::new(archive)))
    };
    let of_name = |reason| Error::new(promise.name, reason);
    let mut read = || {
        let diff_id = promise.digest.map(str::parse).transpose().map_err(of_name)?;
        let key = Digest::of(promise.name.as_bytes());
        let compressed_size = promise.compressed_size;
        let wanted = Wanted { archive: promise.name, key, diff_id, compressed_size, below: None };
        let layer = Store::at(cache)?.layer(&wanted, &mut open)?;
        let left_out = layer.left_out.iter().map(|one| format!("{}: {}", one.entry, one.what)).collect();
        Ok(Layer { directory: layer.directory.clone(), left_out, _lease: Box::new(layer) })
    };
    read().map_err(|error: Error| error.to_string())
}

/// A layer that is kept while this value lives.
#[derive(Debug)]
pub struct Layer {
    /// Its root.
    pub directory: PathBuf,
    /// What could not be made.
    pub left_out: Vec<String>,
    _lease: Box<dyn std::fmt::Debug>,
}
