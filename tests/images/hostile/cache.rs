//! The cache as its users see it: unpacked once, by one of many, whole or not at all; `harness clean`.

use std::fs;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier};

use harness::__images::{Promise, layer};
use harness_tests::build;
use tempfile::TempDir;

use crate::archive::Archive;

fn promise(name: &str) -> Promise<'_> {
    Promise { name, digest: None, compressed_size: 10_000 }
}

fn archive(text: &str) -> Cursor<Vec<u8>> {
    Cursor::new(
        Archive::new().file("a", text).header(crate::archive::Header::new(b'5', b"shut").mode(0o555)).end(),
    )
}

/// Counts those who read it.
struct Counted(Arc<AtomicU64>, Cursor<Vec<u8>>);

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.1.position() == 0 {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
        self.1.read(buffer)
    }
}

#[test]
fn one_of_many_unpacks() {
    let cache = TempDir::new().unwrap();
    let (readers, start) = (Arc::new(AtomicU64::new(0)), Arc::new(Barrier::new(16)));
    std::thread::scope(|scope| {
        for _ in 0..16 {
            let (cache, readers, start) = (cache.path(), Arc::clone(&readers), Arc::clone(&start));
            scope.spawn(move || {
                start.wait();
                let layer = layer(cache, promise("one"), Counted(readers, archive("1"))).unwrap();
                assert_eq!(fs::read_to_string(layer.directory.join("a")).unwrap(), "1");
            });
        }
    });
    assert_eq!(readers.load(Ordering::SeqCst), 1);
}

fn names(cache: &Path) -> Vec<String> {
    let entries = fs::read_dir(cache.join("layers/sha256")).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn what_was_killed_half_way_is_removed_and_done_again() {
    let cache = TempDir::new().unwrap();
    let place = layer(cache.path(), promise("one"), archive("1")).unwrap().directory;
    let whole = place.parent().unwrap().to_owned();
    let partial = PathBuf::from(format!("{}.partial", whole.display()));
    // As a killed runner leaves it, with a directory that is shut; its lock is free.
    fs::rename(&whole, &partial).unwrap();
    let other = layer(cache.path(), promise("two"), archive("2")).unwrap();
    assert!(!partial.exists());
    let again = layer(cache.path(), promise("one"), archive("again")).unwrap();
    assert_eq!(fs::read_to_string(again.directory.join("a")).unwrap(), "again");
    assert_ne!(again.directory, other.directory);
}

#[test]
fn the_layer_of_somebody_who_fails_is_the_next_ones() {
    let cache = TempDir::new().unwrap();
    layer(cache.path(), promise("one"), Cursor::new(vec![1; 1024])).unwrap_err();
    let layer = layer(cache.path(), promise("one"), archive("1")).unwrap();
    assert_eq!(fs::read_to_string(layer.directory.join("a")).unwrap(), "1");
}

#[test]
fn nobody_else_may_look_into_it() {
    use std::os::unix::fs::PermissionsExt;
    let place = TempDir::new().unwrap();
    let cache = place.path().join("new/cache");
    drop(layer(&cache, promise("one"), archive("1")).unwrap());
    for directory in ["layers", "blobs", "digests"] {
        let mode = fs::metadata(cache.join(directory)).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o700, "{directory}");
    }
}

fn clean(cache: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(build::tool());
    build::clean(&mut command);
    command.arg("clean").arg("--cache").arg(cache).args(arguments).output().unwrap()
}

fn said(output: &Output, cache: &Path) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(&*cache.to_string_lossy(), "[CACHE]");
    format!("{}{}{:?}", text(&output.stdout), text(&output.stderr), output.status.code())
}

#[test]
fn clean_removes_what_is_not_in_use() {
    let cache = TempDir::new().unwrap();
    let held = layer(cache.path(), promise("held"), archive("1")).unwrap();
    drop(layer(cache.path(), promise("free"), archive("2")).unwrap());
    fs::write(cache.path().join("blobs/blob"), "x").unwrap();
    // Of a killed runner: no layer that is counted.
    let partial = cache.path().join("layers/sha256/left.root.partial");
    fs::create_dir(&partial).unwrap();
    let dry = clean(cache.path(), &["--older-than", "0", "--dry-run"]);
    assert!(dry.status.success() && partial.exists(), "{dry:?}");
    // Nothing is old.
    insta::assert_snapshot!(said(&clean(cache.path(), &[]), cache.path()));
    let all = names(cache.path());
    insta::assert_snapshot!(said(&clean(cache.path(), &["--older-than", "0", "--dry-run"]), cache.path()));
    assert_eq!(names(cache.path()), all);
    insta::assert_snapshot!(said(&clean(cache.path(), &["--older-than", "0"]), cache.path()));
    assert!(held.directory.join("a").exists());
    drop(held);
    insta::assert_snapshot!(said(&clean(cache.path(), &["--older-than", "0"]), cache.path()));
    assert_eq!(names(cache.path()), [""; 0]);
}

#[test]
fn clean_keeps_the_latest_up_to_a_size() {
    let cache = TempDir::new().unwrap();
    let text = "x".repeat(100_000);
    let mut layers = Vec::new();
    for (name, age) in [("old", 3000), ("older", 9000), ("new", 0)] {
        let directory = layer(cache.path(), promise(name), archive(&text)).unwrap().directory;
        let lock = PathBuf::from(format!("{}.lock", directory.parent().unwrap().display()));
        let used = std::time::SystemTime::now() - std::time::Duration::from_secs(age);
        fs::File::options().write(true).open(lock).unwrap().set_modified(used).unwrap();
        layers.push(directory);
    }
    let output = clean(cache.path(), &["--keep", "250K"]);
    insta::assert_snapshot!(said(&output, cache.path()));
    let is_there: Vec<bool> = layers.iter().map(|layer| layer.exists()).collect();
    assert_eq!(is_there, [true, false, true]);
    clean(cache.path(), &["--older-than", "40m"]);
    let is_there: Vec<bool> = layers.iter().map(|layer| layer.exists()).collect();
    assert_eq!(is_there, [false, false, true]);
}

#[test]
fn clean_understands_or_says_what_it_accepts() {
    let cache = TempDir::new().unwrap();
    for arguments in [["--older-than", "30"], ["--keep", "10X"]] {
        insta::assert_snapshot!(said(&clean(cache.path(), &arguments), cache.path()));
    }
    // A cache that is not there is clean.
    insta::assert_snapshot!(said(&clean(&cache.path().join("none"), &[]), cache.path()));
}
