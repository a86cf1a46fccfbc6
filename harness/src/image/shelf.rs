//! The entries of an archive that holds an image: where each one's bytes lie. Nothing is unpacked.

use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
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
    let mut tar = Archive::new(Headers::of(file).map_err(failed)?);
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
    let mut tar = Archive::new(Headers::of(file).map_err(failed)?);
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

/// Whether the first named entry of a stream may be that of an image. One that is not near its beginning, or cannot be
/// read, is not: whoever unpacks it says why.
pub(crate) fn may_be_image(stream: impl Read) -> bool {
    let mut tar = Archive::new(stream.take(HEADER));
    let Ok(entries) = tar.entries() else { return false };
    let names = entries.map_while(Result::ok).map(|entry| entry_name(&entry.path_bytes()));
    names.into_iter().find(|name| !name.is_empty()).is_some_and(|name| of_image(&name))
}

/// So much of an archive is read for one entry: the crate `tar` reads a long name as long as it says it is.
const HEADER: u64 = 2 << 20;

/// An archive of which headers are read and files passed over.
struct Headers<'a> {
    file: &'a File,
    /// Until the next entry.
    left: u64,
}

impl<'a> Headers<'a> {
    fn of(mut file: &'a File) -> io::Result<Self> {
        file.seek(SeekFrom::Start(0))?;
        Ok(Self { file, left: HEADER })
    }
}

impl Read for Headers<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.file.read(buffer)?;
        self.left = self
            .left
            .checked_sub(u64::try_from(length).unwrap_or(u64::MAX))
            .ok_or_else(|| io::Error::other(TooLong))?;
        Ok(length)
    }
}

impl Seek for Headers<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.left = HEADER;
        self.file.seek(to)
    }
}

/// [`Fault::LongHeader`] on its way through the crate `tar`.
#[derive(Debug)]
struct TooLong;

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl std::error::Error for TooLong {}

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
    if error.get_ref().is_some_and(|inner| inner.is::<TooLong>()) {
        return Fault::LongHeader { limit: HEADER }.into();
    }
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

    /// A header that says that a name of a terabyte follows.
    fn long_name() -> Vec<u8> {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(EntryType::GNULongName);
        header.set_size(1 << 40);
        header.set_cksum();
        header.as_bytes().to_vec()
    }

    #[test]
    fn a_name_without_an_end_is_not_read_to_it() {
        let start = long_name();
        let stream = start.as_slice().chain(io::repeat(b'a'));
        assert!(!may_be_image(stream));
        // The same in a file, which has a hole for a name.
        let file = tempfile::tempfile().unwrap();
        file.set_len((1 << 40) + 4096).unwrap();
        std::os::unix::fs::FileExt::write_all_at(&file, &start, 0).unwrap();
        let refused = Reason::from(Fault::LongHeader { limit: HEADER });
        assert_eq!(entries(&file, "a").unwrap_err().reason, refused);
        assert_eq!(look(&file, "a").unwrap_err().reason, refused);
    }

    #[test]
    fn an_image_begins_with_its_first_name() {
        let archive = |name: &str| {
            let mut builder = tar::Builder::new(Vec::new());
            let mut header = tar::Header::new_gnu();
            header.set_size(0);
            builder.append_data(&mut header, name, &b""[..]).unwrap();
            builder.into_inner().unwrap()
        };
        assert!(may_be_image(archive("oci-layout").as_slice()));
        assert!(!may_be_image(archive("bin").as_slice()));
        assert!(!may_be_image(&b"garbage"[..]));
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
