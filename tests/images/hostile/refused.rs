//! Each archive of the table is refused, with an error that names archive, entry and reason, and leaves nothing.

use std::fmt::Write;
use std::io::Read;

use harness::__images::Promise;

use crate::archive::{Archive, Header, record};
use crate::surroundings::{NAME, Surroundings};

type Case = (&'static str, Vec<u8>);

fn a() -> Archive {
    Archive::new()
}

fn names() -> Vec<Case> {
    vec![
        ("a name with ..", a().file("../etc/passwd", "x").end()),
        (".. in the middle", a().file("a/../../etc/passwd", "x").end()),
        (".. that stays inside", a().file("a/../b", "x").end()),
        (".. alone", a().directory("..").end()),
        ("an absolute name", a().file("/etc/passwd", "x").end()),
        ("the root by its absolute name", a().directory("/").end()),
        ("an empty name", a().file("", "x").end()),
        ("the root as a file", a().file(".", "x").end()),
        ("the root as a link", a().symlink("./", "/").end()),
        ("a file with a slash at its end", a().file("a/", "x").end()),
        (".. by a PAX record", a().pax(&[("path", b"../etc/passwd")]).file("a", "x").end()),
        ("a NUL by a PAX record", a().pax(&[("path", b"a\0b")]).file("a", "x").end()),
        ("an absolute name by GNU's long name", a().long(b'L', b"/etc/passwd\0").file("a", "x").end()),
        (".. by the name of a sparse file", {
            let records: &[(&str, &[u8])] =
                &[("GNU.sparse.name", b"../a"), ("GNU.sparse.size", b"4"), ("GNU.sparse.map", b"0,4")];
            a().pax(records).file("a", "data").end()
        }),
        ("two names of two kinds", a().long(b'L', b"b\0").pax(&[("path", b"c")]).file("a", "x").end()),
        ("two long names", a().long(b'L', b"b\0").long(b'L', b"c\0").file("a", "x").end()),
        ("a component that is too long", a().long(b'L', &[b'a'; 256]).file("a", "x").end()),
        ("10,000 directories deep", a().long(b'L', &b"d/".repeat(10_000)).file("a", "x").end()),
        ("a name for every entry", a().typed(b'g', b"pax", &record("path", b"../a")).file("a", "x").end()),
    ]
}

fn links() -> Vec<Case> {
    vec![
        ("through an absolute link", a().symlink("link", "/etc").file("link/passwd", "x").end()),
        (
            "through a link that climbs",
            a().symlink("link", "../../../..").file("link/outside/passwd", "x").end(),
        ),
        (
            "through two links",
            a().directory("d").symlink("d/up", "..").symlink("out", "d/up/..").file("out/x", "x").end(),
        ),
        // By its own name in the cache: it ends inside, and was outside on the way.
        (
            "through a link that leads out and back",
            a().directory("d").symlink("link", "../tree/d").file("link/x", "x").end(),
        ),
        ("a directory through a link", a().symlink("link", "../..").directory("link/new").end()),
        ("into /proc", a().symlink("link", "/proc/self/root").file("link/x", "x").end()),
        ("through a circle", a().symlink("a", "b").symlink("b", "a").file("a/x", "x").end()),
        ("through a link to itself", a().symlink("a", "a").file("a/x", "x").end()),
        ("through a link to nothing", a().symlink("a", "missing").file("a/x", "x").end()),
        ("through a link to a file", a().file("f", "").symlink("a", "f").file("a/x", "x").end()),
        ("over a link", a().symlink("a", "../../outside/passwd").file("a", "x").end()),
        ("a device through a link", a().symlink("link", "/").device(b'3', "link/null", 1, 3).end()),
        ("a whiteout through a link", a().symlink("link", "/").file("link/.wh.etc", "").end()),
        ("a hard link to ..", a().hard_link("a", "../../outside/passwd").end()),
        ("a hard link to an absolute name", a().hard_link("a", "/etc/passwd").end()),
        ("a hard link through a link", a().symlink("l", "/etc").hard_link("a", "l/passwd").end()),
        ("a hard link by a PAX record", a().pax(&[("linkpath", b"/etc/passwd")]).hard_link("a", "b").end()),
        ("a hard link by GNU's long link", a().long(b'K', b"../x\0").hard_link("a", "b").end()),
        ("a hard link to nothing", a().hard_link("a", "missing").end()),
        ("a hard link to itself", a().hard_link("a", "a").end()),
        ("a hard link to a later file", a().hard_link("a", "b").file("b", "x").end()),
        ("a hard link to a directory", a().directory("d").hard_link("a", "d").end()),
        ("a hard link to the root", a().hard_link("a", ".").end()),
        ("a hard link to a whiteout", a().file(".wh.b", "").hard_link("a", "b").end()),
        ("a link to nothing at all", a().symlink("a", "").end()),
        ("a target with a NUL", a().pax(&[("linkpath", b"a\0b")]).symlink("a", "b").end()),
        ("a long target", a().long(b'K', &[b'a'; 5000]).symlink("a", "b").end()),
    ]
}

fn replacing() -> Vec<Case> {
    vec![
        ("a file twice", a().file("a", "1").file("a", "2").end()),
        ("a file twice, written otherwise", a().file("a", "1").file("./a", "2").end()),
        ("a file over a directory", a().directory("a").file("a", "x").end()),
        ("a file over a parent", a().file("a/b", "x").file("a", "x").end()),
        ("a directory over a file", a().file("a", "x").directory("a").end()),
        ("a directory over a link", a().symlink("a", ".").directory("a").end()),
        ("a file in a file", a().file("a", "x").file("a/b", "x").end()),
        ("a link over a file", a().file("a", "x").symlink("a", "b").end()),
        ("a hard link over a file", a().file("a", "x").file("b", "x").hard_link("b", "a").end()),
        ("a fifo over a file", a().file("a", "x").typed(b'6', b"a", b"").end()),
        ("a device over a file", a().file("a", "x").device(b'4', "a", 7, 0).end()),
    ]
}

fn overlay() -> Vec<Case> {
    let attribute = |name: &str| a().pax(&[(&format!("SCHILY.xattr.{name}"), b"y")]).directory("a").end();
    vec![
        ("a whiteout of ..", a().file(".wh...", "").end()),
        ("a whiteout of .", a().file("a/.wh..", "").end()),
        ("a whiteout of nothing", a().file("a/.wh.", "").end()),
        ("a whiteout of aufs", a().file(".wh..wh.plnk", "").end()),
        ("a whiteout that is a directory", a().directory(".wh.a").end()),
        ("a whiteout that is a link", a().symlink(".wh.a", "/").end()),
        ("a file below a whiteout", a().file(".wh.a/b", "x").end()),
        ("an opaque root", a().file(".wh..wh..opq", "").end()),
        ("a forged whiteout", a().device(b'3', "a", 0, 0).end()),
        ("a forged opaque directory", attribute("trusted.overlay.opaque")),
        ("a forged redirect", attribute("trusted.overlay.redirect")),
        ("a forged opaque directory of a user", attribute("user.overlay.opaque")),
        ("a forged whiteout attribute", attribute("user.overlay.whiteout")),
        ("a NUL in an attribute", attribute("user.a\0b")),
    ]
}

fn field(at: usize, bytes: &[u8]) -> Vec<u8> {
    a().header(Header::new(b'0', b"a").put(at, bytes)).end()
}

fn formats() -> Vec<Case> {
    let sparse = |records: &[(&str, &[u8])]| a().pax(records).file("a", "data").end();
    vec![
        ("nothing at all", Vec::new()),
        ("garbage", b"garbage ".repeat(200)),
        ("a wrong checksum", {
            let mut archive = a().file("a", "x").end();
            archive[0] = b'b';
            archive
        }),
        ("no end", a().file("a", "x").unfinished()),
        ("data after the end", [a().file("a", "x").end(), a().file("b", "x").end()].concat()),
        ("a size beyond the end", a().header(Header::new(b'0', b"a").size(10_000)).data(b"x").unfinished()),
        (
            "a long name without an end",
            a().header(Header::new(b'L', b"l").size(9999)).data(b"x").unfinished(),
        ),
        ("a long name for nothing", a().long(b'L', b"name\0").end()),
        ("records for nothing", a().pax(&[("path", b"a")]).end()),
        ("a long name of a gigabyte", a().header(Header::new(b'L', b"l").size(1 << 30)).unfinished()),
        ("records of a gigabyte", a().header(Header::new(b'x', b"l").size(1 << 30)).unfinished()),
        ("a negative size", field(124, b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfe")),
        ("a huge size", field(124, b"\x80\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfe")),
        ("a size that is none", field(124, b"12x\0")),
        ("a negative uid", field(108, b"\xff\xff\xff\xff\xff\xff\xff\xff")),
        ("the uid that is none", a().pax(&[("uid", b"4294967295")]).file("a", "").end()),
        ("a uid beyond all", a().pax(&[("gid", b"4294967296")]).file("a", "").end()),
        ("a time beyond all", a().pax(&[("mtime", b"99999999999999999999")]).file("a", "").end()),
        ("a negative size by a record", a().pax(&[("size", b"-1")]).file("a", "").end()),
        ("a thousand and one attributes", {
            let names: Vec<_> = (0..=1000).map(|number| format!("SCHILY.xattr.user.{number}")).collect();
            let records: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), &b"x"[..])).collect();
            a().pax(&records).file("a", "").end()
        }),
        ("a record that is too short", a().typed(b'x', b"p", b"5 path=a\n").file("a", "").end()),
        ("a record that is too long", a().typed(b'x', b"p", b"999 path=a\n").file("a", "").end()),
        ("an unknown type", a().typed(b'V', b"label", b"").end()),
        ("a map beyond the file", sparse(&[("GNU.sparse.size", b"10"), ("GNU.sparse.map", b"8,4")])),
        ("a map of less than there is", sparse(&[("GNU.sparse.size", b"10"), ("GNU.sparse.map", b"0,2")])),
        ("a map over itself", sparse(&[("GNU.sparse.size", b"10"), ("GNU.sparse.map", b"0,2,1,2")])),
        ("a map without its end", sparse(&[("GNU.sparse.size", b"10"), ("GNU.sparse.map", b"0")])),
        ("a map of an unknown version", sparse(&[("GNU.sparse.major", b"2"), ("GNU.sparse.size", b"9")])),
        ("a map that is not there", sparse(&[("GNU.sparse.major", b"1"), ("GNU.sparse.minor", b"0")])),
        (
            "a hole of an exabyte",
            sparse(&[("GNU.sparse.size", b"1152921504606846976"), ("GNU.sparse.map", b"0,4")]),
        ),
    ]
}

#[test]
fn every_hostile_archive() {
    let mut texts = String::new();
    let mut count = 0;
    for (what, archive) in [names(), links(), replacing(), overlay(), formats()].concat() {
        let surroundings = Surroundings::new();
        let error = surroundings.unpack(archive).map(|layer| layer.directory).expect_err(what);
        surroundings.must_be_as_before(what);
        assert!(error.starts_with(NAME) && error.lines().count() == 1, "{what}: {error}");
        let shown = error.replace(&*surroundings.path().to_string_lossy(), "[DIRECTORY]");
        writeln!(texts, "{what}\n  {shown}").unwrap();
        count += 1;
    }
    assert!(count >= 90, "{count}");
    insta::assert_snapshot!(texts);
}

#[test]
fn an_archive_cut_anywhere() {
    let whole = a()
        .directory("d")
        .pax(&[("path", b"d/long"), ("SCHILY.xattr.user.a", b"b")])
        .file("a", &"data ".repeat(300))
        .long(b'L', b"d/name\0")
        .symlink("b", "long")
        .end();
    let surroundings = Surroundings::new();
    // Up to the first block of zeros, which is the mark of the end.
    for length in (0..whole.len() - 1024 + 511).step_by(37) {
        let error = surroundings.unpack(whole[..length].to_vec()).map(|_| ()).expect_err("cut");
        assert!(error.ends_with("it ends too early"), "{length}: {error}");
        surroundings.must_be_as_before(&length.to_string());
    }
    surroundings.unpack(whole).unwrap();
}

/// So many headers, made while they are read.
fn endless(header: Vec<u8>) -> impl Read {
    struct Endless(Vec<u8>, usize);
    impl Read for Endless {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let Self(block, at) = self;
            let length = buffer.len().min(block.len() - *at);
            buffer[..length].copy_from_slice(&block[*at..*at + length]);
            *at = (*at + length) % block.len();
            Ok(length)
        }
    }
    Endless(header, 0)
}

fn refused(promise: Promise<'_>, archive: impl Read + 'static) -> String {
    let surroundings = Surroundings::new();
    let error = surroundings.promised(promise, archive).map(|_| ()).expect_err("refused");
    surroundings.must_be_as_before(&error);
    error
}

#[test]
fn a_million_entries() {
    let promise = Promise { name: NAME, digest: None, compressed_size: 1 << 40 };
    insta::assert_snapshot!(refused(promise, endless(a().directory("d").unfinished())));
}

#[test]
fn a_bomb() {
    let promise = Promise { name: NAME, digest: None, compressed_size: 100_000 };
    let mut header = Header::new(b'0', b"zeros");
    let start = a().header(header.put(124, b"77777777777\0")).unfinished();
    let zeros = std::io::Cursor::new(start).chain(std::io::repeat(0));
    insta::assert_snapshot!(refused(promise, zeros));
    // After the end, too.
    let zeros = std::io::Cursor::new(a().file("a", "").end()).chain(std::io::repeat(0));
    insta::assert_snapshot!(refused(promise, zeros));
}

#[test]
fn more_than_may_be_unpacked() {
    let mut header = Header::new(b'0', b"huge");
    header.put(124, b"\x80\0\0\0\0\0\0\x10\0\0\0\0");
    let promise = Promise { name: NAME, digest: None, compressed_size: 1 << 40 };
    insta::assert_snapshot!(refused(promise, std::io::Cursor::new(a().header(&header).unfinished())));
}

#[test]
fn another_digest() {
    let digest = format!("sha256:{}", "0".repeat(64));
    let promise = Promise { name: NAME, digest: Some(&digest), compressed_size: 9999 };
    insta::assert_snapshot!(refused(promise, std::io::Cursor::new(a().file("a", "x").end())));
}

#[test]
fn a_reader_that_fails() {
    struct Fails(std::io::ErrorKind);
    impl Read for Fails {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::new(self.0, "the stream is broken"))
        }
    }
    let promise = Promise { name: NAME, digest: None, compressed_size: 9999 };
    insta::assert_snapshot!(refused(promise, Fails(std::io::ErrorKind::UnexpectedEof)));
    insta::assert_snapshot!(refused(promise, Fails(std::io::ErrorKind::InvalidData)));
}
