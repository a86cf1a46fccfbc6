//! Guests in images, run under conditions that the test outside makes.

use std::path::Path;

use harness_tests::root;

/// A file of the lowest layer, and one that an upper layer has taken away.
#[test]
fn many_layers() {
    let spec = root::spec("twins::images::many_layers", "many-layers.oci");
    root::run(spec, || {
        assert!(Path::new("/counted/01").exists() && !Path::new("/counted/02").exists());
        let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap();
        let root = mounts.lines().find(|line| line.starts_with("overlay / ")).unwrap();
        // By mount(2), layers have short names.
        assert!(root.contains("lowerdir=0:1:2:"), "{root}");
        0
    });
}
