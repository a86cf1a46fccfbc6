//! Where we keep files between runs: `HARNESS_CACHE`, else `harness` in cargo's target directory, where `cargo
//! clean` finds it, else in the user's cache directory.

use std::env;
use std::path::{Path, PathBuf};

/// The directory; it need not be there yet.
pub(crate) fn directory() -> PathBuf {
    of_environment().or_else(of_build).or_else(of_user).unwrap_or_else(|| env::temp_dir().join("harness"))
}

fn of_environment() -> Option<PathBuf> {
    let given = env::var_os("HARNESS_CACHE").filter(|path| !path.is_empty())?;
    std::path::absolute(given).ok()
}

/// cargo marks its target directory with a CACHEDIR.TAG.
fn of_build() -> Option<PathBuf> {
    let binary = env::current_exe().ok()?;
    let target = binary.ancestors().skip(1).find(|directory| directory.join("CACHEDIR.TAG").is_file())?;
    Some(target.join("harness"))
}

fn of_user() -> Option<PathBuf> {
    let absolute = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")))?;
    Some(cache.join(Path::new("harness")))
}
