//! Root filesystems from archives and images: every layer is unpacked once, into a cache that all runners share.
//!
//! ```text
//! source (what is it?) ── archive of a root filesystem ───────────────────────┐
//!   ├─ layout: OCI image layout, directory or archive ─┐                      │
//!   ├─ docker: `docker save`                           ├─ parts ─ unpack ─────┴─ store: layers
//!   └─ registry: blobs into the cache, then as layout ─┘    └─ config, user
//! ```
//! `place` is where an image's files lie, `shelf` an archive that is read without unpacking it; `manifest`,
//! `platform` and `config` read documents, with `json`. A document is checked before it is believed, a layer
//! while it is unpacked.

pub(crate) mod compression;
pub(crate) mod config;
pub(crate) mod digest;
mod docker;
pub(crate) mod error;
pub(crate) mod fault;
mod flock;
pub mod hook;
mod json;
mod keep;
mod known;
mod layout;
mod look_up;
mod manifest;
mod parts;
mod place;
mod platform;
#[cfg(feature = "registry")]
pub(crate) mod registry;
mod shelf;
pub(crate) mod size;
pub(crate) mod source;
pub(crate) mod store;
#[cfg(test)]
mod tests;
mod unfold;
pub(crate) mod unpack;
pub(crate) mod user;

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use self::compression::Compression;
use self::config::Config;
use self::digest::{Checked, Digest};
use self::error::{Error, Reason};
use self::fault::Fault;
use self::parts::Parts;
use self::place::Place;
use self::platform::Machine;
use self::shelf::Look;
use self::source::Kind;
use self::store::{Layer, Store, Wanted};

/// A root filesystem that is unpacked: directories, the lowest first, and what the image says about programs.
#[derive(Debug)]
pub(crate) struct Image {
    pub(crate) layers: Vec<Layer>,
    pub(crate) config: Config,
}

/// What an image is asked for by.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Source<'a> {
    /// An absolute path; `PATH#NAME` where it holds several images.
    Path(&'a Path),
    /// `oci://host[:port]/repository[:tag][@digest]`.
    Registry(&'a str),
}

/// Reads what `source` names, and unpacks what is not unpacked yet.
pub(crate) fn obtain(source: &Source<'_>) -> Result<Arc<Image>, Error> {
    known::obtain(source, || from(source, &Store::open()?))
}

/// The same with this cache.
pub(crate) fn from(source: &Source<'_>, store: &Store) -> Result<Image, Error> {
    match source {
        Source::Path(path) => from_path(path, store),
        #[cfg(feature = "registry")]
        Source::Registry(reference) => registry::obtain(reference, store),
        #[cfg(not(feature = "registry"))]
        Source::Registry(reference) => Err(Error::new(*reference, Fault::WithoutRegistry.into())),
    }
}

fn from_path(path: &Path, store: &Store) -> Result<Image, Error> {
    let given = path.to_string_lossy();
    let located = source::locate(path);
    match source::kind(path)? {
        Kind::Directory => Err(Error::new(given, Fault::PlainDirectory.into())),
        Kind::Layout => {
            let place = Place::directory(&located.path, &given)?;
            parts::unpack(&place, layout::read(&place, located.name, Machine::this())?, store)
        }
        Kind::Archive(compression) => from_archive(&located, &given, compression, store),
    }
}

fn from_archive(
    located: &source::Located<'_>,
    given: &str,
    compression: Compression,
    store: &Store,
) -> Result<Image, Error> {
    let path = located.path.as_path();
    let Some(file) = unfold::image(path, given, compression, store)? else {
        return plain(located, given, store);
    };
    let parts = |read: fn(&Place, Option<&str>, Machine) -> Result<Parts, Error>, file| {
        let place = Place::archive(file, given)?;
        let parts = read(&place, located.name, Machine::this())?;
        parts::unpack(&place, parts, store)
    };
    match shelf::look(&file, given)? {
        Look::Root => plain(located, given, store),
        Look::Layout => parts(layout::read, file),
        Look::DockerSave => parts(docker::read, file),
    }
}

/// Whether the archive is another one than that of this digest: whatever its reader has found is no wonder then.
fn changed(path: &Path, given: &str, was: Digest, store: &Store) -> Option<Error> {
    let is_another = store.digest_of(path).is_ok_and(|is| is != was);
    is_another.then(|| Error::new(given, Fault::Changed.into()))
}

/// An archive of a root filesystem: one layer.
fn plain(located: &source::Located<'_>, given: &str, store: &Store) -> Result<Image, Error> {
    if located.name.is_some() {
        return Err(Error::new(given, Fault::NoImages.into()));
    }
    let path = located.path.as_path();
    let failed = |error: std::io::Error| Error::new(given, Reason::io(path, &error));
    let size = std::fs::metadata(path).map_err(failed)?.len();
    let key = store.digest_of(path)?;
    let wanted = Wanted { archive: given, key, diff_id: None, compressed_size: size, below: None };
    let layer = store.layer(&wanted, &mut || {
        // Between the two looks at it a build may have put another one there.
        let file = Checked::new(File::open(path).map_err(failed)?, key);
        compression::plain(file).map_err(|error| Error::new(given, shelf::reason(given, &error)))
    });
    let layer = layer.map_err(|error| changed(path, given, key, store).unwrap_or(error))?;
    Ok(Image { layers: vec![layer], config: Config::default() })
}
