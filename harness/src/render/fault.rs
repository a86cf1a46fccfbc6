//! What is wrong with an image beside its layers.

use super::image::name;
use super::words;
use crate::image::fault::Fault;

/// What messages call a layer of an image.
pub(crate) fn layer_of(archive: &str, entry: &str) -> String {
    format!("{archive}, layer {entry}")
}

/// How `harness pull` shows a blob: its name, a bar, the bytes, the time.
#[cfg(feature = "cli")]
pub(crate) const PROGRESS: &str = "{msg} [{bar:30}] {bytes}/{total_bytes} {bytes_per_sec} {eta}";

/// As much of a digest as a person compares.
#[cfg(feature = "cli")]
pub(crate) fn short_digest(digest: &crate::image::digest::Digest) -> String {
    digest.hex().chars().take(12).collect()
}

pub(crate) fn fault(fault: &Fault) -> String {
    match fault {
        Fault::PlainDirectory => "a directory without an oci-layout file is no image".to_owned(),
        Fault::SpecialFile => "neither a file nor a directory".to_owned(),
        Fault::Changed => "it was changed while it was read; run the tests again".to_owned(),
        Fault::LongHeader { limit } => format!("a header of more than {}", words::size(*limit)),
        Fault::EmptyFile => "the file is empty".to_owned(),
        Fault::Format(what) => format!(
            "not an archive but {what}; accepted: tar, uncompressed or with gzip, zstd or xz, and in it a root \
             filesystem, an OCI image layout or what `docker save` writes"
        ),
        Fault::NoImages => "there is no image in it".to_owned(),
        Fault::Ambiguous(names) => {
            format!("several images fit; choose one with `#NAME`: {}", list(names))
        }
        Fault::NoSuchName { wanted, found } if found.is_empty() => {
            format!("no image is called {}; none has a name", shown(wanted))
        }
        Fault::NoSuchName { wanted, found } => {
            format!("no image is called {}; there are: {}", shown(wanted), list(found))
        }
        Fault::UserText(text) => format!("the image's user {} is no `user[:group]`", shown(text)),
        Fault::NoSuchUser(name) => {
            format!("the image's user {} is not in its /etc/passwd", shown(name))
        }
        Fault::NoSuchGroup(name) => {
            format!("the image's group {} is not in its /etc/group", shown(name))
        }
        #[cfg(not(feature = "registry"))]
        Fault::WithoutRegistry => {
            "registries need the feature `registry` of isolated-harness, which is off".to_owned()
        }
        #[cfg(feature = "registry")]
        Fault::Registry(fault) => super::registry::fault(fault),
        other => of_a_file(other),
    }
}

/// What is wrong with one file of the image.
fn of_a_file(fault: &Fault) -> String {
    match fault {
        Fault::LeavesTheImage(name) => format!("{} leads out of the image", shown(name)),
        Fault::MissingEntry => "is missing".to_owned(),
        Fault::NotAFile => "is no regular file".to_owned(),
        Fault::Twice => "is there twice".to_owned(),
        Fault::TooManyEntries { limit } => format!("more than {limit} entries"),
        Fault::TooLarge { limit } => {
            format!("unfolds to more than {}, as no honest archive does", words::size(*limit))
        }
        Fault::Size { wanted, found } => format!("has {found} bytes; its descriptor says {wanted}"),
        Fault::DocumentTooLarge { size, limit } => {
            format!("a document of {}; the limit is {}", words::size(*size), words::size(*limit))
        }
        other => of_a_document(other),
    }
}

/// What is wrong with what a document says.
fn of_a_document(fault: &Fault) -> String {
    match fault {
        Fault::LayoutVersion(version) => {
            format!("imageLayoutVersion is {}; accepted: 1.0.0", shown(version))
        }
        Fault::NoJson(error) => format!("is no JSON: {error}"),
        Fault::NoObject => "is no JSON object".to_owned(),
        // Both may repeat what the document says, which may be long.
        Fault::Field { field, why } if field.is_empty() => name(why.as_bytes()),
        Fault::Field { field, why } => format!("`{}`: {}", name(field.as_bytes()), name(why.as_bytes())),
        Fault::FirstSchema => {
            "a manifest of Docker's schema 1, which nothing makes since 2017: push the image again".to_owned()
        }
        Fault::IndexAndManifest => {
            "has `manifests` beside `layers` or `config`: two tools would read two images".to_owned()
        }
        Fault::TypeDiffers { descriptor, document } => {
            format!("calls itself {}; its descriptor says {}", shown(document), shown(descriptor))
        }
        Fault::Nondistributable(name) => {
            format!(
                "a layer of type {} is not in the image: its owner does not let it be copied",
                shown(name)
            )
        }
        Fault::NestedTooDeep { limit } => format!("indexes in each other, more than {limit} deep"),
        Fault::TooManyDocuments { limit } => format!("more than {limit} manifests"),
        Fault::NoLayers => "the image has no layers".to_owned(),
        Fault::TooManyLayers { found, limit } => {
            format!("{found} layers; overlayfs stacks {limit}")
        }
        Fault::DiffIds { layers, diff_ids } => {
            format!("the image has {layers} layers and {diff_ids} checksums (diff_ids) for them")
        }
        // The rest has its words above.
        other => format!("{other:?}"),
    }
}

fn list(names: &[String]) -> String {
    names.iter().map(|name| shown(name)).collect::<Vec<_>>().join(", ")
}

fn shown(text: &str) -> String {
    words::shown(text).to_string()
}
