//! Tells the tests where the fixtures are: in the target directory of the very build.

use std::path::{Path, PathBuf};

fn main() {
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets it"));
    println!("cargo:rustc-env=HARNESS_ROOTS={}", target(&out).join("fixtures/rootfs").display());
    println!("cargo:rerun-if-changed=build.rs");
}

/// `TARGET/[TRIPLE/]PROFILE/build/PACKAGE-HASH/out`. cargo marks its target directory, but not one that was there
/// already.
fn target(out: &Path) -> &Path {
    let marked = out.ancestors().find(|directory| directory.join("CACHEDIR.TAG").is_file());
    marked.or(out.ancestors().nth(4)).expect("cargo's own layout")
}
