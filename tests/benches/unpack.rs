//! The unpacker beside `tar -x`, by turns, on a tree like that of a small distribution: `cargo bench --bench unpack`.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use harness::__images::{Promise, layer};

const FILES: u32 = 10_000;
const ROUNDS: u32 = 7;

fn main() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let archive = make(directory.path());
    let size = fs::metadata(&archive).expect("the archive").len();
    let (mut ours, mut tars) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        ours.push(unpack(directory.path(), &archive, round, size));
        tars.push(tar(directory.path(), &archive));
    }
    let [ours, tars] = [ours, tars].map(median);
    println!("{FILES} files, {} MiB", size >> 20);
    println!("  harness  {} ms", ours.as_millis());
    println!("  tar -x   {} ms", tars.as_millis());
    println!("  ratio    {:.2}", ours.as_secs_f64() / tars.as_secs_f64());
}

/// Files of 0 to 30 KiB, ten in a directory.
fn make(directory: &Path) -> std::path::PathBuf {
    let tree = directory.join("tree");
    for number in 0..FILES {
        let place = tree.join(format!("usr/share/{}", number / 10));
        fs::create_dir_all(&place).expect("a directory");
        let length = usize::try_from(number * 7919 % 30_000).expect("a length");
        fs::write(place.join(number.to_string()), vec![b'x'; length]).expect("a file");
    }
    let archive = directory.join("archive.tar");
    let made = Command::new("tar").arg("-cf").arg(&archive).arg("-C").arg(&tree).arg(".").status();
    assert!(made.is_ok_and(|status| status.success()), "tar -c");
    archive
}

fn unpack(directory: &Path, archive: &Path, round: u32, size: u64) -> Duration {
    let cache = directory.join(format!("cache-{round}"));
    let promise = Promise { name: "archive.tar", digest: None, compressed_size: size };
    let start = Instant::now();
    let done = layer(&cache, promise, File::open(archive).expect("the archive"));
    let took = start.elapsed();
    drop(done.expect("unpacked"));
    fs::remove_dir_all(cache).expect("remove the cache");
    took
}

fn tar(directory: &Path, archive: &Path) -> Duration {
    let place = directory.join("tar");
    fs::create_dir(&place).expect("a directory");
    let start = Instant::now();
    let done = Command::new("tar").arg("-xf").arg(archive).arg("-C").arg(&place).status();
    let took = start.elapsed();
    assert!(done.is_ok_and(|status| status.success()), "tar -x");
    fs::remove_dir_all(place).expect("remove the tree");
    took
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
