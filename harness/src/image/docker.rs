//! What `docker save` writes: `manifest.json`, and files by the names that it gives.
//!
//! New ones are OCI image layouts too, and read as such. The old form names its layers `ID/layer.tar`; a
//! configuration is named by its digest, which is checked.

use serde::Deserialize;

use super::config;
use super::digest::Digest;
use super::error::{Error, Reason};
use super::fault::{AtPlace, Fault};
use super::json;
use super::manifest;
use super::parts::{Part, Parts};
use super::place::Place;
use super::platform::Machine;

const LIST: &str = "manifest.json";

/// An image of the list, for which `oci-spec` has no type.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    config: String,
    repo_tags: Option<Vec<String>>,
    layers: Vec<String>,
}

/// Reads the image of this tag, or the only one.
pub(crate) fn read(place: &Place, name: Option<&str>, machine: Machine) -> Result<Parts, Error> {
    let listed = json::parse(&place.document(LIST)?).at(place.at(LIST))?;
    let listed = choose(listed, name).at(place.at(LIST))?;
    json::without_nul("Config", &listed.config).at(place.at(LIST))?;
    json::all_without_nul("Layers", &listed.layers).at(place.at(LIST))?;
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

impl Listed {
    fn tags(&self) -> &[String] {
        self.repo_tags.as_deref().unwrap_or_default()
    }
}

fn choose(listed: Vec<Listed>, name: Option<&str>) -> Result<Listed, Fault> {
    let shown = |image: &Listed| image.tags().first().unwrap_or(&image.config).clone();
    let tags: Vec<String> = listed.iter().flat_map(Listed::tags).cloned().collect();
    let is_it = |image: &Listed| name.is_none_or(|name| image.tags().iter().any(|tag| tag == name));
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
