//! What `docker save` writes: `manifest.json`, and files by the names that it gives.
//!
//! New ones are OCI image layouts too, and read as such. The old form names its layers `ID/layer.tar`; a
//! configuration is named by its digest, which is checked.

use super::config;
use super::digest::Digest;
use super::error::{Error, Reason};
use super::fault::{AtPlace, Fault};
use super::json::{self, Json};
use super::manifest;
use super::parts::{Part, Parts};
use super::place::Place;
use super::platform::Machine;

const LIST: &str = "manifest.json";

/// An image of the list.
struct Listed {
    config: String,
    tags: Vec<String>,
    layers: Vec<String>,
}

/// Reads the image of this tag, or the only one.
pub(crate) fn read(place: &Place, name: Option<&str>, machine: Machine) -> Result<Parts, Error> {
    let listed = choose(list(place)?, name).at(place.at(LIST))?;
    let bytes = place.document(&listed.config)?;
    let here = place.at(&listed.config);
    if let Some(wanted) = digest_in(&listed.config) {
        let found = Digest::of(&bytes);
        if wanted != found {
            return Err(here.error(Reason::Digest { wanted, found }));
        }
    }
    let written = config::read(&bytes).at(here)?;
    if machine.rank(&written.platform).is_none() {
        let found = vec![written.platform.to_string()];
        return Err(here.error(Reason::NoPlatform { wanted: machine.name(), found }));
    }
    manifest::bounded(listed.layers.len()).at(place.at(LIST))?;
    config::same_count(listed.layers.len(), written.diff_ids.len()).at(here)?;
    let layers = listed.layers.into_iter().zip(&written.diff_ids);
    let layers = layers.map(|(entry, diff_id)| {
        let Some(piece) = place.open(&entry)? else {
            return Err(place.at(&entry).error(Fault::MissingEntry));
        };
        Ok(Part { entry, size: piece.size, diff_id: *diff_id, descriptor: None })
    });
    Ok(Parts { layers: layers.collect::<Result<_, _>>()?, written })
}

fn list(place: &Place) -> Result<Vec<Listed>, Error> {
    let bytes = place.document(LIST)?;
    let here = place.at(LIST);
    let value = json::parse(&bytes).at(here)?;
    let list = Json::of(&value).list().at(here)?;
    list.iter().map(|json| one(json).at(here)).collect()
}

fn one(json: &Json<'_>) -> Result<Listed, Reason> {
    json.need("Layers")?;
    Ok(Listed {
        config: json.need("Config")?.text()?.to_owned(),
        tags: json.texts("RepoTags")?,
        layers: json.texts("Layers")?,
    })
}

fn choose(listed: Vec<Listed>, name: Option<&str>) -> Result<Listed, Fault> {
    let shown = |image: &Listed| image.tags.first().unwrap_or(&image.config).clone();
    let tags: Vec<String> = listed.iter().flat_map(|image| image.tags.clone()).collect();
    let is_it = |image: &Listed| name.is_none_or(|name| image.tags.iter().any(|tag| tag == name));
    let mut chosen: Vec<Listed> = listed.into_iter().filter(is_it).collect();
    match (chosen.len(), chosen.pop(), name) {
        (1, Some(only), _) => Ok(only),
        (_, Some(last), _) => {
            chosen.push(last);
            Err(Fault::Ambiguous(chosen.iter().map(shown).collect()))
        }
        (_, None, Some(name)) => Err(Fault::NoSuchName { wanted: name.to_owned(), found: tags }),
        (_, None, None) => Err(Fault::NoImages),
    }
}

/// `DIGEST.json`, `sha256:DIGEST`, `blobs/sha256/DIGEST`.
fn digest_in(name: &str) -> Option<Digest> {
    let last = name.rsplit('/').next()?;
    let digits = last.strip_prefix("sha256:").unwrap_or(last);
    format!("sha256:{}", digits.strip_suffix(".json").unwrap_or(digits)).parse().ok()
}
