//! A process that unpacks what the test outside writes to a pipe, piece by piece.

use std::fs::File;

use harness::__images::{Promise, layer};
use harness_tests::gate;

#[test]
fn from_a_pipe() {
    let place = gate::directory();
    let archive = File::open(place.join("archive")).unwrap();
    let promise = Promise { name: "piped", digest: None, compressed_size: 10_000 };
    layer(&place.join("cache"), promise, archive).unwrap();
}
