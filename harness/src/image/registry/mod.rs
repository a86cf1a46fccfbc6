//! Images of registries: blobs are fetched into the cache, where they lie as in an image layout, and are read from
//! there. What is there is not fetched again; what is interrupted is gone on with.
//!
//! A digest names the same image for ever: one that is in the cache needs no network. A tag may move: it is asked for
//! each time. `HARNESS_OFFLINE=1` fetches nothing, and takes what the tag was when it was last asked for.

mod blob;
mod challenge;
mod client;
mod credentials;
mod helper;
mod login;
pub(crate) mod reference;
mod tags;
#[cfg(test)]
mod tests;

use std::cell::OnceCell;
use std::fmt;
use std::fs;
use std::path::PathBuf;
use std::rc::Rc;

use self::client::{Client, Request};
use self::reference::Reference;
use super::digest::Digest;
use super::error::{Error, Reason};
use super::fault::{AtPlace, Where};
use super::layout;
use super::manifest::{self, Descriptor, INDEX, MANIFEST};
use super::parts::{self, Parts};
use super::place::{Place, Remote};
use super::platform::Machine;
use super::store::Store;
use super::{Image, keep};

/// What can go wrong between us and a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Not the text of a reference.
    Reference(String),
    /// `HARNESS_OFFLINE`, and it is not in the cache.
    Offline,
    /// No connection, or none that lasts.
    Unreachable {
        url: String,
        why: String,
    },
    NotFound(String),
    Status {
        url: String,
        status: u16,
        message: String,
    },
    Unauthorized {
        url: String,
        with_password: bool,
    },
    /// Asks for an authentication that we do not know.
    Challenge(String),
    /// A token server that answers with something else.
    Token(String),
    /// A token server that others could listen to.
    PlainHttp(String),
    /// Docker's configuration is not readable as such.
    Credentials(PathBuf),
    /// A program that keeps credentials for docker does not give them.
    Helper {
        program: String,
        host: String,
        why: String,
    },
    /// More than was promised.
    TooLong {
        url: String,
        limit: u64,
    },
}

impl From<Fault> for Reason {
    fn from(fault: Fault) -> Self {
        super::fault::Fault::Registry(fault).into()
    }
}

/// Looks on while blobs are fetched.
pub(crate) trait Watch: fmt::Debug {
    /// A blob of this size, of which so much is there already.
    fn begins(&self, digest: &Digest, size: u64, there: u64);
    fn passes(&self, bytes: u64);
    fn ends(&self);
}

/// The image, its blobs fetched as far as their layers are not unpacked yet.
pub(crate) fn obtain(text: &str, store: &Store) -> Result<Image, Error> {
    let pulled = find(text, store, None)?;
    parts::unpack(&pulled.place, pulled.parts, store)
}

/// Fetches all of the image and unpacks it; the digest is that of what the reference names.
#[cfg(feature = "cli")]
pub(crate) fn pull(text: &str, store: &Store, watch: Rc<dyn Watch>) -> Result<(Digest, Image), Error> {
    let pulled = find(text, store, Some(watch))?;
    for part in &pulled.parts.layers {
        part.descriptor.iter().try_for_each(|layer| pulled.place.blob(layer).map(drop))?;
    }
    let image = parts::unpack(&pulled.place, pulled.parts, store)?;
    Ok((pulled.digest, image))
}

struct Found {
    digest: Digest,
    place: Place,
    parts: Parts,
}

fn find(text: &str, store: &Store, watch: Option<Rc<dyn Watch>>) -> Result<Found, Error> {
    let here = Where { archive: text, entry: "" };
    let reference = Reference::parse(text).at(here)?;
    let registry = Registry {
        text: text.to_owned(),
        offline: offline().at(here)?,
        client: OnceCell::new(),
        reference,
        blobs: store.blobs(),
        watch,
    };
    let descriptor = registry.descriptor().at(here)?;
    let digest = descriptor.digest;
    let root = registry.blobs.parent().unwrap_or(&registry.blobs).to_owned();
    let place = Place::directory(&root, text)?.with_remote(Box::new(registry));
    let parts = layout::image(&place, vec![descriptor], Machine::this())?;
    Ok(Found { digest, place, parts })
}

const OFFLINE: &str = "HARNESS_OFFLINE";

fn offline() -> Result<bool, Reason> {
    match std::env::var(OFFLINE).unwrap_or_default().as_str() {
        "" | "0" => Ok(false),
        "1" => Ok(true),
        other => Err(Reason::Setting { name: OFFLINE, given: other.to_owned(), accepted: "1, 0" }),
    }
}

/// A registry, and the cache before it.
#[derive(Debug)]
struct Registry {
    /// The reference as it was given.
    text: String,
    reference: Reference,
    offline: bool,
    /// Made when it is needed: what is in the cache needs no network.
    client: OnceCell<Client>,
    blobs: PathBuf,
    watch: Option<Rc<dyn Watch>>,
}

impl Registry {
    fn client(&self) -> Result<&Client, Reason> {
        if self.offline {
            return Err(Fault::Offline.into());
        }
        Ok(self.client.get_or_init(|| Client::new(&self.reference)))
    }

    /// What the reference names.
    fn descriptor(&self) -> Result<Descriptor, Reason> {
        if let Some(digest) = self.reference.digest {
            let path = self.sha256().join(digest.hex());
            let cached = fs::read(&path).ok().filter(|bytes| Digest::of(bytes) == digest);
            let Some(bytes) = cached else {
                // What is there is none of it.
                drop(fs::remove_file(path));
                return self.described(&self.manifest(&digest.to_string())?, Some(digest));
            };
            return self.described(&bytes, Some(digest));
        }
        let tag = tags::Tag::new(&self.blobs, &self.reference);
        if self.offline {
            let digest = tag.last()?.ok_or(Fault::Offline)?;
            let path = self.sha256().join(digest.hex());
            let bytes = fs::read(&path).map_err(|error| Reason::io(&path, &error))?;
            return self.described(&bytes, Some(digest));
        }
        let bytes = self.manifest(self.reference.tag())?;
        let descriptor = self.described(&bytes, None)?;
        tag.is_now(descriptor.digest)?;
        Ok(descriptor)
    }

    /// The document under a tag or a digest.
    fn manifest(&self, name: &str) -> Result<Vec<u8>, Reason> {
        let accept = [INDEX, MANIFEST].concat().join(", ");
        let request = Request { path: &format!("manifests/{name}"), accept: &accept, from: 0 };
        blob::small(self.client()?.get(request)?, request.path)
    }

    /// Puts the document among the blobs, and says what it is.
    fn described(&self, bytes: &[u8], wanted: Option<Digest>) -> Result<Descriptor, Reason> {
        let digest = Digest::of(bytes);
        if let Some(wanted) = wanted.filter(|wanted| *wanted != digest) {
            return Err(Reason::Digest { wanted, found: digest });
        }
        let media_type = manifest::media_type_of(bytes)?;
        keep::keep(&self.sha256(), &digest.hex(), &mut |file| {
            blob::rewrite(file, bytes).map_err(|error| {
                let reason = Reason::io(&self.blobs, &error);
                Error::new(self.text.as_str(), reason)
            })
        })
        .map_err(|error| error.reason)?;
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        Ok(Descriptor { media_type, digest, size, platform: None, names: Vec::new(), attestation: false })
    }

    fn sha256(&self) -> PathBuf {
        self.blobs.join("sha256")
    }
}

impl Remote for Registry {
    fn fetch(&self, wanted: &Descriptor) -> Result<(), Error> {
        let name = layout::blob_name(&wanted.digest);
        let here = Where { archive: &self.text, entry: &name };
        let client = self.client().at(here)?;
        let fetch = blob::Fetch { client, wanted, cache: &self.blobs, watch: self.watch.as_deref() };
        let fetched = keep::keep(&self.sha256(), &wanted.digest.hex(), &mut |file| fetch.into(file).at(here));
        fetched.map(drop)
    }

    fn forget(&self, wanted: &Descriptor) {
        // If it cannot be removed, it is found wrong again.
        drop(fs::remove_file(self.sha256().join(wanted.digest.hex())));
    }
}
