//! Binaries that tests start, built beforehand: for machines without a compiler, as those of `ci/vm.sh` are.

use std::path::PathBuf;

/// The directory of the binaries, named as their targets are.
pub const DIRECTORY: &str = "HARNESS_PREBUILT";

/// The binary of this target, where binaries were built beforehand.
///
/// # Panics
/// When it is not among them.
pub fn binary(target: &str) -> Option<PathBuf> {
    let path = PathBuf::from(std::env::var_os(DIRECTORY)?).join(target);
    // The tests look for other files beside the binary itself.
    Some(path.canonicalize().unwrap_or_else(|error| panic!("{DIRECTORY}: {}: {error}", path.display())))
}
