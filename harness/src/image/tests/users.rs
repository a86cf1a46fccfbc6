//! The user's name is looked up in the image, through its layers.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::super::error::Reason;
use super::super::user;
use crate::rootfs::lower::Directory;

/// Layers that lie there as if they had been unpacked, the lowest first.
struct Stack(tempfile::TempDir, Vec<PathBuf>);

impl Stack {
    fn new(layers: &[&[(&str, &str)]]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let layer = |(number, files): (usize, &&[(&str, &str)])| {
            let root = directory.path().join(number.to_string());
            fs::create_dir(&root).unwrap();
            files.iter().for_each(|(name, content)| put(&root, name, content));
            root
        };
        let layers = layers.iter().enumerate().map(layer).collect();
        Self(directory, layers)
    }

    fn look_up(&self, name: &str) -> Result<Option<PathBuf>, Reason> {
        user::file(&Directory::root(self.1.iter().rev().cloned()), Path::new(name))
    }

    /// The layer in which the file is found, if it is, and its name there.
    fn find(&self, name: &str) -> Option<(usize, PathBuf)> {
        let path = self.look_up(name).unwrap()?;
        let path = path.strip_prefix(self.0.path()).unwrap();
        let layer = path.iter().next().unwrap().to_str().unwrap();
        Some((layer.parse().unwrap(), path.strip_prefix(layer).unwrap().to_owned()))
    }
}

/// `-> TARGET` makes a symbolic link.
fn put(root: &Path, name: &str, content: &str) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    match content.strip_prefix("-> ") {
        Some(target) => symlink(target, path).unwrap(),
        None => fs::write(path, content).unwrap(),
    }
}

#[test]
fn the_topmost_layer_that_has_the_file() {
    let stack = Stack::new(&[&[("etc/passwd", "0")], &[("etc/passwd", "1")], &[("etc/group", "2")]]);
    assert_eq!(stack.find("etc/passwd"), Some((1, "etc/passwd".into())));
    assert_eq!(stack.find("etc/group"), Some((2, "etc/group".into())));
    assert_eq!(stack.find("etc/shadow"), None);
    assert_eq!(stack.find("etc"), None);
}

#[test]
fn links_are_followed_in_the_image_and_never_out_of_it() {
    let stack = Stack::new(&[
        &[("usr/etc/passwd", "0"), ("nix/store/group", "0")],
        &[("etc", "-> usr/etc"), ("usr/etc/group", "-> /nix/store/group")],
        &[("out", "-> ../../../../../../etc/passwd"), ("loop", "-> loop")],
    ]);
    assert_eq!(stack.find("etc/passwd"), Some((0, "usr/etc/passwd".into())));
    assert_eq!(stack.find("etc/group"), Some((0, "nix/store/group".into())));
    assert_eq!(stack.find("out"), Some((0, "usr/etc/passwd".into())));
    let error = stack.look_up("loop").unwrap_err();
    assert!(matches!(error, Reason::Io { errno: nix::errno::Errno::ELOOP, .. }), "{error:?}");
}

#[test]
fn a_file_over_a_directory_hides_it() {
    let stack = Stack::new(&[&[("etc/passwd", "0")], &[("etc", "a file")]]);
    assert_eq!(stack.find("etc/passwd"), None);
}
