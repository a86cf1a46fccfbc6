//! An OCI image layout: `oci-layout`, `index.json`, and blobs by digest. What a registry has is read the same way.
//!
//! Every document is checked against the digest and the size that led to it, before it is read.

use oci_spec::image::OciLayout;

use super::config::{self, Written};
use super::digest::Digest;
use super::error::{Error, Reason};
use super::fault::{AtPlace, Fault};
use super::json;
use super::manifest::{self, Descriptor, Document, Manifest};
use super::parts::{Part, Parts};
use super::place::Place;
use super::platform::{Machine, Platform};

/// Real ones have one or two.
const DEPTH: usize = 4;
const DOCUMENTS: usize = 1_000;

/// Reads the image of this name, or the only one, for this machine.
pub(crate) fn read(place: &Place, name: Option<&str>, machine: Machine) -> Result<Parts, Error> {
    check_version(place)?;
    let bytes = place.document("index.json")?;
    let Document::Index(listed) = manifest::read(&bytes, None).at(place.at("index.json"))? else {
        return Err(place.at("index.json").error(Fault::NoImages));
    };
    let listed = by_name(listed, name).at(place.at("index.json"))?;
    image(place, listed, machine)
}

fn check_version(place: &Place) -> Result<(), Error> {
    let bytes = place.document("oci-layout")?;
    let here = place.at("oci-layout");
    let layout: OciLayout = json::object(&bytes).at(here)?;
    match layout.image_layout_version() {
        version if version.starts_with("1.") => Ok(()),
        other => Err(here.error(Fault::LayoutVersion(other.clone()))),
    }
}

fn by_name(listed: Vec<Descriptor>, name: Option<&str>) -> Result<Vec<Descriptor>, Fault> {
    let Some(name) = name else { return Ok(listed) };
    let found: Vec<String> = listed.iter().flat_map(|image| image.names.clone()).collect();
    let is_it = |image: &Descriptor| image.names.iter().any(|known| known == name);
    let chosen: Vec<Descriptor> = listed.into_iter().filter(is_it).collect();
    if chosen.is_empty() {
        return Err(Fault::NoSuchName { wanted: name.to_owned(), found });
    }
    Ok(chosen)
}

/// The one image for this machine among these and the indexes that they lead to.
pub(crate) fn image(place: &Place, listed: Vec<Descriptor>, machine: Machine) -> Result<Parts, Error> {
    let mut choice = Choice { place, documents: 0, candidates: Vec::new(), strange: None };
    choice.gather(listed, 0, &[])?;
    let chosen = choice.best(machine).at(place.at(""))?;
    parts(place, &chosen.descriptor)
}

/// An image that an index leads to.
#[derive(Debug)]
struct Candidate {
    descriptor: Descriptor,
    platform: Platform,
    names: Vec<String>,
}

struct Choice<'a> {
    place: &'a Place,
    documents: usize,
    candidates: Vec<Candidate>,
    /// Why something that is listed is no image.
    strange: Option<Reason>,
}

impl Choice<'_> {
    fn gather(&mut self, listed: Vec<Descriptor>, depth: usize, names: &[String]) -> Result<(), Error> {
        for descriptor in listed {
            self.documents += 1;
            if self.documents > DOCUMENTS {
                return Err(self.place.at("").error(Fault::TooManyDocuments { limit: DOCUMENTS }));
            }
            // What an index is called, its images are called.
            let names = if descriptor.names.is_empty() { names } else { &descriptor.names.clone() };
            if descriptor.attestation {
                continue;
            } else if descriptor.is_index() {
                self.enter(&descriptor, depth, names)?;
            } else if descriptor.is_manifest() {
                self.add(descriptor, names)?;
            } else {
                self.strange.get_or_insert(descriptor.strange());
            }
        }
        Ok(())
    }

    fn enter(&mut self, descriptor: &Descriptor, depth: usize, names: &[String]) -> Result<(), Error> {
        let entry = blob_name(&descriptor.digest);
        if depth == DEPTH {
            return Err(self.place.at(&entry).error(Fault::NestedTooDeep { limit: DEPTH }));
        }
        match read_document(self.place, descriptor)? {
            Document::Index(listed) => self.gather(listed, depth + 1, names),
            Document::Manifest(_) => Err(self.place.at(&entry).error(descriptor.strange())),
        }
    }

    /// Where the index does not say for which platform an image is, the image does.
    fn add(&mut self, descriptor: Descriptor, names: &[String]) -> Result<(), Error> {
        let platform = match &descriptor.platform {
            Some(platform) => platform.clone(),
            None => read_config(self.place, &read_manifest(self.place, &descriptor)?)?.platform,
        };
        self.candidates.push(Candidate { descriptor, platform, names: names.to_vec() });
        Ok(())
    }

    fn best(self, machine: Machine) -> Result<Candidate, Reason> {
        let found: Vec<String> = self.candidates.iter().map(|found| found.platform.to_string()).collect();
        let best = self.candidates.iter().filter_map(|candidate| machine.rank(&candidate.platform)).max();
        let fits = |candidate: &Candidate| best.is_some() && machine.rank(&candidate.platform) == best;
        let mut fitting: Vec<Candidate> = self.candidates.into_iter().filter(fits).collect();
        // One image under two names is one image.
        let same = |other: &Candidate, first: &Candidate| other.descriptor.digest == first.descriptor.digest;
        let all_the_same = fitting.iter().all(|other| same(other, &fitting[0]));
        match (fitting.pop(), all_the_same) {
            (Some(chosen), true) => Ok(chosen),
            (Some(last), false) => {
                fitting.push(last);
                Err(Fault::Ambiguous(fitting.iter().map(Candidate::shown).collect()).into())
            }
            (None, _) if !found.is_empty() => Err(Reason::NoPlatform { wanted: machine.name(), found }),
            (None, _) => Err(self.strange.unwrap_or(Fault::NoImages.into())),
        }
    }
}

impl Candidate {
    /// By its name, else by what sets it apart.
    fn shown(&self) -> String {
        self.names.first().cloned().unwrap_or_else(|| format!("{} {}", self.platform, self.descriptor.digest))
    }
}

/// The parts of one image.
fn parts(place: &Place, descriptor: &Descriptor) -> Result<Parts, Error> {
    let manifest = read_manifest(place, descriptor)?;
    let written = read_config(place, &manifest)?;
    let entry = blob_name(&manifest.config.digest);
    config::same_count(manifest.layers.len(), written.diff_ids.len()).at(place.at(&entry))?;
    let layers = manifest.layers.into_iter().zip(&written.diff_ids).map(|(layer, diff_id)| Part {
        entry: blob_name(&layer.digest),
        size: layer.size,
        diff_id: *diff_id,
        descriptor: Some(layer),
    });
    Ok(Parts { layers: layers.collect(), written })
}

fn read_manifest(place: &Place, descriptor: &Descriptor) -> Result<Manifest, Error> {
    match read_document(place, descriptor)? {
        Document::Manifest(manifest) => Ok(manifest),
        Document::Index(_) => Err(place.at(&blob_name(&descriptor.digest)).error(descriptor.strange())),
    }
}

fn read_document(place: &Place, descriptor: &Descriptor) -> Result<Document, Error> {
    let bytes = place.checked_document(descriptor)?;
    manifest::read(&bytes, Some(&descriptor.media_type)).at(place.at(&blob_name(&descriptor.digest)))
}

fn read_config(place: &Place, manifest: &Manifest) -> Result<Written, Error> {
    let bytes = place.checked_document(&manifest.config)?;
    config::read(&bytes).at(place.at(&blob_name(&manifest.config.digest)))
}

/// The name of a blob's file.
pub(crate) fn blob_name(digest: &Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}
