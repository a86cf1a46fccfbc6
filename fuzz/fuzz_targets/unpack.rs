//! Any bytes, unpacked: no panic, and nothing beside the cache.
#![no_main]

use std::fs;
use std::io::Cursor;

use harness::__images::{Promise, layer};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let cache = directory.path().join("cache");
    let promise = Promise { name: "fuzzed", digest: None, compressed_size: data.len() as u64 };
    let done = layer(&cache, promise, Cursor::new(summed(data)));
    let beside = fs::read_dir(directory.path()).expect("the directory").count();
    assert_eq!(beside, 1, "something was written beside the cache");
    if done.is_err() {
        let layers = fs::read_dir(cache.join("layers/sha256")).expect("the layers");
        let names = layers.map(|entry| entry.expect("an entry").file_name());
        assert!(
            names.into_iter().all(|name| name.to_string_lossy().ends_with(".lock")),
            "half a layer was left"
        );
    }
});

/// With right checksums, so that the fuzzer need not find them; a first byte of 0 leaves the bytes as they are.
fn summed(data: &[u8]) -> Vec<u8> {
    let Some((first, rest)) = data.split_first() else { return Vec::new() };
    let mut archive = rest.to_vec();
    for header in archive.chunks_exact_mut(512).filter(|_| *first != 0) {
        header[148..156].copy_from_slice(b"        ");
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
    archive
}
