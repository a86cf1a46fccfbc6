//! What only looks hostile is unpacked, and unpacked right.

use std::ffi::{CStr, OsStr};
use std::fs::{self, Metadata};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::Path;

use harness::__images::{Layer, Promise};

use crate::archive::{Archive, Header};
use crate::surroundings::{NAME, Surroundings};

fn a() -> Archive {
    Archive::new()
}

fn unpacked(archive: Vec<u8>, look: impl FnOnce(&Path, &Layer)) {
    let surroundings = Surroundings::new();
    let layer = surroundings.unpack(archive).unwrap();
    look(&layer.directory, &layer);
    surroundings.outside_must_be_as_before("accepted");
}

fn stat(root: &Path, name: &str) -> Metadata {
    fs::symlink_metadata(root.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn read(root: &Path, name: &str) -> String {
    fs::read_to_string(root.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

#[test]
fn names_with_dots_and_slashes() {
    let archive = a().directory("./").file("./a//b/./..c", "1").file("...", "2").file("d/.whx", "3");
    unpacked(archive.end(), |root, _| {
        assert_eq!(
            (read(root, "a/b/..c"), read(root, "..."), read(root, "d/.whx")),
            ("1".into(), "2".into(), "3".into())
        );
    });
}

#[test]
fn links_that_lead_out_are_only_links() {
    let archive = a().symlink("a", "/etc").symlink("b", "../../../x").hard_link("c", "a");
    unpacked(archive.end(), |root, _| {
        assert_eq!(fs::read_link(root.join("a")).unwrap(), Path::new("/etc"));
        assert_eq!(fs::read_link(root.join("b")).unwrap(), Path::new("../../../x"));
        assert_eq!(stat(root, "c").ino(), stat(root, "a").ino());
    });
}

#[test]
fn a_link_that_stays_inside_is_followed() {
    let archive = a()
        .directory("usr/lib")
        .symlink("lib", "usr/lib")
        .file("lib/libc.so", "1")
        .directory("lib/new/deep")
        .file("lib/new/deep/x", "2")
        .symlink("usr/up", "..")
        .file("usr/up/top", "3")
        .hard_link("linked", "lib/libc.so");
    unpacked(archive.end(), |root, _| {
        assert_eq!(read(root, "usr/lib/libc.so"), "1");
        assert_eq!(read(root, "usr/lib/new/deep/x"), "2");
        assert_eq!(read(root, "top"), "3");
        assert_eq!(stat(root, "linked").nlink(), 2);
    });
}

/// Overlayfs shows whiteouts where it does not merge.
#[test]
fn nothing_is_whited_out_below_what_is_opaque() {
    let archive = a()
        .file("d/.wh..wh..opq", "")
        .file("d/.wh.a", "")
        .file("d/e/.wh.b", "")
        .file("d/.wh.c", "")
        .file("d/c", "here")
        .file("f/.wh.a", "")
        .file("late/.wh.a", "")
        .file("late/.wh..wh..opq", "");
    unpacked(archive.end(), |root, _| {
        let is_there = |name: &str| fs::symlink_metadata(root.join(name)).is_ok();
        assert_eq!(["d/a", "d/e/b", "late/a"].map(is_there), [false; 3]);
        assert_eq!(read(root, "d/c"), "here");
        assert!(stat(root, "f/a").file_type().is_char_device());
    });
}

#[test]
fn a_directory_in_place_of_a_whiteout_through_a_link() {
    let archive = a().directory("usr/lib").symlink("lib", "usr/lib").file("lib/.wh.x", "").directory("lib/x");
    unpacked(archive.end(), |root, _| {
        assert_eq!(attribute(&root.join("usr/lib/x"), c"user.overlay.opaque"), b"y");
    });
}

#[test]
fn directories_twice_and_their_modes() {
    let mode = |name: &[u8], mode| {
        let mut header = Header::new(b'5', name);
        header.mode(mode);
        header
    };
    let archive = a()
        .header(&mode(b"d", 0o700))
        .header(&mode(b"d/", 0o2555))
        .file("d/in/x", "1")
        .header(&mode(b"closed", 0))
        .file("closed/y", "2");
    let surroundings = Surroundings::new();
    let layer = surroundings.unpack(archive.end()).unwrap();
    let permissions = |name| stat(&layer.directory, name).mode() & 0o7777;
    assert_eq!((permissions("d"), permissions("d/in"), permissions("closed")), (0o2555, 0o755, 0));
    assert_eq!(stat(&layer.directory, "d").mtime(), 0o14_000_000_000);
    // Ours to remove all the same.
    for name in ["d", "closed"] {
        fs::set_permissions(layer.directory.join(name), fs::Permissions::from_mode(0o755)).unwrap();
    }
}

#[test]
fn metadata_of_records() {
    let records: &[(&str, &[u8])] = &[
        ("uid", b"3000000"),
        ("gid", b"3000001"),
        ("mtime", b"-1.25"),
        ("SCHILY.xattr.user.binary", b"\n\0=\xff"),
        ("path", "dir/\u{e9}".as_bytes()),
    ];
    let archive = a().pax(records).header(Header::new(b'0', b"a").mode(0o4755));
    unpacked(archive.end(), |root, layer| {
        let file = stat(root, "dir/\u{e9}");
        if is_root() {
            assert_eq!((file.uid(), file.gid()), (3_000_000, 3_000_001));
        }
        assert_eq!((file.mtime(), file.mtime_nsec(), file.mode() & 0o7777), (-2, 750_000_000, 0o4755));
        assert_eq!(attribute(&root.join("dir/\u{e9}"), c"user.binary"), b"\n\0=\xff");
        assert_eq!(layer.left_out, [""; 0]);
    });
}

fn attribute(path: &Path, name: &CStr) -> Vec<u8> {
    harness_tests::sys::xattr(path, name).unwrap_or_default()
}

#[test]
fn names_that_are_long_or_no_text() {
    let long = [&b"n".repeat(200)[..], b"/", &b"m".repeat(200)].concat();
    let archive =
        a().long(b'L', &[&long[..], b"\0"].concat()).file("short", "1").typed(b'0', b"\xff\xfe", b"2");
    unpacked(archive.end(), |root, _| {
        assert_eq!(fs::read(root.join(OsStr::from_bytes(&long))).unwrap(), b"1");
        assert_eq!(fs::read(root.join(OsStr::from_bytes(b"\xff\xfe"))).unwrap(), b"2");
    });
}

#[test]
fn files_with_holes() {
    let size = ("GNU.sparse.realsize", &b"1048576"[..]);
    let one: &[_] =
        &[("GNU.sparse.major", &b"1"[..]), ("GNU.sparse.minor", b"0"), ("GNU.sparse.name", b"d/one"), size];
    let mut map = b"1\n524288\n4\n".to_vec();
    map.resize(512, 0);
    map.extend_from_slice(b"data");
    let zero: &[_] = &[
        ("GNU.sparse.size", &b"1048576"[..]),
        ("GNU.sparse.offset", b"524288"),
        ("GNU.sparse.numbytes", b"4"),
    ];
    let comma: &[_] = &[("GNU.sparse.size", &b"1048576"[..]), ("GNU.sparse.map", b"524288,4")];
    let mut old = Header::new(b'S', b"old");
    old.put(257, b"ustar  \0")
        .size(4)
        .put(386, b"00002000000\0")
        .put(398, b"00000000004\0")
        .put(483, b"00004000000\0");
    let archive = a()
        .pax(one)
        .typed(b'0', b"GNUSparseFile.0/one", &map)
        .pax(zero)
        .file("zero", "data")
        .pax(comma)
        .file("comma", "data")
        .header(&old)
        .data(b"data");
    unpacked(archive.end(), |root, _| {
        for name in ["d/one", "zero", "comma", "old"] {
            let bytes = fs::read(root.join(name)).unwrap();
            assert_eq!((bytes.len(), &bytes[524_288..524_292]), (1 << 20, &b"data"[..]), "{name}");
            assert!(bytes.iter().filter(|byte| **byte != 0).count() == 4);
            assert!(stat(root, name).blocks() < 64, "{name} has no holes");
        }
    });
}

#[test]
fn whiteouts() {
    let archive = a()
        .file(".wh.gone", "")
        .file("d/.wh..wh..opq", "")
        .file("kept", "1")
        .file(".wh.kept", "")
        .file(".wh.back", "")
        .file("back", "2")
        .file(".wh.dir", "")
        .directory("dir")
        .directory("early")
        .file(".wh.early", "")
        .hard_link(".wh.linked", ".wh.gone");
    unpacked(archive.end(), |root, _| {
        for gone in ["gone", "linked"] {
            let file = stat(root, gone);
            assert!(file.file_type().is_char_device() && file.rdev() == 0, "{gone}");
        }
        assert_eq!((read(root, "kept"), read(root, "back")), ("1".into(), "2".into()));
        for opaque in ["d", "dir", "early"] {
            assert_eq!(attribute(&root.join(opaque), c"user.overlay.opaque"), b"y", "{opaque}");
            if is_root() {
                assert_eq!(attribute(&root.join(opaque), c"trusted.overlay.opaque"), b"y", "{opaque}");
            }
        }
    });
}

#[test]
fn devices_where_they_may_be_made() {
    let archive = a().device(b'3', "null", 1, 3).device(b'4', "loop", 7, 0).typed(b'6', b"fifo", b"");
    unpacked(archive.end(), |root, layer| {
        assert!(stat(root, "fifo").file_type().is_fifo());
        if layer.left_out.is_empty() {
            assert_eq!(stat(root, "null").rdev(), nix::sys::stat::makedev(1, 3));
            assert!(stat(root, "loop").file_type().is_block_device());
        } else {
            assert_eq!(
                layer.left_out,
                [
                    "null: character device 1:3: operation not permitted (EPERM)",
                    "loop: block device 7:0: operation not permitted (EPERM)"
                ]
            );
        }
    });
}

#[test]
fn what_is_left_out_is_said() {
    let records: &[(&str, &[u8])] = &[
        ("SCHILY.acl.access", b"user::rwx"),
        ("SCHILY.xattr.nonsense.x", b"1"),
        ("LIBARCHIVE.xattr.user.b", b"MQ=="),
    ];
    unpacked(a().pax(records).file("a", "").end(), |_, layer| {
        assert_eq!(layer.left_out.len(), 3, "{:?}", layer.left_out);
        insta::assert_snapshot!(layer.left_out[..2].join("\n"));
    });
}

#[test]
fn a_comment_for_every_entry_and_an_old_directory() {
    let mut old = Header::new(0, b"old/");
    old.put(257, &[0; 8]);
    let archive = a().typed(b'g', b"pax", b"14 comment=ab\n").header(&old).file("old/x", "1");
    unpacked(archive.end(), |root, _| assert_eq!(read(root, "old/x"), "1"));
}

#[test]
fn the_digest_vouches_for_what_has_no_end() {
    use sha2::{Digest, Sha256};
    for archive in [a().file("a", "x").unfinished(), [a().file("a", "x").end(), vec![1; 512]].concat()] {
        let digest = Sha256::digest(&archive)
            .iter()
            .fold("sha256:".to_owned(), |text, byte| text + &format!("{byte:02x}"));
        let compressed_size = archive.len().try_into().unwrap();
        let promise = Promise { name: NAME, digest: Some(&digest), compressed_size };
        let layer = Surroundings::new().promised(promise, std::io::Cursor::new(archive)).unwrap();
        assert!(!layer.directory.as_os_str().is_empty());
    }
}
