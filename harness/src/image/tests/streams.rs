//! Compressed streams: joined ones are one, and whatever else follows or is missing is an error.

use std::io::{self, Cursor, Read};

use super::super::compression::plain;
use super::build::{gzip, xz, zstd};

type Pack = fn(&[u8]) -> Vec<u8>;
const PACKS: [(&str, Pack); 3] = [("gzip", gzip), ("zstd", zstd), ("xz", xz)];

fn read(bytes: Vec<u8>) -> io::Result<Vec<u8>> {
    let mut whole = Vec::new();
    plain(Cursor::new(bytes))?.read_to_end(&mut whole)?;
    Ok(whole)
}

/// What does not compress well, so that an end in the middle is one of the content.
fn content() -> Vec<u8> {
    (0..60_000_u32).flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes()).collect()
}

#[test]
fn joined_streams_are_one() {
    for (name, pack) in PACKS {
        let joined = [pack(b"one "), pack(b"two")].concat();
        assert_eq!(read(joined).unwrap(), b"one two", "{name}");
        assert_eq!(read(pack(&content())).unwrap(), content(), "{name}");
    }
}

#[test]
fn a_cut_stream_is_an_error_wherever_it_is_cut() {
    for (name, pack) in PACKS {
        let whole = pack(&content());
        for length in (10..whole.len()).step_by(whole.len() / 40).chain([whole.len() - 1]) {
            let error = read(whole[..length].to_vec()).expect_err(name);
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{name} at {length}: {error}");
        }
    }
}

#[test]
fn what_follows_a_stream_is_an_error() {
    for (name, pack) in PACKS {
        let error = read([pack(b"one"), b"garbage, and some more of it".to_vec()].concat()).expect_err(name);
        assert!(error.to_string().starts_with(name), "{name}: {error}");
    }
}

#[test]
fn a_changed_byte_is_an_error() {
    for (name, pack) in PACKS {
        let mut whole = pack(&content());
        let middle = whole.len() / 2;
        whole[middle] ^= 0x55;
        // zstd has a checksum only if it was asked for: the layer's own catches the rest.
        let found = read(whole);
        assert!(found.is_err() || (name == "zstd" && found.is_ok_and(|found| found != content())), "{name}");
    }
}
