//! Images of many layers: one directory, of hard links.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde_json::json;

use super::super::Image;
use super::super::parts::STACKED;
use super::build::{Bench, Files, Packed, content};
use crate::sys::xattr;

/// Layers that add, change and take away; the last is number `count`.
fn layers(count: usize) -> Vec<Packed> {
    (1..=count).map(layer).collect()
}

fn layer(number: usize) -> Packed {
    let mut builder = tar::Builder::new(Vec::new());
    // Of the first entry: the directory `all`.
    builder.append_pax_extensions([("SCHILY.xattr.user.kept", &b"as it is"[..])]).unwrap();
    let mut add = |name: &str, kind: tar::EntryType, mode: u32, target: &str| {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_mtime(u64::try_from(1000 + number).unwrap());
        header.set_uid(7);
        let content = if kind.is_file() { format!("of {number}") } else { String::new() };
        header.set_size(u64::try_from(content.len()).unwrap());
        if target.is_empty() {
            builder.append_data(&mut header, name, content.as_bytes()).unwrap();
        } else {
            builder.append_link(&mut header, name, target).unwrap();
        }
    };
    let (file, directory) = (tar::EntryType::Regular, tar::EntryType::Directory);
    add("all", directory, 0o711, "");
    add(&format!("all/{number}"), file, 0o600, "");
    add("all/last", file, 0o4755, "");
    match number {
        1 => {
            add("gone", directory, 0o755, "");
            add("gone/file", file, 0o644, "");
            add("opaque", directory, 0o700, "");
            add("opaque/old", file, 0o644, "");
            add("link", tar::EntryType::Symlink, 0o777, "/nowhere");
            add("twice", tar::EntryType::Link, 0o644, "all/1");
        }
        2 => add(".wh.gone", file, 0o644, ""),
        3 => {
            add("opaque", directory, 0o555, "");
            add("opaque/new", file, 0o644, "");
            add("opaque/.wh..wh..opq", file, 0o644, "");
        }
        _ => {}
    }
    Packed::tar(&builder.into_inner().unwrap())
}

fn layout(bench: &Bench, count: usize) -> PathBuf {
    let mut files = Files::default();
    let image = files.image(&layers(count), &json!({}));
    files.index(&[image]);
    files.into_directory(&bench.path("layout"))
}

/// Every path below, sorted.
fn paths(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut left = vec![root.to_owned()];
    while let Some(directory) = left.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            found.push(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned());
            if path.symlink_metadata().unwrap().is_dir() {
                left.push(path);
            }
        }
    }
    found.sort();
    found
}

fn only(image: &Image) -> &Path {
    assert_eq!(image.layers.len(), 1);
    &image.layers[0].directory
}

#[test]
fn many_layers_are_one() {
    let bench = Bench::new();
    let image = bench.obtain(&layout(&bench, STACKED + 1)).unwrap();
    let root = only(&image);
    let mut expected: Vec<_> = (1..=STACKED + 1).map(|number| format!("all/{number}")).collect();
    expected.extend(["all", "all/last", "link", "opaque", "opaque/new", "twice"].map(str::to_owned));
    expected.sort();
    assert_eq!(paths(root), expected);
    let of = |name: &str| root.join(name).symlink_metadata().unwrap();
    let top = i64::try_from(1000 + STACKED + 1).unwrap();
    for (name, mode, time) in
        [("all", 0o711, top), ("all/last", 0o4755, top), ("all/1", 0o600, 1001), ("opaque", 0o555, 1003)]
    {
        assert_eq!((of(name).mode() & 0o7777, of(name).mtime()), (mode, time), "{name}");
    }
    // As the files have it: without privilege it is this user's.
    assert_eq!(of("all").uid(), of("all/last").uid());
    assert_eq!(xattr::get(&root.join("all"), c"user.kept").unwrap(), b"as it is");
    assert_eq!(content(&image, "all/last"), format!("of {}", STACKED + 1));
    assert_eq!(fs::read_link(root.join("link")).unwrap(), Path::new("/nowhere"));
    assert_eq!(of("twice").ino(), of("all/1").ino());
    // What hid something in a layer would hide all below in whatever is stacked under it.
    let attributes = xattr::list(&root.join("opaque")).unwrap();
    assert!(!attributes.iter().any(|name| name.to_string_lossy().contains("overlay")), "{attributes:?}");
    // Its files are those of the layers.
    assert!(bench.in_cache("last").iter().any(|other| {
        !other.starts_with(root) && other.metadata().unwrap().ino() == of("all/last").ino()
    }));
}

#[test]
fn few_layers_are_stacked() {
    let bench = Bench::new();
    assert_eq!(bench.obtain(&layout(&bench, STACKED)).unwrap().layers.len(), STACKED);
}

/// `harness clean` goes by use: what is merged is used, its layers are not.
#[test]
fn nothing_is_missed_when_the_layers_are_gone() {
    let bench = Bench::new();
    let path = layout(&bench, STACKED + 1);
    let merged = only(&bench.obtain(&path).unwrap()).to_owned();
    for tree in bench.in_cache("tree").into_iter().filter(|tree| *tree != merged) {
        fs::remove_dir_all(tree.parent().unwrap()).unwrap();
    }
    let image = bench.obtain(&path).unwrap();
    assert_eq!(only(&image), merged);
    assert_eq!(bench.in_cache("tree"), [merged]);
    assert_eq!(content(&image, "all/1"), "of 1");
}

/// A user's own layer may have directories that this user may not read; root may.
#[test]
fn what_cannot_be_merged_is_stacked() {
    let bench = Bench::new();
    let path = layout(&bench, STACKED + 1);
    let merged = only(&bench.obtain(&path).unwrap()).to_owned();
    fs::remove_dir_all(merged.parent().unwrap()).unwrap();
    let closed = bench.in_cache("opaque").into_iter().find(|opaque| opaque.join("new").exists()).unwrap();
    fs::set_permissions(closed, Permissions::from_mode(0o0)).unwrap();
    let image = bench.obtain(&path).unwrap();
    let expected = if nix::unistd::geteuid().is_root() { 1 } else { STACKED + 1 };
    assert_eq!(image.layers.len(), expected);
    let layers = merged.parent().and_then(Path::parent).unwrap();
    assert!(!paths(layers).iter().any(|path| path.ends_with(".partial")));
}

/// What a layer left out is said of the whole.
#[test]
fn what_was_left_out_is_known() {
    let mut packed = layers(STACKED);
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(0);
    builder.append_pax_extensions([("SCHILY.xattr.nobody.knows", &b"1"[..])]).unwrap();
    builder.append_data(&mut header, "marked", &b""[..]).unwrap();
    packed.push(Packed::tar(&builder.into_inner().unwrap()));
    let mut files = Files::default();
    let image = files.image(&packed, &json!({}));
    files.index(&[image]);
    let bench = Bench::new();
    let path = files.into_directory(&bench.path("layout"));
    for _ in 0..2 {
        let image = bench.obtain(&path).unwrap();
        let left_out: Vec<_> = image.layers.iter().flat_map(|layer| &layer.left_out).collect();
        assert_eq!(left_out.len(), 1, "{left_out:?}");
        assert_eq!(left_out[0].entry, "marked");
    }
}
