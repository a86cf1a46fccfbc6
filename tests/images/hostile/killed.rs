//! A process that is killed while it unpacks: the next one makes the layer whole, and nothing of the first is left.

use std::fs::{self, File};
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

use harness::__images::{Promise, layer};
use harness_tests::outside;
use harness_tests::twin::{Running, Twin};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use crate::archive::{Archive, Header};

/// A file, a directory that its owner may not write to, and a file of which the first process gets a half.
fn archive() -> Vec<u8> {
    Archive::new()
        .file("first", "1")
        .header(Header::new(b'5', b"shut").mode(0o555))
        .file("shut/inner", "2")
        .file("last", &"3".repeat(20_000))
        .end()
}

fn promise(name: &str) -> Promise<'_> {
    Promise { name, digest: None, compressed_size: 10_000 }
}

/// A process in the middle of the last file; what it waits for comes through this pipe, or never.
fn half_way(twin: Twin) -> (Running, File) {
    let pipe = twin.directory().join("archive");
    mkfifo(&pipe, Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
    let cache = twin.directory().join("cache");
    let running = twin.start();
    // Open for both ends: opening does not wait, and it does not end before we say so.
    let mut pipe = File::options().read(true).write(true).open(pipe).unwrap();
    let archive = archive();
    pipe.write_all(&archive[..archive.len() - 15_000]).unwrap();
    outside::until("the last file has its first half", || {
        half(&cache).is_some_and(|half| half.join("tree/last").metadata().is_ok_and(|last| last.len() > 0))
    });
    (running, pipe)
}

/// The layer that is half done.
fn half(cache: &Path) -> Option<PathBuf> {
    let mut entries = fs::read_dir(cache.join("layers/sha256")).ok()?.flatten().map(|entry| entry.path());
    entries.find(|path| path.extension().is_some_and(|suffix| suffix == "partial"))
}

fn names(cache: &Path) -> Vec<PathBuf> {
    let mut names: Vec<PathBuf> =
        fs::read_dir(cache.join("layers/sha256")).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    names
}

#[test]
fn the_next_one_makes_it_whole() {
    let twin = Twin::tests(&["unpacking::from_a_pipe"]);
    let cache = twin.directory().join("cache");
    let (mut running, pipe) = half_way(twin);
    running.child.kill().unwrap();
    let killed = running.end();
    drop(pipe);
    assert!(!killed.passed() && half(&cache).is_some());
    let layer = layer(&cache, promise("piped"), Cursor::new(archive())).unwrap();
    assert_eq!(fs::read_to_string(layer.directory.join("last")).unwrap(), "3".repeat(20_000));
    let place = layer.directory.parent().unwrap();
    assert_eq!(names(&cache), [place.to_owned(), PathBuf::from(format!("{}.lock", place.display()))]);
}

/// Who only wants another layer cleans up, too, but not before the first has ended.
#[test]
fn what_is_half_done_belongs_to_whoever_does_it() {
    let twin = Twin::tests(&["unpacking::from_a_pipe"]);
    let cache = twin.directory().join("cache");
    let (mut running, pipe) = half_way(twin);
    drop(layer(&cache, promise("other"), Cursor::new(archive())).unwrap());
    assert!(half(&cache).is_some());
    running.child.kill().unwrap();
    let killed = running.end();
    drop(pipe);
    drop(layer(&cache, promise("another"), Cursor::new(archive())).unwrap());
    assert_eq!(half(&cache), None);
    assert!(!killed.passed());
}

/// The twin of those above: one that is not killed ends well.
#[test]
fn who_is_not_killed_makes_it_whole() {
    let twin = Twin::tests(&["unpacking::from_a_pipe"]);
    let (running, mut pipe) = half_way(twin);
    let archive = archive();
    pipe.write_all(&archive[archive.len() - 15_000..]).unwrap();
    // The end of the archive is the end of the pipe.
    drop(pipe);
    let ran = running.finish();
    ran.must_pass();
    let cache = ran.directory.path().join("cache");
    assert_eq!((half(&cache), names(&cache).len()), (None, 2));
}
