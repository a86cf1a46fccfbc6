//! Guests in images, run under conditions that the test outside makes.

use std::path::Path;

use harness_tests::root;

/// A file of the lowest layer, and one that an upper layer has taken away.
fn is_whole() {
    assert!(Path::new("/counted/01").exists() && !Path::new("/counted/02").exists());
}

/// The options of the overlay.
fn mounted() -> String {
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap();
    mounts.lines().find(|line| line.contains(" / overlay ")).unwrap().to_owned()
}

#[test]
fn many_layers_are_one() {
    root::run(root::spec("twins::images::many_layers_are_one", "many-layers.oci"), || {
        is_whole();
        // `lowerdir=` of mount(2) has them all, with colons between; `lowerdir+=` each by itself (Linux 6.8).
        let options = mounted();
        assert_eq!(options.matches("lowerdir").count(), 1, "{options}");
        assert!(!options.contains(":"), "{options}");
        0
    });
}

#[test]
fn many_layers_are_many() {
    root::run(root::spec("twins::images::many_layers_are_many", "many-layers.oci"), || {
        is_whole();
        let options = mounted();
        assert!(options.matches("lowerdir").count() == 64 || options.matches(':').count() == 63, "{options}");
        0
    });
}

/// By mount(2), layers have short names.
#[test]
fn many_layers_have_short_names() {
    root::run(root::spec("twins::images::many_layers_have_short_names", "many-layers.oci"), || {
        is_whole();
        assert!(mounted().contains("lowerdir=0:1:2:"), "{}", mounted());
        0
    });
}
