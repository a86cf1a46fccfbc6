//! The parts of an image, and the layers that are made of them.

use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;

use nix::errno::Errno;

use super::compression;
use super::config::{Config, Written};
use super::digest::{Checked, Digest, Hashing};
use super::error::{Error, Reason};
use super::fault::{AtPlace, Fault};
use super::manifest::Descriptor;
use super::place::Place;
use super::store::{Layer, Store, Wanted};
use super::{Image, shelf, user};
use crate::render;
use crate::rootfs::lower::Directory;

/// An image that has been read, and of which nothing is unpacked.
#[derive(Debug)]
pub(crate) struct Parts {
    /// The lowest first.
    pub(crate) layers: Vec<Part>,
    pub(crate) written: Written,
}

/// A layer as it is packed.
#[derive(Debug)]
pub(crate) struct Part {
    /// Its file.
    pub(crate) entry: String,
    pub(crate) size: u64,
    /// The checksum of the uncompressed layer: what it is unpacked to does not depend on how it was packed.
    pub(crate) diff_id: Digest,
    /// What the manifest says of the file.
    pub(crate) descriptor: Option<Descriptor>,
}

/// So many layers are stacked, at most. Each costs every guest 1 to 2 % of its start; more are merged, once, to one.
pub(super) const STACKED: usize = 8;

/// Unpacks what is not unpacked yet. Nothing is, before every layer is known to be there.
pub(crate) fn unpack(place: &Place, parts: Parts, store: &Store) -> Result<Image, Error> {
    parts.layers.iter().try_for_each(|part| place.check_presence(part))?;
    let merged = if parts.layers.len() > STACKED { merged(place, &parts.layers, store)? } else { None };
    let layers = merged.map_or_else(|| one_by_one(place, &parts.layers, store), |layer| Ok(vec![layer]))?;
    let named = parts.written.user.as_deref();
    let user = user::resolve(named.unwrap_or("0"), &layers, place.at(""))?;
    let config = Config { home: user.home.clone(), user: named.map(|_| user), ..parts.written.config };
    Ok(Image { layers, config })
}

fn one_by_one(place: &Place, parts: &[Part], store: &Store) -> Result<Vec<Layer>, Error> {
    let mut layers = Vec::new();
    for (part, chain) in parts.iter().zip(chain_ids(parts)) {
        layers.push(layer_on(place, part, store, &layers, chain)?);
    }
    Ok(layers)
}

/// All layers as one; none where their files cannot be linked, or not be reached: without /proc, or in a directory of a
/// user's layer that is closed to that user.
fn merged(place: &Place, parts: &[Part], store: &Store) -> Result<Option<Layer>, Error> {
    let Some(chain) = chain_ids(parts).last() else { return Ok(None) };
    let key = Digest::of(format!("merged {chain}").as_bytes());
    let layer = store.merged(key, &place.archive, &mut || one_by_one(place, parts, store));
    match layer {
        Err(Error {
            reason: Reason::Io { errno: Errno::EACCES | Errno::EPERM | Errno::EMLINK | Errno::ENOENT, .. },
            ..
        }) => Ok(None),
        layer => layer.map(Some),
    }
}

/// Of each part.
fn chain_ids(parts: &[Part]) -> impl Iterator<Item = Digest> {
    parts.iter().scan(None, |below, part| {
        *below = Some(below.map_or(part.diff_id, |below| chain_id(below, part.diff_id)));
        *below
    })
}

/// The OCI image specification's "Layer ChainID": of a layer together with all below it.
fn chain_id(below: Digest, diff_id: Digest) -> Digest {
    Digest::of(format!("{below} {diff_id}").as_bytes())
}

/// A layer, unpacked by itself if it can be. One with files in directories that it does not mention, or with links to
/// files that it does not have, has to know what it lies on.
fn layer_on(
    place: &Place,
    part: &Part,
    store: &Store,
    below: &[Layer],
    chain: Digest,
) -> Result<Layer, Error> {
    let Some(top) = below.last() else { return layer(place, part, store, part.diff_id, None) };
    if let Some(known) = store.known(chain, &place.archive)? {
        return Ok(known);
    }
    match layer(place, part, store, part.diff_id, None) {
        Ok(alone) if !alone.implied => {
            let [ours, theirs] = [&alone, top].map(|layer| root_of(layer).at(place.at(&part.entry)));
            if ours? == theirs? {
                return Ok(alone);
            }
        }
        Ok(_) | Err(Error { reason: Reason::NoTarget(_), .. }) => {}
        Err(error) => return Err(error),
    }
    let below = Directory::root(below.iter().rev().map(|layer| layer.directory.clone()));
    layer(place, part, store, chain, Some(&below))
}

/// Mode and owner of a layer's root: the topmost layer's are those of the whole.
fn root_of(layer: &Layer) -> Result<(u32, u32, u32), Reason> {
    let metadata = layer.directory.metadata().map_err(|error| Reason::io(&layer.directory, &error))?;
    Ok((metadata.mode(), metadata.uid(), metadata.gid()))
}

fn layer(
    place: &Place,
    part: &Part,
    store: &Store,
    key: Digest,
    below: Option<&Directory>,
) -> Result<Layer, Error> {
    let archive = render::layer_of(&place.archive, &part.entry);
    let wanted =
        Wanted { archive: &archive, key, diff_id: Some(part.diff_id), compressed_size: part.size, below };
    let result = store.layer(&wanted, &mut || open(place, part));
    // A blob that is not what it should be is the reason for whatever its reader found.
    result.map_err(|error| place.mismatch(part).unwrap_or(error))
}

/// The layer uncompressed; it ends in an error if the blob is not what the manifest says.
fn open(place: &Place, part: &Part) -> Result<Box<dyn Read>, Error> {
    let reader = place.part(part)?.reader;
    let reader: Box<dyn Read> = match &part.descriptor {
        Some(descriptor) => Box::new(Checked::new(reader, descriptor.digest)),
        None => reader,
    };
    compression::plain(reader)
        .map_err(|error| place.at(&part.entry).error(shelf::reason(&place.archive, &error)))
}

impl Place {
    /// The part's file, which must be there.
    fn part(&self, part: &Part) -> Result<super::place::Piece, Error> {
        match &part.descriptor {
            Some(descriptor) => self.blob(descriptor),
            None => self.open(&part.entry)?.ok_or_else(|| self.at(&part.entry).error(Fault::MissingEntry)),
        }
    }

    /// Whether the part is there, or may still be fetched.
    fn check_presence(&self, part: &Part) -> Result<(), Error> {
        if self.is_remote() { Ok(()) } else { self.part(part).map(drop) }
    }

    /// What is wrong with the part's file as it lies there, if something is.
    fn mismatch(&self, part: &Part) -> Option<Error> {
        let wanted = part.descriptor.as_ref()?.digest;
        let mut reader = Hashing::new(self.part(part).ok()?.reader);
        io::copy(&mut reader, &mut io::sink()).ok()?;
        let found = reader.digest()?;
        if wanted == found {
            return None;
        }
        part.descriptor.iter().for_each(|descriptor| self.forget(descriptor));
        Some(self.at(&part.entry).error(Reason::Digest { wanted, found }))
    }
}
