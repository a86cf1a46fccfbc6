//! PAX extended headers (pax(1), "pax Extended Header"): what a tar header has no room for.
//!
//! Records are read by their length. (The crate `tar` splits at line ends, which extended attributes contain.)

use super::super::error::Reason;
use super::limits;
use super::name::length;
use super::number;
use super::sparse;
use nix::sys::time::TimeSpec;

/// What the records in front of an entry say of it.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct Pax {
    pub(super) path: Option<Vec<u8>>,
    pub(super) linkpath: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
    pub(super) uid: Option<u64>,
    pub(super) gid: Option<u64>,
    pub(super) mtime: Option<TimeSpec>,
    pub(super) xattrs: Vec<(Vec<u8>, Vec<u8>)>,
    /// Names of records that say something about the file which we cannot carry out.
    pub(super) unknown: Vec<Vec<u8>>,
    pub(super) sparse: sparse::Records,
}

const XATTR: &[u8] = b"SCHILY.xattr.";
/// Access control lists in the words of star, and extended attributes in those of libarchive.
const NOT_KEPT: [&[u8]; 3] = [b"SCHILY.acl.", b"LIBARCHIVE.xattr.", b"RHT.security.selinux"];

impl Pax {
    /// The records of one header.
    pub(super) fn parse(data: &[u8]) -> Result<Self, Reason> {
        let mut pax = Self::default();
        each(data, |key, value| pax.record(key, value))?;
        pax.unknown.retain(|key| !pax.xattrs.iter().any(|(name, _)| key.ends_with(name)));
        Ok(pax)
    }

    fn record(&mut self, key: &[u8], value: &[u8]) -> Result<(), Reason> {
        // A record without a value takes back what an earlier one says.
        let is_set = !value.is_empty();
        match key {
            b"path" => self.path = is_set.then(|| value.to_owned()),
            b"linkpath" => self.linkpath = is_set.then(|| value.to_owned()),
            b"size" => self.size = is_set.then(|| number::decimal("size", value)).transpose()?,
            b"uid" => self.uid = is_set.then(|| number::decimal("uid", value)).transpose()?,
            b"gid" => self.gid = is_set.then(|| number::decimal("gid", value)).transpose()?,
            b"mtime" => self.mtime = is_set.then(|| number::time(value)).transpose()?,
            key if key.starts_with(sparse::PREFIX) => {
                self.sparse.record(&key[sparse::PREFIX.len()..], value)?
            }
            key if key.starts_with(XATTR) => self.xattr(&key[XATTR.len()..], value),
            key if NOT_KEPT.iter().any(|prefix| key.starts_with(prefix)) => self.unknown.push(key.to_owned()),
            _ => {}
        }
        // Each is compared with all before it.
        let limit = limits::XATTRS;
        if self.xattrs.len() > limit || self.unknown.len() > limit {
            return Err(Reason::Corrupt(format!("more than {limit} extended attributes of one file")));
        }
        Ok(())
    }

    fn xattr(&mut self, name: &[u8], value: &[u8]) {
        self.xattrs.retain(|(known, _)| known != name);
        self.xattrs.push((name.to_owned(), value.to_owned()));
    }
}

/// A header for all entries that follow may be a comment, as `git archive` writes it. What would change entries,
/// no writer of images uses.
pub(super) fn check_global(data: &[u8]) -> Result<(), Reason> {
    each(data, |key, _| {
        let is_meaningful =
            ["path", "linkpath", "size", "uid", "gid", "mtime"].iter().any(|name| key == name.as_bytes());
        let is_prefix = key.starts_with(XATTR) || key.starts_with(sparse::PREFIX);
        if is_meaningful || is_prefix {
            let name = key.escape_ascii();
            return Err(Reason::Corrupt(format!("a global header sets `{name}` for every entry")));
        }
        Ok(())
    })
}

/// Each record: its length in decimal, a space, the key, `=`, the value, a line end.
fn each(mut data: &[u8], mut take: impl FnMut(&[u8], &[u8]) -> Result<(), Reason>) -> Result<(), Reason> {
    while !data.is_empty() {
        let (record, rest) =
            split(data).ok_or_else(|| Reason::Corrupt("a PAX record is malformed".to_owned()))?;
        take(record.0, record.1)?;
        data = rest;
    }
    Ok(())
}

type Record<'a> = (&'a [u8], &'a [u8]);

fn split(data: &[u8]) -> Option<(Record<'_>, &[u8])> {
    let space = data.iter().position(|byte| *byte == b' ')?;
    let size = number::decimal("length", &data[..space]).ok()?;
    if size > length(data) {
        return None;
    }
    let (record, rest) = data.split_at(usize::try_from(size).ok()?);
    let record = record.get(space + 1..)?.strip_suffix(b"\n")?;
    let equals = record.iter().position(|byte| *byte == b'=').filter(|at| *at > 0)?;
    Some(((&record[..equals], &record[equals + 1..]), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_by_their_length() {
        let pax = Pax::parse(b"12 path=a\nb\n22 SCHILY.xattr.u.x=\n\n13 uid=70000\n").unwrap();
        assert_eq!(pax.path.as_deref(), Some(&b"a\nb"[..]));
        assert_eq!(pax.xattrs, [(b"u.x".to_vec(), b"\n".to_vec())]);
        assert_eq!(pax.uid, Some(70000));
        // Taken back.
        assert_eq!(Pax::parse(b"9 path=a\n8 path=\n").unwrap().path, None);
    }

    #[test]
    fn malformed() {
        for data in [
            &b"x"[..],
            b"9 path=a",
            b"99 path=a\n",
            b"2 \n",
            b"0 path=a\n",
            b"9 patha=",
            b"7 =aaa\n",
            b"11 size=-1\n",
            b"\n",
        ] {
            assert!(Pax::parse(data).is_err(), "{}", data.escape_ascii());
        }
    }

    #[test]
    fn a_global_header_is_a_comment() {
        assert_eq!(check_global(b"14 comment=ab\n"), Ok(()));
        assert!(check_global(b"9 path=a\n").is_err());
    }
}
