//! Valid archives with some bytes changed: whatever becomes of them, nothing panics, nothing is written outside, and
//! what is refused leaves nothing.

use std::io::Cursor;

use harness::__images::Promise;

use crate::archive::{Archive, Header};
use crate::surroundings::Surroundings;

/// A generator of numbers (xorshift64), the same in every run.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(below).unwrap()).unwrap()
    }
}

fn valid() -> Vec<u8> {
    Archive::new()
        .directory("d")
        .symlink("link", "d")
        .file("link/file", "data")
        .hard_link("hard", "d/file")
        .pax(&[("path", b"d/../x"), ("path", b"d/x"), ("SCHILY.xattr.user.a", b"b")])
        .file("y", "more")
        .long(b'L', b"d/long\0")
        .file("z", "")
        .pax(&[("GNU.sparse.size", b"10"), ("GNU.sparse.map", b"2,4")])
        .file("holes", "data")
        .file(".wh.gone", "")
        .typed(b'6', b"fifo", b"")
        .end()
}

/// The checksums made right again, so that what lies behind them is reached.
fn sum_up(archive: &mut [u8]) {
    for block in archive.chunks_exact_mut(512).filter(|block| block[257..262] == *b"ustar") {
        let header = Header(block.try_into().unwrap());
        block.copy_from_slice(&Archive::new().header(&header).unfinished());
    }
}

#[test]
fn thousands_of_them() {
    const PIECES: [&[u8]; 8] = [b"../", b"/", b"\0", b".wh.", b"\xff", b"..", b"7", b"link"];
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    let valid = valid();
    let (mut accepted, mut refused) = (0, 0);
    let mut surroundings = Surroundings::new();
    for round in 0..2000 {
        let mut archive = valid.clone();
        for _ in 0..=numbers.next(4) {
            let piece = PIECES[numbers.next(PIECES.len())];
            let at = numbers.next(archive.len() - piece.len());
            archive[at..at + piece.len()].copy_from_slice(piece);
        }
        sum_up(&mut archive);
        let name = format!("{round}");
        let promise = Promise { name: &name, digest: None, compressed_size: 10_000 };
        match surroundings.promised(promise, Cursor::new(archive)) {
            Ok(_) => accepted += 1,
            Err(error) => {
                assert_eq!(error.lines().count(), 1, "{error}");
                refused += 1;
            }
        }
        if round % 50 == 49 {
            surroundings.outside_must_be_as_before(&name);
            assert!(surroundings.listing().iter().all(|line| !line.contains(".partial")));
            surroundings = Surroundings::new();
        }
    }
    assert!(accepted > 100 && refused > 100, "{accepted} accepted, {refused} refused");
}
