//! What processes that race for a layer meet by chance only.

use super::super::digest::Digest;
use super::super::tests::build::{Bench, tar};
use super::*;

#[test]
fn who_waited_for_the_lock_does_not_unpack_again() {
    let bench = Bench::new();
    let store = bench.store();
    let wanted =
        Wanted { archive: "a", key: Digest::of(b"a"), diff_id: None, compressed_size: 10_000, below: None };
    let mut archive = tar(&[("file", b"1")]);
    archive.extend([0; 1024]);
    let layer = store.layer(&wanted, &mut || Ok(Box::new(std::io::Cursor::new(archive.clone())))).unwrap();
    let place = layer.directory.parent().unwrap().to_owned();
    drop(layer);
    // The waiter has looked for it before it was there.
    store.make(&wanted, &place, &mut || panic!("it is there")).unwrap();
    assert_eq!(fs::read_to_string(place.join("tree/file")).unwrap(), "1");
}
