//! The text files of a cgroup directory, and the directories below it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Writes `value` in one write(2), as cgroupfs wants it.
///
/// Never with `O_CREAT`: for an absent file that is EACCES instead of ENOENT.
pub(super) fn write(path: &Path, value: &str) -> io::Result<()> {
    OpenOptions::new().write(true).open(path)?.write_all(value.as_bytes())
}

/// The whole text, with two system calls less than `fs::read_to_string`: one leaf reads 15 files.
pub(super) fn read(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut text = vec![0; 4096];
    let mut length = 0;
    loop {
        if length == text.len() {
            text.resize(2 * length, 0);
        }
        match file.read(&mut text[length..])? {
            0 => break,
            more => length += more,
        }
    }
    text.truncate(length);
    String::from_utf8(text).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// A file that holds one number; none if it is absent, unreadable or says something else (`max`).
pub(super) fn number(path: &Path) -> Option<u64> {
    read(path).ok()?.trim().parse().ok()
}

/// The words of a file such as `cgroup.controllers`.
pub(super) fn all_words(path: &Path) -> io::Result<Vec<String>> {
    Ok(read(path)?.split_whitespace().map(str::to_owned).collect())
}

/// The same, none if it cannot be read.
pub(super) fn words(path: &Path) -> Vec<String> {
    all_words(path).unwrap_or_default()
}

/// The value of `key` in a flat-keyed file (`key value` lines).
pub(super) fn keyed(text: &str, key: &str) -> Option<u64> {
    lines(text).find(|(name, _)| *name == key).map(|(_, value)| value)
}

/// The `key value` lines of a flat-keyed file.
pub(super) fn lines(text: &str) -> impl Iterator<Item = (&str, u64)> {
    text.lines().filter_map(|line| {
        let (key, value) = line.split_once(' ')?;
        Some((key, value.trim().parse().ok()?))
    })
}

/// The cgroups right below `dir`.
pub(super) fn children(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    // Two links are its own name and `.`; every child has one more. It saves reading a list of 30 files.
    if fs::metadata(dir)?.nlink() == 2 {
        return Ok(found);
    }
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            found.push(entry.path());
        }
    }
    Ok(found)
}

/// `dir` and every cgroup below it, parents first.
///
/// A directory that vanishes meanwhile is left out: its owner removed it, and so it is empty.
pub(super) fn tree(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = vec![dir.to_owned()];
    let mut next = 0;
    while let Some(dir) = found.get(next) {
        match children(dir) {
            Ok(below) => found.extend(below),
            Err(error) if error.kind() == io::ErrorKind::NotFound && next > 0 => {}
            Err(error) => return Err(error),
        }
        next += 1;
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flat_keyed() {
        let text = "low 0\noom 3\noom_kill 2\nlast x\n";
        for (key, value) in [("oom", Some(3)), ("oom_kill", Some(2)), ("kill", None), ("last", None)] {
            assert_eq!(keyed(text, key), value, "{key}");
        }
    }

    #[test]
    fn absent_file_is_enoent() {
        let dir = tempfile::tempdir().unwrap();
        let error = write(&dir.path().join("memory.max"), "1").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn texts_of_any_length() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        for length in [0, 1, 4095, 4096, 4097, 10_000] {
            let text = "x".repeat(length);
            fs::write(&path, &text).unwrap();
            assert_eq!(read(&path).unwrap(), text);
        }
    }

    #[test]
    fn tree_is_parents_first() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("a/b")).unwrap();
        fs::write(dir.path().join("a/file"), "").unwrap();
        let names = ["", "a", "a/b"].map(|name| dir.path().join(name));
        assert_eq!(tree(dir.path()).unwrap(), names);
        assert!(tree(&dir.path().join("none")).is_err());
    }
}
