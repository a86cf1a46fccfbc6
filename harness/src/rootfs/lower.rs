//! What layers show together: overlayfs' rules for looking a name up, without a mount.
//!
//! A whiteout hides what is below it, an opaque directory all that is below it
//! (Documentation/filesystems/overlayfs.rst).

use std::collections::BTreeSet;
use std::ffi::{CStr, OsStr, OsString};
use std::fs::{self, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use crate::sys::xattr;

/// A directory: where it is in each layer that has it, topmost first.
#[derive(Debug, Clone)]
pub(crate) struct Directory {
    places: Vec<PathBuf>,
}

/// What is at a name.
#[derive(Debug)]
pub(crate) enum Entry {
    Directory(Directory),
    /// Anything else, in the topmost layer that has it.
    Other {
        path: PathBuf,
        metadata: Metadata,
    },
}

impl Directory {
    /// The root of these layers, topmost first.
    pub(crate) fn root(layers: impl IntoIterator<Item = PathBuf>) -> Self {
        Self { places: layers.into_iter().collect() }
    }

    /// The one that gives mode and owner.
    pub(crate) fn top(&self) -> Option<&Path> {
        self.places.first().map(PathBuf::as_path)
    }

    /// What is at this name.
    pub(crate) fn find(&self, name: &OsStr) -> io::Result<Option<Entry>> {
        let mut places = Vec::new();
        for place in &self.places {
            let path = place.join(name);
            let metadata = match fs::symlink_metadata(&path) {
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                answer => answer?,
            };
            if is_whiteout(&path, &metadata) {
                break;
            }
            if !metadata.is_dir() {
                if places.is_empty() {
                    return Ok(Some(Entry::Other { path, metadata }));
                }
                // A directory covers it, and all below it.
                break;
            }
            let is_last = is_opaque(&path);
            places.push(path);
            if is_last {
                break;
            }
        }
        Ok((!places.is_empty()).then_some(Entry::Directory(Self { places })))
    }

    /// The names of all that is in it.
    pub(crate) fn names(&self) -> io::Result<BTreeSet<OsString>> {
        let mut names = BTreeSet::new();
        for place in &self.places {
            for entry in fs::read_dir(place)? {
                names.insert(entry?.file_name());
            }
        }
        let mut shown = BTreeSet::new();
        for name in names {
            if self.find(&name)?.is_some() {
                shown.insert(name);
            }
        }
        Ok(shown)
    }
}

/// A character device 0:0, or, where that cannot be made, an empty file with the attribute.
pub(crate) fn is_whiteout(path: &Path, metadata: &Metadata) -> bool {
    let kind = metadata.file_type();
    let is_device = kind.is_char_device() && metadata.rdev() == 0;
    let may_be_marked = kind.is_file() && metadata.len() == 0;
    is_device || may_be_marked && has(path, &[c"trusted.overlay.whiteout", c"user.overlay.whiteout"], None)
}

pub(crate) fn is_opaque(directory: &Path) -> bool {
    has(directory, &[c"trusted.overlay.opaque", c"user.overlay.opaque"], Some(b"y"))
}

/// Whether one of the attributes is set, to this value. Where they cannot be read, overlayfs does not see them
/// for us either.
fn has(path: &Path, names: &[&CStr], value: Option<&[u8]>) -> bool {
    let mut found = names.iter().filter_map(|name| xattr::get(path, name).ok());
    found.any(|found| value.is_none_or(|value| found == value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(entries: &[&str]) -> tempfile::TempDir {
        let layer = tempfile::tempdir().unwrap();
        for entry in entries {
            let path = layer.path().join(entry.trim_end_matches('/'));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            if entry.ends_with('/') {
                fs::create_dir_all(path).unwrap();
            } else {
                fs::write(path, entry).unwrap();
            }
        }
        layer
    }

    fn mark(path: &Path, name: &CStr, value: &str) {
        use std::os::fd::AsFd;
        xattr::set_open(fs::File::open(path).unwrap().as_fd(), name, value.as_bytes()).unwrap();
    }

    fn shown(directory: &Directory) -> Vec<String> {
        directory.names().unwrap().into_iter().map(|name| name.into_string().unwrap()).collect()
    }

    #[test]
    fn upper_layers_cover_lower_ones() {
        let (low, high) = (tree(&["a", "d/x", "d/y", "e/z", "f"]), tree(&["a", "d/y", "e", "f/new"]));
        let both = Directory::root([high.path().to_owned(), low.path().to_owned()]);
        assert_eq!(shown(&both), ["a", "d", "e", "f"]);
        let Some(Entry::Other { path, .. }) = both.find(OsStr::new("a")).unwrap() else { panic!("no file") };
        assert_eq!(path, high.path().join("a"));
        let Some(Entry::Directory(d)) = both.find(OsStr::new("d")).unwrap() else { panic!("no directory") };
        assert_eq!(shown(&d), ["x", "y"]);
        let file_over_directory = both.find(OsStr::new("e")).unwrap();
        assert!(matches!(file_over_directory, Some(Entry::Other { .. })));
        let Some(Entry::Directory(f)) = both.find(OsStr::new("f")).unwrap() else { panic!("no directory") };
        assert_eq!(shown(&f), ["new"]);
    }

    #[test]
    fn whiteouts_hide_and_opaque_directories_end_the_search() {
        let (low, high) = (tree(&["gone", "d/x", "opaque/x"]), tree(&["gone", "opaque/y"]));
        fs::write(high.path().join("gone"), "").unwrap();
        let both = Directory::root([high.path().to_owned(), low.path().to_owned()]);
        assert_eq!(shown(&both), ["d", "gone", "opaque"]);
        mark(&high.path().join("gone"), c"user.overlay.whiteout", "");
        mark(&high.path().join("opaque"), c"user.overlay.opaque", "y");
        assert_eq!(shown(&both), ["d", "opaque"]);
        let Some(Entry::Directory(d)) = both.find(OsStr::new("opaque")).unwrap() else { panic!("none") };
        assert_eq!(shown(&d), ["y"]);
    }
}
