//! The documents that name others: descriptors, indexes, manifests; in OCI's words and in Docker's.
//!
//! They are parsed as `oci-spec` has them. What is ours has passed our checks: a digest that we know, a media type
//! that we can read.

use oci_spec::image as oci;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::digest::Digest;
use super::error::Reason;
use super::fault::Fault;
use super::json;
use super::platform::Platform;

/// What a document says of another file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Descriptor {
    pub(crate) media_type: String,
    pub(crate) digest: Digest,
    pub(crate) size: u64,
    pub(crate) platform: Option<Platform>,
    /// What an index calls it, what tells most first: a reference as one writes it, the whole of it, a tag.
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
    fn of(written: &oci::Descriptor) -> Result<Self, Reason> {
        let annotation = |name: &str| written.annotations().as_ref().and_then(|all| all.get(name));
        // By Docker and containerd, beside a tag that images of all names may have.
        let reference = annotation("io.containerd.image.name");
        let names = [reference.map(|whole| familiar(whole)), reference.map(String::as_str)];
        let tag = annotation(oci::ANNOTATION_REF_NAME).map(String::as_str);
        let platform = written.platform().as_ref();
        let platform = platform.map(|on| Platform::new(on.os(), on.architecture(), on.variant()));
        let attested = annotation("vnd.docker.reference.type").is_some();
        Ok(Self {
            media_type: written.media_type().to_string(),
            digest: written.digest().as_ref().parse()?,
            size: written.size(),
            attestation: attested || platform.as_ref().is_some_and(Platform::is_unknown),
            platform,
            names: names.into_iter().chain([tag]).flatten().map(str::to_owned).collect(),
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

/// `docker.io/library/debian:12` is `debian:12`.
fn familiar(reference: &str) -> &str {
    reference
        .strip_prefix("docker.io/")
        .map_or(reference, |name| name.strip_prefix("library/").unwrap_or(name))
}

fn media_type(found: &str, accepted: &[&str]) -> Reason {
    let accepted = accepted.iter().map(|&name| name.to_owned()).collect();
    Reason::MediaType { found: found.to_owned(), accepted }
}

/// What tells an index from a manifest. It is looked at first, because the types of `oci-spec` pass over what they do
/// not know: a manifest's `manifests` too.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    schema_version: u64,
    media_type: Option<String>,
    manifests: Option<IgnoredAny>,
    config: Option<IgnoredAny>,
    layers: Option<IgnoredAny>,
}

impl Head {
    /// Whether the document may be read as what its descriptor says that it is.
    fn check(&self, promised: &str) -> Result<(), Reason> {
        match self.schema_version {
            1 => return Err(Fault::FirstSchema.into()),
            2 => {}
            _ => return Err(json::field("schemaVersion", "not 2")),
        }
        // The same bytes read as this by one tool and as that by another are an attack (CVE-2021-41190).
        if self.manifests.is_some() && (self.layers.is_some() || self.config.is_some()) {
            return Err(Fault::IndexAndManifest.into());
        }
        let Some(own) = &self.media_type else { return Ok(()) };
        if own == promised || (promised == INDEX[0] && INDEX.contains(&own.as_str())) {
            return Ok(());
        }
        Err(Fault::TypeDiffers { descriptor: promised.to_owned(), document: own.clone() }.into())
    }
}

/// The media type of a document that no descriptor led to: its own, else one that fits.
#[cfg(feature = "registry")]
pub(crate) fn media_type_of(bytes: &[u8]) -> Result<String, Reason> {
    let head: Head = json::object(bytes)?;
    let guess = if head.manifests.is_some() { INDEX[0] } else { MANIFEST[0] };
    Ok(head.media_type.unwrap_or_else(|| guess.to_owned()))
}

/// Reads the document that a descriptor of this media type points to; `index.json` has no descriptor.
pub(crate) fn read(bytes: &[u8], promised: Option<&str>) -> Result<Document, Reason> {
    let promised = promised.unwrap_or(INDEX[0]);
    json::object::<Head>(bytes)?.check(promised)?;
    if INDEX.contains(&promised) { index(&json::object(bytes)?) } else { manifest(&json::object(bytes)?) }
}

fn index(written: &oci::ImageIndex) -> Result<Document, Reason> {
    written.manifests().iter().map(Descriptor::of).collect::<Result<_, _>>().map(Document::Index)
}

fn manifest(written: &oci::ImageManifest) -> Result<Document, Reason> {
    let config = Descriptor::of(written.config())?;
    if !CONFIG.contains(&config.media_type.as_str()) {
        return Err(media_type(&config.media_type, &CONFIG));
    }
    let layers = written.layers().iter().map(layer).collect::<Result<Vec<_>, _>>()?;
    bounded(layers.len())?;
    Ok(Document::Manifest(Manifest { config, layers }))
}

fn layer(written: &oci::Descriptor) -> Result<Descriptor, Reason> {
    let layer = Descriptor::of(written)?;
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
