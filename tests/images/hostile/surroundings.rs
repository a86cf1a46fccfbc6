//! A cache in a directory whose other files must never change, and one error at most.

use std::fs;
use std::io::{Cursor, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use harness::__images::{Layer, Promise, layer};
use tempfile::TempDir;

/// The name that every archive goes by.
pub(crate) const NAME: &str = "layer.tar";

#[derive(Debug)]
pub(crate) struct Surroundings {
    directory: TempDir,
    before: Vec<String>,
}

impl Surroundings {
    pub(crate) fn new() -> Self {
        let directory = TempDir::new().unwrap();
        for place in ["outside", "etc"] {
            fs::create_dir(directory.path().join(place)).unwrap();
            fs::write(directory.path().join(place).join("passwd"), "as it was").unwrap();
        }
        fs::create_dir(directory.path().join("cache")).unwrap();
        // The first use makes the directories of the cache.
        let mut new = Self { directory, before: Vec::new() };
        drop(new.unpack(crate::archive::Archive::new().unfinished()));
        new.before = new.listing();
        new
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn unpack(&self, archive: Vec<u8>) -> Result<Layer, String> {
        let compressed_size = archive.len().try_into().unwrap();
        self.promised(Promise { name: NAME, digest: None, compressed_size }, Cursor::new(archive))
    }

    pub(crate) fn promised(
        &self,
        promise: Promise<'_>,
        archive: impl Read + 'static,
    ) -> Result<Layer, String> {
        layer(&self.path().join("cache"), promise, archive)
    }

    /// Everything there is, but for what tells of the layer's lock.
    pub(crate) fn listing(&self) -> Vec<String> {
        let mut lines = Vec::new();
        list(self.path(), &mut lines);
        lines.sort();
        lines
    }

    pub(crate) fn must_be_as_before(&self, what: &str) {
        assert_eq!(self.listing(), self.before, "{what}");
    }

    /// Outside of the cache.
    pub(crate) fn outside_must_be_as_before(&self, what: &str) {
        let cache = self.path().join("cache").to_string_lossy().into_owned() + "/";
        let outside =
            |lines: &[String]| lines.iter().filter(|line| !line.starts_with(&cache)).cloned().collect();
        let (now, before): (Vec<String>, Vec<String>) = (outside(&self.listing()), outside(&self.before));
        assert_eq!(now, before, "{what}");
    }
}

fn list(directory: &Path, lines: &mut Vec<String>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let file = fs::symlink_metadata(&path).unwrap();
        let content = if file.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
        let times = if path.starts_with(directory) && file.is_file() && path.extension().is_none() {
            (file.mtime(), file.mtime_nsec())
        } else {
            (0, 0)
        };
        let content = String::from_utf8_lossy(&content).into_owned();
        lines.push(format!("{} {:o} {} {times:?} {content}", path.display(), file.mode(), file.nlink()));
        if file.is_dir() {
            list(&path, lines);
        }
    }
}
