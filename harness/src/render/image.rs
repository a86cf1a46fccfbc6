//! Archives and images that cannot be used: `ARCHIVE: entry NAME: why`, and what can be done about it where something
//! can. What was left out of a layer, too.

use nix::errno::Errno;

use super::words;
use crate::image::error::{BadName, Error, Kind, Reason};
#[cfg(feature = "cli")]
use crate::image::store::prune::{Pruned, Sum};
use crate::image::unpack::{LeftOut, limits};

/// `layers.tar: entry ../etc/passwd: its name leads out of the root`.
pub(crate) fn error(error: &Error) -> String {
    format!("{}: {}", words::shown(&error.archive), why(error))
}

/// The same behind the archive's name.
pub(crate) fn why(error: &Error) -> String {
    let entry = error.entry.as_deref().map(|entry| format!("entry {}: ", name(entry))).unwrap_or_default();
    format!("{entry}{}", reason(&error.reason))
}

/// What a layer of this archive lacks here, in a line.
pub(crate) fn left_out(archive: &str, left_out: &[LeftOut], more: u64) -> String {
    const SHOWN: usize = 3;
    let shown: Vec<_> =
        left_out.iter().take(SHOWN).map(|each| format!("{} ({})", each.entry, each.what)).collect();
    let rest = u64::try_from(left_out.len().saturating_sub(SHOWN)).unwrap_or(0) + more;
    let rest = if rest == 0 { String::new() } else { format!(", and {rest} more") };
    format!("{}: left out for want of privilege: {}{rest}", words::shown(archive), shown.join(", "))
}

/// A name on one line, in full up to a length that a person reads.
pub(crate) fn name(bytes: &[u8]) -> String {
    const LONGEST: usize = 120;
    let text = match std::str::from_utf8(bytes) {
        Ok("") => return "(without a name)".to_owned(),
        Ok(text) => words::shown(text),
        Err(_) => bytes.escape_ascii().to_string(),
    };
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{} ...", &text[..at]),
        None => text,
    }
}

fn reason(reason: &Reason) -> String {
    match reason {
        Reason::Name(bad) => bad_name(*bad).to_owned(),
        Reason::LeavesTheRoot => {
            "a symbolic link on its way leads out of the root, or in a circle".to_owned()
        }
        Reason::ParentIsNoDirectory => "something that it lies in is no directory".to_owned(),
        Reason::Duplicate { first, second } => duplicate(*first, *second).to_owned(),
        Reason::NoTarget(target) => format!("a hard link to {}, which the layer does not have", name(target)),
        Reason::BadTarget(target) => format!("a hard link to {}, which is a directory", name(target)),
        Reason::BadWhiteout => "no whiteout that the OCI image specification knows".to_owned(),
        Reason::OpaqueRoot => "it makes the root opaque, which overlayfs cannot".to_owned(),
        Reason::Forged(what) => format!("{what} is overlayfs's own, and not an archive's to have"),
        Reason::Type(byte) => format!("an entry of type `{}`, which no file has", byte.escape_ascii()),
        Reason::Truncated => "it ends too early".to_owned(),
        Reason::Corrupt(what) => words::shown(what),
        Reason::Digest { wanted, found } => format!("its content is not {wanted} but {found}"),
        Reason::BadDigest(text) => {
            format!("`{}` is no digest; accepted: `sha256:` and 64 digits of 0-9a-f", words::shown(text))
        }
        Reason::Fault(fault) => super::fault::fault(fault),
        Reason::MediaType { found, accepted } => {
            format!("a document of type `{}`; accepted: {}", words::shown(found), accepted.join(", "))
        }
        Reason::NoPlatform { wanted, found } => {
            format!("no image for {wanted}; there are: {}", words::shown(&found.join(", ")))
        }
        Reason::MissingBlob(digest) => format!("it names {digest}, which is not there"),
        other => bound(other).unwrap_or_else(|| place(other)),
    }
}

fn bad_name(bad: BadName) -> &'static str {
    match bad {
        BadName::Empty => "its name is empty",
        BadName::Absolute => "an absolute name, where names are relative to the root",
        BadName::Upwards => "`..` in its name could lead out of the root",
        BadName::Nul => "a NUL in a name",
        BadName::WhiteoutAsParent => "a directory `.wh.` on its way: such names are those of whiteouts",
        BadName::TrailingSlash => "a file whose name ends in a slash",
        BadName::Root => "the root itself, and no directory",
    }
}

fn duplicate(first: Kind, second: Kind) -> &'static str {
    match (first, second) {
        (Kind::Directory, _) => "it would replace a directory of the same layer",
        (Kind::Other, Kind::Directory) => "a directory that would replace a file of the same layer",
        (Kind::Other, Kind::Other) => "a second entry of this name in the same layer",
    }
}

/// More than is allowed, and how to allow it where that can be.
fn bound(reason: &Reason) -> Option<String> {
    Some(match reason {
        Reason::TooLong { length, limit } => format!("{length} bytes long; at most {limit} are accepted"),
        Reason::TooDeep { depth, limit } => {
            format!("{depth} directories deep; at most {limit} are accepted")
        }
        Reason::TooManyEntries { limit } => {
            format!("more than {limit} entries; for more: {}=NUMBER", limits::ENTRIES)
        }
        Reason::TooLarge { limit } => {
            format!("more than {} unpacked; for more: {}=SIZE", words::size(*limit), limits::MAX)
        }
        Reason::Ratio { compressed, limit } => format!(
            "more than {limit} times the {} that it was compressed to; for more: {}=NUMBER",
            words::size(*compressed),
            limits::RATIO
        ),
        _ => return None,
    })
}

/// Where the files are, or should be.
fn place(reason: &Reason) -> String {
    let shown = |path: &std::path::Path| words::shown(&path.to_string_lossy());
    match reason {
        Reason::NoSpace { cache } => {
            format!(
                "no space left for {}; remedy: `harness clean`, or HARNESS_CACHE=DIR elsewhere",
                shown(cache)
            )
        }
        Reason::Unsuited { cache, what, errno } => format!(
            "{what} cannot be made in {}: {}; remedy: HARNESS_CACHE=DIR on another file system, neither an overlay nor \
             (before Linux 6.6) a tmpfs",
            shown(cache),
            words::errno(*errno)
        ),
        Reason::Io { path, errno } => format!("{}: {}", shown(path), words::errno(*errno)),
        Reason::NoCache => "no place for it; remedy: HARNESS_CACHE=DIR".to_owned(),
        Reason::Setting { name, given, accepted } => {
            format!("{name}=`{}` is not understood; accepted: {accepted}", words::shown(given))
        }
        other => format!("{other:?}"),
    }
}

/// The only device number that an archive may not have.
pub(crate) const WHITEOUT_DEVICE: &str = "the character device 0:0";

/// An extended attribute, by its name.
pub(crate) fn attribute(attribute: &[u8]) -> String {
    format!("the extended attribute {}", name(attribute))
}

/// An extended attribute that was not set.
pub(crate) fn lost_attribute(attribute: &[u8], errno: Errno) -> String {
    format!("extended attribute {}: {}", name(attribute), words::errno(errno))
}

/// A device that was not made.
pub(crate) fn lost_device(is_block: bool, major: u32, minor: u32, errno: Errno) -> String {
    let kind = if is_block { "block" } else { "character" };
    format!("{kind} device {major}:{minor}: {}", words::errno(errno))
}

/// A record of a PAX header that is not carried out.
pub(crate) fn unknown_record(record: &[u8]) -> String {
    format!("record {}: not known to us", name(record))
}

/// What `harness clean` did, or would do.
#[cfg(feature = "cli")]
pub(crate) fn pruned(cache: &std::path::Path, pruned: &Pruned, only_said: bool) -> String {
    let sum = |sum: Sum, one: &str, many: &str| {
        format!("{} ({})", words::count(sum.count, one, many), words::size(sum.bytes))
    };
    let verb = if only_said { "would remove" } else { "removed" };
    let layers = sum(pruned.layers, "layer", "layers");
    let blobs = sum(pruned.blobs, "blob", "blobs");
    let mut text = format!("{}: {verb} {layers} and {blobs}\n", words::shown(&cache.to_string_lossy()));
    text += &format!("kept {}\n", sum(pruned.kept, "item", "items"));
    if pruned.in_use.count > 0 {
        text += &format!("of these in use: {}\n", sum(pruned.in_use, "item", "items"));
    }
    text
}
