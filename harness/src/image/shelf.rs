//! The entries of an archive that holds an image: where each one's bytes lie. Nothing is unpacked.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use tar::{Archive, EntryType};

use super::error::{Error, Reason};
use super::fault::{Fault, Where};

/// An entry of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Entry {
    File {
        offset: u64,
        size: u64,
    },
    /// A link to another entry: `docker save` wrote equal layers so.
    Link(String),
    /// A link to something that is not in the archive.
    LinkOut(String),
    Other,
}

/// An image of 500 layers has some 1,500.
const ENTRIES: usize = 100_000;

/// What an archive looks like, from the names at its top.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// A root filesystem.
    Root,
    /// An OCI image layout.
    Layout,
    /// What `docker save` wrote.
    DockerSave,
}

/// The entries by name. Of two with one name neither can be meant: refused.
pub(crate) fn entries(file: &File, archive: &str) -> Result<HashMap<String, Entry>, Error> {
    let whole = Where { archive, entry: "" };
    let failed = |error: std::io::Error| whole.error(reason(archive, &error));
    let length = file.metadata().map_err(failed)?.len();
    let mut reader = file;
    reader.seek(SeekFrom::Start(0)).map_err(failed)?;
    let mut tar = Archive::new(reader);
    let mut entries = HashMap::new();
    for entry in tar.entries_with_seek().map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry_name(&entry.path_bytes());
        let place = Where { archive, entry: &name };
        if entries.len() >= ENTRIES {
            return Err(whole.error(Fault::TooManyEntries { limit: ENTRIES }));
        }
        let (offset, size) = (entry.raw_file_position(), entry.size());
        if offset.checked_add(size).is_none_or(|end| end > length) {
            return Err(place.error(Reason::Truncated));
        }
        let found = match entry.header().entry_type() {
            EntryType::Regular | EntryType::Continuous => Entry::File { offset, size },
            EntryType::Symlink => link(&name, entry.link_name_bytes().as_deref(), true),
            EntryType::Link => link(&name, entry.link_name_bytes().as_deref(), false),
            _ => Entry::Other,
        };
        let known = entries.insert(name.clone(), found.clone());
        if known.is_some_and(|known| known != Entry::Other || found != Entry::Other) {
            return Err(place.error(Fault::Twice));
        }
    }
    Ok(entries)
}

/// Decides as soon as a name says so: an image has few files at its top, and a root filesystem others.
pub(crate) fn look(file: &File, archive: &str) -> Result<Look, Error> {
    let failed = |error: std::io::Error| Where { archive, entry: "" }.error(reason(archive, &error));
    let mut reader = file;
    reader.seek(SeekFrom::Start(0)).map_err(failed)?;
    let mut tar = Archive::new(reader);
    let mut look = Look::Root;
    for entry in tar.entries_with_seek().map_err(failed)? {
        let name = entry_name(&entry.map_err(failed)?.path_bytes());
        match name.as_str() {
            "oci-layout" => return Ok(Look::Layout),
            "manifest.json" | "repositories" => look = Look::DockerSave,
            name if !of_image(name) => return Ok(Look::Root),
            _ => {}
        }
    }
    Ok(look)
}

/// Whether the first named entry of a stream may be that of an image.
pub(crate) fn may_be_image(stream: impl Read, archive: &str) -> Result<bool, Error> {
    let failed = |error: std::io::Error| Where { archive, entry: "" }.error(reason(archive, &error));
    for entry in Archive::new(stream).entries().map_err(failed)? {
        let name = entry_name(&entry.map_err(failed)?.path_bytes());
        if !name.is_empty() {
            return Ok(of_image(&name));
        }
    }
    Ok(false)
}

/// Whether a name is one that images have: `blobs/...`, `0f3a....json`, `0f3a.../layer.tar`; other tools than
/// Docker write `sha256:0f3a...` and `0f3a....tar.gz`.
fn of_image(name: &str) -> bool {
    let top = name.split('/').next().unwrap_or_default();
    let digest = top.strip_prefix("sha256:").unwrap_or(top);
    let stem =
        [".json", ".tar", ".tar.gz"].into_iter().find_map(|end| digest.strip_suffix(end)).unwrap_or(digest);
    let is_digest = stem.len() == 64 && stem.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_digest || matches!(top, "" | "blobs" | "oci-layout" | "repositories") || is_document(top)
}

fn is_document(name: &str) -> bool {
    matches!(name, "index.json" | "manifest.json" | "config.json")
}

/// `./blobs/sha256/` is `blobs/sha256`. A name that is no text is that of no blob.
fn entry_name(bytes: &[u8]) -> String {
    let name = String::from_utf8_lossy(bytes);
    let parts: Vec<&str> = name.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    parts.join("/")
}

fn link(name: &str, target: Option<&[u8]>, symbolic: bool) -> Entry {
    let target = String::from_utf8_lossy(target.unwrap_or_default()).into_owned();
    let parent = if symbolic { name.rsplit_once('/').map_or("", |(parent, _)| parent) } else { "" };
    let mut parts: Vec<&str> = parent.split('/').filter(|part| !part.is_empty()).collect();
    if target.starts_with('/') {
        return Entry::LinkOut(target);
    }
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.pop().is_none() => return Entry::LinkOut(target),
            ".." => {}
            part => parts.push(part),
        }
    }
    Entry::Link(parts.join("/"))
}

/// An error of the reader below, or of the format.
pub(crate) fn reason(archive: &str, error: &std::io::Error) -> Reason {
    match (error.raw_os_error(), error.kind()) {
        (Some(_), _) => Reason::io(Path::new(archive), error),
        (None, std::io::ErrorKind::UnexpectedEof) => Reason::Truncated,
        (None, _) => Reason::Corrupt(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_stay_in_the_archive_or_lead_out() {
        let cases = [
            ("a/layer.tar", "../b/layer.tar", true, Entry::Link("b/layer.tar".to_owned())),
            ("a/layer.tar", "b", true, Entry::Link("a/b".to_owned())),
            ("a/layer.tar", "b", false, Entry::Link("b".to_owned())),
            ("a/layer.tar", "../../b", true, Entry::LinkOut("../../b".to_owned())),
            ("a/layer.tar", "/b", true, Entry::LinkOut("/b".to_owned())),
        ];
        for (name, target, symbolic, wanted) in cases {
            assert_eq!(link(name, Some(target.as_bytes()), symbolic), wanted, "{name} -> {target}");
        }
    }

    #[test]
    fn names_at_the_top_tell_an_image() {
        let hex = "0f".repeat(32);
        let layer = format!("{hex}/layer.tar");
        let config = format!("{hex}.json");
        let crane = [format!("sha256:{hex}"), format!("{hex}.tar.gz")];
        for name in
            ["oci-layout", "blobs/sha256/x", "manifest.json", &layer, &config, &crane[0], &crane[1], ""]
        {
            assert!(of_image(name), "{name}");
        }
        for name in ["bin", "etc/passwd", "blob", "0f.json", "..", "oci-layout.txt"] {
            assert!(!of_image(name), "{name}");
        }
        assert_eq!(entry_name(b"./blobs//sha256/"), "blobs/sha256");
    }
}
