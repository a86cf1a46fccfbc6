//! From headers to entries: each entry with its whole name and metadata, whatever form they were written in.
//!
//! Written forms: v7, ustar, GNU (long names, base-256 numbers, old sparse files) and PAX. The fields' places are
//! those of the crate `tar`; what they mean is decided here, as strictly as a hostile archive needs it.

use std::io::Read;

use nix::sys::time::TimeSpec;
use tar::{EntryType, GnuExtSparseHeader, GnuSparseHeader, Header};

use super::super::error::Reason;
use super::limits::{self, Limits};
use super::number;
use super::pax::{self, Pax};
use super::sparse::{Extent, Map};
use super::stream::{BLOCK, Stream};

/// What an archive says of a file.
#[derive(Debug)]
pub(super) struct Entry {
    /// As it stands there.
    pub(super) name: Vec<u8>,
    pub(super) what: What,
    pub(super) metadata: Metadata,
    /// Records about the file that we cannot carry out.
    pub(super) unknown: Vec<Vec<u8>>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Metadata {
    pub(super) mode: u32,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) mtime: TimeSpec,
    pub(super) xattrs: Vec<(Vec<u8>, Vec<u8>)>,
}

#[derive(Debug)]
pub(super) enum What {
    /// Its data follow: that many bytes.
    File {
        data: u64,
        holes: Option<Map>,
    },
    Directory,
    Symlink(Vec<u8>),
    Link(Vec<u8>),
    Device {
        is_block: bool,
        major: u32,
        minor: u32,
    },
    Fifo,
}

/// Reads entry after entry.
#[derive(Debug)]
pub(super) struct Entries {
    limits: Limits,
    count: u64,
    /// The name of the header that is being looked at, for messages.
    pub(super) name: Option<Vec<u8>>,
    /// The archive has said that it ends.
    pub(super) is_marked: bool,
}

/// What has been read in front of the header proper.
#[derive(Debug, Default)]
struct Prefix {
    name: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    pax: Option<Pax>,
}

fn corrupt<T>(what: &str) -> Result<T, Reason> {
    Err(Reason::Corrupt(what.to_owned()))
}

impl Entries {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, count: 0, name: None, is_marked: false }
    }

    /// The next entry; its data must be read before the one after it.
    pub(super) fn next<R: Read>(&mut self, stream: &mut Stream<R>) -> Result<Option<Entry>, Reason> {
        let mut prefix = Prefix::default();
        self.name = None;
        while let Some(header) = self.header(stream)? {
            let size = number::unsigned("size", &header.as_old().size)?;
            match header.entry_type() {
                EntryType::GNULongName => once(&mut prefix.name, long_name(stream, size)?)?,
                EntryType::GNULongLink => once(&mut prefix.link, long_name(stream, size)?)?,
                EntryType::XHeader => once(&mut prefix.pax, Pax::parse(&stream.data(size, limits::PAX)?)?)?,
                EntryType::XGlobalHeader => pax::check_global(&stream.data(size, limits::PAX)?)?,
                _ => return self.entry(stream, &header, size, prefix).map(Some),
            }
        }
        let is_whole = prefix.name.is_none() && prefix.link.is_none() && prefix.pax.is_none();
        if is_whole { Ok(None) } else { Err(Reason::Truncated) }
    }

    /// The next header; none at the end.
    fn header<R: Read>(&mut self, stream: &mut Stream<R>) -> Result<Option<Header>, Reason> {
        let Some(block) = stream.block()? else { return Ok(None) };
        if block == [0; BLOCK] {
            self.is_marked = true;
            return Ok(None);
        }
        self.count += 1;
        if self.count > self.limits.entries {
            return Err(Reason::TooManyEntries { limit: self.limits.entries });
        }
        let header = Header::from_byte_slice(&block).clone();
        check_sum(&header)?;
        self.name = Some(header.path_bytes().into_owned());
        Ok(Some(header))
    }

    fn entry<R: Read>(
        &mut self,
        stream: &mut Stream<R>,
        header: &Header,
        size: u64,
        prefix: Prefix,
    ) -> Result<Entry, Reason> {
        let has_pax_name =
            prefix.pax.as_ref().is_some_and(|pax| pax.path.is_some() || pax.sparse.name.is_some());
        if prefix.name.is_some() && has_pax_name {
            return corrupt("it is named twice, in GNU's way and in that of PAX");
        }
        let pax = prefix.pax.unwrap_or_default();
        let name = pax.sparse.name.clone().or_else(|| pax.path.clone()).or(prefix.name);
        let name = name.unwrap_or_else(|| header.path_bytes().into_owned());
        self.name = Some(name.clone());
        let link = pax.linkpath.clone().or(prefix.link);
        let link = link.unwrap_or_else(|| header.link_name_bytes().unwrap_or_default().into_owned());
        let metadata = metadata(header, &pax)?;
        let what = what(stream, header, pax.size.unwrap_or(size), &pax, &name, link)?;
        Ok(Entry { name, what, metadata, unknown: pax.unknown })
    }
}

fn once<T>(slot: &mut Option<T>, value: T) -> Result<(), Reason> {
    if slot.replace(value).is_some() {
        corrupt("two headers of one kind stand in front of it")
    } else {
        Ok(())
    }
}

/// The data of GNU's `@LongLink`, up to its NUL.
fn long_name<R: Read>(stream: &mut Stream<R>, size: u64) -> Result<Vec<u8>, Reason> {
    // With the NUL, and a byte more than fits: then the name itself is found too long.
    let mut name = stream.data(size, limits::PAX)?;
    let end = name.iter().position(|byte| *byte == 0).unwrap_or(name.len());
    name.truncate(end);
    Ok(name)
}

/// The sum of the header's bytes, those of the sum itself being spaces.
fn check_sum(header: &Header) -> Result<(), Reason> {
    let bytes = header.as_bytes();
    let sum = |bytes: &[u8]| bytes.iter().map(|byte| u64::from(*byte)).sum::<u64>();
    let found = sum(&bytes[..148]) + 8 * u64::from(b' ') + sum(&bytes[156..]);
    let is_right = number::unsigned("checksum", &header.as_old().cksum).is_ok_and(|wanted| wanted == found);
    if is_right { Ok(()) } else { corrupt("a header has a wrong checksum") }
}

fn metadata(header: &Header, pax: &Pax) -> Result<Metadata, Reason> {
    let fields = header.as_old();
    let mode = number::unsigned("mode", &fields.mode)? & 0o7777;
    let uid = pax.uid.map_or_else(|| number::unsigned("uid", &fields.uid), Ok)?;
    let gid = pax.gid.map_or_else(|| number::unsigned("gid", &fields.gid), Ok)?;
    let mtime =
        pax.mtime.map_or_else(|| number::field("mtime", &fields.mtime).map(|s| TimeSpec::new(s, 0)), Ok)?;
    let mode = u32::try_from(mode).map_err(|_| number::bad("mode"))?;
    Ok(Metadata { mode, uid: id("uid", uid)?, gid: id("gid", gid)?, mtime, xattrs: pax.xattrs.clone() })
}

/// The last id is none: to chown(2) it means "as it is".
fn id(what: &str, id: u64) -> Result<u32, Reason> {
    u32::try_from(id).ok().filter(|id| *id != u32::MAX).ok_or_else(|| number::bad(what))
}

fn what<R: Read>(
    stream: &mut Stream<R>,
    header: &Header,
    size: u64,
    pax: &Pax,
    name: &[u8],
    link: Vec<u8>,
) -> Result<What, Reason> {
    Ok(match header.entry_type() {
        EntryType::Directory => What::Directory,
        EntryType::Symlink => What::Symlink(link),
        EntryType::Link => What::Link(link),
        EntryType::Fifo => What::Fifo,
        EntryType::Char => device(header, false)?,
        EntryType::Block => device(header, true)?,
        EntryType::GNUSparse => old_sparse(stream, header, size)?,
        // Before ustar there was no type for directories.
        EntryType::Regular if header.as_bytes()[156] == 0 && name.ends_with(b"/") => What::Directory,
        EntryType::Regular | EntryType::Continuous => file(stream, size, pax)?,
        other => return Err(Reason::Type(other.as_byte())),
    })
}

fn file<R: Read>(stream: &mut Stream<R>, size: u64, pax: &Pax) -> Result<What, Reason> {
    let holes = pax.sparse.map(size, || stream.block()?.ok_or(Reason::Truncated))?;
    Ok(match holes {
        Some((map, taken)) => What::File { data: size - taken, holes: Some(map) },
        None => What::File { data: size, holes: None },
    })
}

fn device(header: &Header, is_block: bool) -> Result<What, Reason> {
    let Some(fields) = header
        .as_ustar()
        .map(|ustar| (ustar.dev_major, ustar.dev_minor))
        .or_else(|| header.as_gnu().map(|gnu| (gnu.dev_major, gnu.dev_minor)))
    else {
        return corrupt("it is a device without a number");
    };
    let number = |what, field: [u8; 8]| {
        number::unsigned(what, &field).and_then(|number| u32::try_from(number).map_err(|_| number::bad(what)))
    };
    Ok(What::Device {
        is_block,
        major: number("major number", fields.0)?,
        minor: number("minor number", fields.1)?,
    })
}

/// GNU's old form: four extents in the header, more in blocks behind it.
fn old_sparse<R: Read>(stream: &mut Stream<R>, header: &Header, data: u64) -> Result<What, Reason> {
    let Some(gnu) = header.as_gnu() else { return corrupt("it has holes and is not in GNU's format") };
    let mut extents = Vec::new();
    collect(&gnu.sparse, &mut extents)?;
    let mut goes_on = gnu.is_extended();
    while goes_on {
        let mut more = GnuExtSparseHeader::new();
        *more.as_mut_bytes() = stream.block()?.ok_or(Reason::Truncated)?;
        collect(more.sparse(), &mut extents)?;
        goes_on = more.is_extended();
        if extents.len() > limits::EXTENTS {
            return corrupt("its map of holes is too long");
        }
    }
    let size = number::unsigned("size", &gnu.realsize)?;
    Ok(What::File { data, holes: Some(Map::new(extents, size, data)?) })
}

fn collect(headers: &[GnuSparseHeader], extents: &mut Vec<Extent>) -> Result<(), Reason> {
    for header in headers.iter().filter(|header| header.offset[0] != 0 && header.numbytes[0] != 0) {
        let offset = number::unsigned("map of holes", &header.offset)?;
        let length = number::unsigned("map of holes", &header.numbytes)?;
        extents.push(Extent { offset, length });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::super::digest::Hashing;
    use super::super::super::tests::build::tar;
    use super::*;

    fn count(archive: &[u8], entries: u64) -> Result<u64, Reason> {
        let limits = Limits { entries, ..Limits::default() };
        let mut stream = Stream::new(Hashing::counting(archive), "a", 10_000, limits);
        let mut reader = Entries::new(limits);
        let mut count = 0;
        while reader.next(&mut stream)?.is_some() {
            count += 1;
        }
        Ok(count)
    }

    #[test]
    fn as_many_entries_as_are_allowed() {
        let archive = tar(&[("a", b""), ("b", b""), ("c", b"")]);
        assert_eq!(count(&archive, 3), Ok(3));
        assert_eq!(count(&archive, 2), Err(Reason::TooManyEntries { limit: 2 }));
    }
}
