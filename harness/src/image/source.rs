//! What a path names: told by its content, whatever its name ends in.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::compression::Compression;
use super::error::{Error, Reason};
use super::fault::Fault;

/// What a path names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A root filesystem, as it is.
    Directory,
    /// An OCI image layout.
    Layout,
    /// An archive: of a root filesystem, or of an image.
    Archive(Compression),
}

/// A path, and the name of one image in it: `images/all#debian`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Located<'a> {
    pub(crate) path: PathBuf,
    pub(crate) name: Option<&'a str>,
}

/// Takes the name off. A file whose own name has a `#` is that file.
pub(crate) fn locate(path: &Path) -> Located<'_> {
    let whole = Located { path: path.to_owned(), name: None };
    let split = path.to_str().and_then(|text| text.rsplit_once('#'));
    match split {
        Some((before, name)) if !name.is_empty() && !path.exists() && Path::new(before).exists() => {
            Located { path: before.into(), name: Some(name) }
        }
        _ => whole,
    }
}

/// What the path names. Reads no more than the first bytes.
pub(crate) fn kind(path: &Path) -> Result<Kind, Error> {
    let located = locate(path);
    let error = |reason: Reason| Error::new(path.to_string_lossy(), reason);
    let kind = of(&located.path).map_err(error)?;
    if kind == Kind::Directory && located.name.is_some() {
        return Err(error(Fault::PlainDirectory.into()));
    }
    Ok(kind)
}

fn of(path: &Path) -> Result<Kind, Reason> {
    let failed = |error: io::Error| Reason::io(path, &error);
    let metadata = fs::metadata(path).map_err(failed)?;
    if metadata.is_dir() {
        let is_layout = fs::symlink_metadata(path.join("oci-layout")).is_ok();
        return Ok(if is_layout { Kind::Layout } else { Kind::Directory });
    }
    if !metadata.is_file() {
        return Err(Fault::SpecialFile.into());
    }
    let mut start = Vec::new();
    File::open(path).and_then(|file| file.take(BLOCK).read_to_end(&mut start)).map_err(failed)?;
    if start.is_empty() {
        return Err(Fault::EmptyFile.into());
    }
    match Compression::of(&start) {
        Compression::None if is_tar(&start) => Ok(Kind::Archive(Compression::None)),
        Compression::None => Err(Fault::Format(format(&start)).into()),
        compression => Ok(Kind::Archive(compression)),
    }
}

const BLOCK: u64 = 512;

/// The first header has the right checksum (any tar since 1979), or the archive is empty.
fn is_tar(start: &[u8]) -> bool {
    let Ok(block) = <&[u8; 512]>::try_from(start) else { return false };
    if block.iter().all(|&byte| byte == 0) {
        return true;
    }
    let sum: u32 = block.iter().enumerate().map(|(at, &byte)| counted(at, byte)).sum();
    let text: String = block[CHECKSUM].iter().map(|&byte| char::from(byte)).collect();
    u32::from_str_radix(text.trim_matches(['\0', ' ']), 8) == Ok(sum)
}

const CHECKSUM: std::ops::Range<usize> = 148..156;

/// The checksum's own bytes count as blanks.
fn counted(at: usize, byte: u8) -> u32 {
    u32::from(if CHECKSUM.contains(&at) { b' ' } else { byte })
}

/// What a file is that is no archive.
fn format(start: &[u8]) -> &'static str {
    match start {
        [b'P', b'K', ..] => "a zip archive",
        [b'B', b'Z', b'h', ..] => "compressed with bzip2",
        [0x1f, 0x9d, ..] => "compressed with compress",
        [0x04, 0x22, 0x4d, 0x18, ..] => "compressed with lz4",
        [b'h', b's', b'q', b's', ..] => "a squashfs image",
        [0x7f, b'E', b'L', b'F', ..] => "a program",
        [b'0', b'7', b'0', b'7', b'0', ..] => "a cpio archive",
        [b'{' | b'[', ..] => "JSON, perhaps",
        _ => "something else",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(directory: &Path, name: &str, content: &[u8]) -> PathBuf {
        let path = directory.join(name);
        fs::write(&path, content).unwrap();
        path
    }

    fn tar() -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(2);
        builder.append_data(&mut header, "a", &b"hi"[..]).unwrap();
        builder.into_inner().unwrap()
    }

    #[test]
    fn content_decides_and_not_the_name() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        let whole = tar();
        let cases: [(&str, &[u8], Result<Kind, Reason>); 10] = [
            ("a.txt", &whole, Ok(Kind::Archive(Compression::None))),
            ("zeros", &[0; 10240], Ok(Kind::Archive(Compression::None))),
            ("a.tar", &[0x1f, 0x8b, 8], Ok(Kind::Archive(Compression::Gzip))),
            ("b.tar", &[0x28, 0xb5, 0x2f, 0xfd], Ok(Kind::Archive(Compression::Zstd))),
            ("c.tar", b"\xfd7zXZ\0", Ok(Kind::Archive(Compression::Xz))),
            ("empty.tar", b"", Err(Fault::EmptyFile.into())),
            ("zip.tar", b"PK\x03\x04", Err(Fault::Format("a zip archive").into())),
            ("bz.tar", b"BZh9", Err(Fault::Format("compressed with bzip2").into())),
            ("short.tar", &whole[..511], Err(Fault::Format("something else").into())),
            ("broken.tar", &[1; 512], Err(Fault::Format("something else").into())),
        ];
        for (name, content, wanted) in cases {
            let found = kind(&file(path, name, content)).map_err(|error| error.reason);
            assert_eq!(found, wanted, "{name}");
        }
        assert_eq!(kind(path).map_err(|error| error.reason), Ok(Kind::Directory));
        file(path, "oci-layout", b"{}");
        assert_eq!(kind(path).map_err(|error| error.reason), Ok(Kind::Layout));
        let missing = kind(&path.join("none")).map_err(|error| error.reason);
        assert!(matches!(missing, Err(Reason::Io { errno: nix::errno::Errno::ENOENT, .. })), "{missing:?}");
        let special = kind(Path::new("/dev/null")).map_err(|error| error.reason);
        assert_eq!(special, Err(Fault::SpecialFile.into()));
    }

    #[test]
    fn a_name_is_taken_off_only_where_it_is_one() {
        let directory = tempfile::tempdir().unwrap();
        let path = file(directory.path(), "all", &tar());
        let odd = file(directory.path(), "all#odd", &tar());
        let named = directory.path().join("all#debian:12");
        assert_eq!(locate(&named), Located { path: path.clone(), name: Some("debian:12") });
        assert_eq!(locate(&odd), Located { path: odd.clone(), name: None });
        assert_eq!(locate(&path), Located { path: path.clone(), name: None });
        let missing = directory.path().join("none#debian");
        assert_eq!(locate(&missing), Located { path: missing.clone(), name: None });
        let plain = PathBuf::from(format!("{}#debian", directory.path().display()));
        assert_eq!(kind(&plain).map_err(|error| error.reason), Err(Fault::PlainDirectory.into()));
    }
}
