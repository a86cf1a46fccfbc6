//! Layers with files in directories that they do not mention: those are what the layers below say.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use serde_json::json;

use super::super::Image;
use super::super::error::Error;
use super::build::{Bench, Files, Packed};

/// What an entry of a layer is.
enum Is {
    Directory(u32),
    File,
    Link(&'static str),
    /// A further name of a file.
    Again(&'static str),
}

fn layer(entries: &[(&str, Is)]) -> Packed {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, is) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_size(0);
        header.set_mode(0o644);
        header.set_mtime(1000);
        match is {
            Is::Directory(mode) => {
                header.set_entry_type(tar::EntryType::Directory);
                header.set_mode(*mode);
                builder.append_data(&mut header, name, &b""[..]).unwrap();
            }
            Is::File => builder.append_data(&mut header, name, &b""[..]).unwrap(),
            Is::Link(target) | Is::Again(target) => {
                let is_symlink = matches!(is, Is::Link(_));
                header.set_entry_type(if is_symlink {
                    tar::EntryType::Symlink
                } else {
                    tar::EntryType::Link
                });
                builder.append_link(&mut header, name, target).unwrap();
            }
        }
    }
    Packed::tar(&builder.into_inner().unwrap())
}

fn obtain(bench: &Bench, name: &str, layers: &[Packed]) -> Image {
    try_to_obtain(bench, name, layers).unwrap()
}

fn try_to_obtain(bench: &Bench, name: &str, layers: &[Packed]) -> Result<Image, Error> {
    let mut files = Files::default();
    let image = files.image(layers, &json!({}));
    files.index(&[image]);
    bench.obtain(&files.into_directory(&bench.path(name)))
}

fn top(image: &Image) -> &Path {
    &image.layers.last().unwrap().directory
}

fn mode(path: &Path) -> u32 {
    path.symlink_metadata().unwrap().permissions().mode() & 0o7777
}

#[test]
fn a_directory_that_is_not_mentioned_is_that_of_the_layer_below() {
    let upper = || layer(&[("srv/secret/deep/file", Is::File), ("new/file", Is::File)]);
    let lower = || layer(&[("srv", Is::Directory(0o710)), ("srv/secret", Is::Directory(0o1700))]);
    let bench = Bench::new();
    let alone = obtain(&bench, "alone", &[upper()]);
    assert_eq!(mode(&top(&alone).join("srv/secret")), 0o755);
    // Through a layer that has the name for something else.
    let between = layer(&[("else", Is::File)]);
    let image = obtain(&bench, "stacked", &[lower(), between, upper()]);
    let of = |name: &str| mode(&top(&image).join(name));
    assert_eq!(
        [of("srv"), of("srv/secret"), of("srv/secret/deep"), of("new")],
        [0o710, 0o1700, 0o755, 0o755]
    );
    let secret = top(&image).join("srv/secret").metadata().unwrap();
    assert_eq!(secret.mtime(), 1000);
    // Alone it is what it was: whoever uses it has other layers below, or none.
    assert_ne!(top(&alone), top(&image));
    assert_eq!(mode(&top(&alone).join("srv/secret")), 0o755);
}

#[test]
fn what_the_layer_itself_says_counts() {
    let lower = layer(&[("srv", Is::Directory(0o700))]);
    // Also when it says it after the file.
    let upper = layer(&[("srv/file", Is::File), ("srv", Is::Directory(0o750))]);
    let bench = Bench::new();
    let image = obtain(&bench, "layout", &[lower, upper]);
    assert_eq!(mode(&top(&image).join("srv")), 0o750);
}

#[test]
fn what_was_taken_away_between_says_nothing() {
    let lower = layer(&[("srv", Is::Directory(0o700))]);
    let between = layer(&[(".wh.srv", Is::File)]);
    let bench = Bench::new();
    let image = obtain(&bench, "layout", &[lower, between, layer(&[("srv/file", Is::File)])]);
    assert_eq!(mode(&top(&image).join("srv")), 0o755);
}

#[test]
fn the_root_is_that_of_the_topmost_layer_that_has_one() {
    let lower = layer(&[("./", Is::Directory(0o711))]);
    let middle = layer(&[("file", Is::File)]);
    let bench = Bench::new();
    let image = obtain(&bench, "below", &[lower, middle]);
    assert_eq!(mode(top(&image)), 0o711);
    let upper = layer(&[("./", Is::Directory(0o555)), ("a", Is::File)]);
    let image = obtain(&bench, "above", &[layer(&[("file", Is::File)]), upper]);
    assert_eq!(mode(top(&image)), 0o555);
}

/// `/lib/a` where the layer below has `lib -> usr/lib`: in place of the link it would hide all of `usr/lib`.
#[test]
fn a_link_below_is_followed() {
    let links = [("lib", "usr/lib"), ("usr/lib64", "/lib"), ("up", "../../srv/..")];
    let mut lower = vec![("usr/lib", Is::Directory(0o711)), ("srv", Is::Directory(0o755))];
    lower.extend(links.map(|(name, target)| (name, Is::Link(target))));
    let upper = ["lib/a", "usr/lib64/b", "lib/new/c", "up/d"].map(|name| (name, Is::File));
    let bench = Bench::new();
    let image = obtain(&bench, "layout", &[layer(&lower), layer(&upper)]);
    let has = |name: &str| top(&image).join(name).symlink_metadata().is_ok();
    assert_eq!(["usr/lib/a", "usr/lib/b", "usr/lib/new/c", "d"].map(has), [true; 4]);
    assert_eq!(["lib", "usr/lib64", "up"].map(has), [false; 3]);
    assert_eq!(mode(&top(&image).join("usr/lib")), 0o711);
}

/// A link that leads to nothing, or to itself, or to a file is no directory; nothing is made outside.
#[test]
fn a_link_below_that_is_no_directory_is_replaced_or_refused() {
    let bench = Bench::new();
    let outside = bench.path("outside");
    let far = outside.to_str().unwrap().to_owned().leak();
    for (number, target) in ["nowhere", far, "/../../etc"].into_iter().enumerate() {
        let lower = layer(&[("lib", Is::Link(target))]);
        let image = obtain(&bench, &number.to_string(), &[lower, layer(&[("lib/a", Is::File)])]);
        assert!(top(&image).join("lib").symlink_metadata().unwrap().is_dir(), "{target}");
    }
    assert!(!outside.exists());
    let circle = layer(&[("lib", Is::Link("lib"))]);
    let error = try_to_obtain(&bench, "circle", &[circle, layer(&[("lib/a", Is::File)])]).unwrap_err();
    assert!(error.to_string().contains("ELOOP"), "{error}");
}

/// In an overlay, the file is copied up and gets a second name: so it is here, without a copy.
#[test]
fn a_further_name_of_a_file_of_the_layer_below() {
    let lower = || layer(&[("d", Is::Directory(0o710)), ("d/file", Is::File), ("lib", Is::Link("d"))]);
    let upper = || {
        layer(&[("one", Is::Again("d/file")), ("two", Is::Again("lib/file")), ("three", Is::Again("lib"))])
    };
    let bench = Bench::new();
    for _ in 0..2 {
        let image = obtain(&bench, "layout", &[lower(), upper()]);
        let of = |name: &str| top(&image).join(name).symlink_metadata().unwrap();
        let file = image.layers[0].directory.join("d/file").metadata().unwrap();
        assert_eq!(["d/file", "one", "two"].map(|name| of(name).ino()), [file.ino(); 3]);
        assert_eq!(of("d").mode() & 0o7777, 0o710);
        assert!(of("three").is_symlink());
    }
}

#[test]
fn a_further_name_of_what_is_not_there_or_hidden_or_a_directory_is_refused() {
    let lower = || layer(&[("d", Is::Directory(0o755)), ("d/file", Is::File)]);
    let cases: [&[(&str, Is)]; 5] = [
        &[("name", Is::Again("d/other"))],
        &[("name", Is::Again("d"))],
        &[("d/.wh.file", Is::File), ("name", Is::Again("d/file"))],
        &[("d/.wh..wh..opq", Is::File), ("name", Is::Again("d/file"))],
        &[(".wh.d", Is::File), ("name", Is::Again("d/file"))],
    ];
    let bench = Bench::new();
    for (number, entries) in cases.into_iter().enumerate() {
        let error = try_to_obtain(&bench, &number.to_string(), &[lower(), layer(entries)]).unwrap_err();
        let error = error.to_string();
        let is_refused = error.contains("entry name: ")
            && (error.contains("a hard link to") || error.contains("directory"));
        assert!(is_refused, "{number}: {error}");
    }
}

/// The two layers' links lead to each other: no recursion without end.
#[test]
fn links_of_both_layers_in_a_circle() {
    let lower = layer(&[("a/last", Is::Directory(0o700)), ("x/last", Is::Link("/a/last"))]);
    let upper = layer(&[("x", Is::Directory(0o700)), ("a", Is::Link("x")), ("x/last/file", Is::File)]);
    let bench = Bench::new();
    let image = obtain(&bench, "layout", &[lower, upper]);
    assert!(fs::exists(top(&image).join("x/last/file")).unwrap());
}
