//! The documents that name others: descriptors, indexes, manifests; in OCI's words and in Docker's.

use super::digest::Digest;
use super::error::Reason;
use super::fault::Fault;
use super::json::{self, Json};
use super::platform::Platform;

/// What a document says of another file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Descriptor {
    pub(crate) media_type: String,
    pub(crate) digest: Digest,
    pub(crate) size: u64,
    pub(crate) platform: Option<Platform>,
    /// What an index calls it: a tag, or a whole reference.
    pub(crate) names: Vec<String>,
    /// How another image was built, and no image.
    pub(crate) attestation: bool,
}

/// What a descriptor points to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Document {
    Index(Vec<Descriptor>),
    Manifest(Manifest),
}

/// An image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Manifest {
    pub(crate) config: Descriptor,
    /// The lowest first.
    pub(crate) layers: Vec<Descriptor>,
}

pub(crate) const INDEX: [&str; 2] =
    ["application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json"];
pub(crate) const MANIFEST: [&str; 2] =
    ["application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json"];
const CONFIG: [&str; 2] =
    ["application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"];
const LAYER: [&str; 6] = [
    "application/vnd.oci.image.layer.v1.tar",
    "application/vnd.oci.image.layer.v1.tar+gzip",
    "application/vnd.oci.image.layer.v1.tar+zstd",
    "application/vnd.docker.image.rootfs.diff.tar",
    "application/vnd.docker.image.rootfs.diff.tar.gzip",
    "application/vnd.docker.image.rootfs.diff.tar.zstd",
];
const FIRST_SCHEMA: &str = "application/vnd.docker.distribution.manifest.v1+";

/// overlayfs stacks 500.
pub(crate) const LAYERS: usize = 500;

impl Descriptor {
    fn read(json: &Json<'_>) -> Result<Self, Reason> {
        let annotations = json.get("annotations");
        let annotation = |name: &str| annotations.as_ref().map_or(Ok(None), |all| all.word(name));
        let names = ["org.opencontainers.image.ref.name", "io.containerd.image.name"];
        let named = names.into_iter().map(annotation).collect::<Result<Vec<_>, _>>()?;
        let platform = json.get("platform").map(|json| Platform::read(&json)).transpose()?;
        let attested = annotation("vnd.docker.reference.type")?.is_some();
        Ok(Self {
            media_type: json.need("mediaType")?.text()?.to_owned(),
            digest: json.need("digest")?.text()?.parse()?,
            size: json.need("size")?.number()?,
            attestation: attested || platform.as_ref().is_some_and(Platform::is_unknown),
            platform,
            names: named.into_iter().flatten().collect(),
        })
    }

    pub(crate) fn is_index(&self) -> bool {
        INDEX.contains(&self.media_type.as_str())
    }

    pub(crate) fn is_manifest(&self) -> bool {
        MANIFEST.contains(&self.media_type.as_str())
    }

    /// Why it is neither.
    pub(crate) fn strange(&self) -> Reason {
        if self.media_type.starts_with(FIRST_SCHEMA) {
            return Fault::FirstSchema.into();
        }
        media_type(&self.media_type, &[INDEX, MANIFEST].concat())
    }
}

fn media_type(found: &str, accepted: &[&str]) -> Reason {
    let accepted = accepted.iter().map(|&name| name.to_owned()).collect();
    Reason::MediaType { found: found.to_owned(), accepted }
}

/// Reads the document that a descriptor of this media type points to; `index.json` has no descriptor.
pub(crate) fn read(bytes: &[u8], promised: Option<&str>) -> Result<Document, Reason> {
    let value = json::parse(bytes)?;
    let json = Json::of(&value);
    let version = json.need("schemaVersion")?.number()?;
    if version == 1 {
        return Err(Fault::FirstSchema.into());
    }
    if version != 2 {
        return Err(Fault::Field { field: "schemaVersion".to_owned(), wanted: "is not 2" }.into());
    }
    let promised = promised.unwrap_or(INDEX[0]);
    // The same bytes read as this by one tool and as that by another are an attack (CVE-2021-41190).
    if json.get("manifests").is_some() && (json.get("layers").is_some() || json.get("config").is_some()) {
        return Err(Fault::IndexAndManifest.into());
    }
    if let Some(own) = json.word("mediaType")?.filter(|own| own != promised) {
        let both_are = |types: [&str; 2]| types.contains(&own.as_str()) && types.contains(&promised);
        if !both_are(INDEX) || promised != INDEX[0] {
            let descriptor = promised.to_owned();
            return Err(Fault::TypeDiffers { descriptor, document: own }.into());
        }
    }
    if INDEX.contains(&promised) { index(&json) } else { manifest(&json) }
}

fn index(json: &Json<'_>) -> Result<Document, Reason> {
    let manifests = json.need("manifests")?.list()?;
    manifests.iter().map(Descriptor::read).collect::<Result<_, _>>().map(Document::Index)
}

fn manifest(json: &Json<'_>) -> Result<Document, Reason> {
    let config = Descriptor::read(&json.need("config")?)?;
    if !CONFIG.contains(&config.media_type.as_str()) {
        return Err(media_type(&config.media_type, &CONFIG));
    }
    let layers = json.need("layers")?.list()?.iter().map(layer).collect::<Result<Vec<_>, _>>()?;
    bounded(layers.len())?;
    Ok(Document::Manifest(Manifest { config, layers }))
}

fn layer(json: &Json<'_>) -> Result<Descriptor, Reason> {
    let layer = Descriptor::read(json)?;
    let name = layer.media_type.as_str();
    if name.contains(".nondistributable.") || name.contains(".rootfs.foreign.") {
        return Err(Fault::Nondistributable(layer.media_type).into());
    }
    if LAYER.contains(&name) { Ok(layer) } else { Err(media_type(name, &LAYER)) }
}

/// Whether a root filesystem can be made of so many layers.
pub(crate) fn bounded(layers: usize) -> Result<(), Reason> {
    match layers {
        0 => Err(Fault::NoLayers.into()),
        1..=LAYERS => Ok(()),
        found => Err(Fault::TooManyLayers { found, limit: LAYERS }.into()),
    }
}
