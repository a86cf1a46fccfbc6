//! Where the cache is, and how what is in it is removed.
//!
//! 1. `HARNESS_CACHE`; 2. `harness` in the cargo target directory that the running binary lies in, so that `cargo clean`
//!    removes it with the rest; 3. `harness` in `XDG_CACHE_HOME`; 4. `~/.cache/harness`.

use std::env;
use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

const VARIABLE: &str = "HARNESS_CACHE";
const NAME: &str = "harness";

/// Of a test binary.
pub(crate) fn of_process() -> Option<PathBuf> {
    let binary = env::current_exe().ok();
    choose(|name| env::var_os(name), binary.as_deref().and_then(target_above))
}

/// Of the command `harness`, which is run in a project and may be installed anywhere.
#[cfg(feature = "cli")]
pub(crate) fn of_project() -> Option<PathBuf> {
    let named = env::var_os("CARGO_TARGET_DIR").filter(|value| !value.is_empty()).map(PathBuf::from);
    let found = || {
        let here = env::current_dir().ok()?;
        here.ancestors().map(|directory| directory.join("target")).find(|target| is_target(target))
    };
    choose(|name| env::var_os(name), named.or_else(found))
}

fn choose(variable: impl Fn(&str) -> Option<OsString>, target: Option<PathBuf>) -> Option<PathBuf> {
    let value = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = || value("XDG_CACHE_HOME").or_else(|| value("HOME").map(|home| home.join(".cache")));
    let below = |directory: PathBuf| directory.join(NAME);
    value(VARIABLE).or_else(|| target.or_else(home).map(below))
}

fn target_above(binary: &Path) -> Option<PathBuf> {
    binary.ancestors().skip(1).find(|directory| is_target(directory)).map(Path::to_owned)
}

/// cargo marks its target directory, but one that was there already only with what it knows of the compiler.
fn is_target(directory: &Path) -> bool {
    let has = |name| directory.join(name).is_file();
    has(".rustc_info.json") || has("CACHEDIR.TAG")
}

/// Removes a directory and what is in it, also directories that their owner may not read: layers have such, overlayfs
/// makes one (`work`), a guest others. One that is not there is removed.
pub(crate) fn remove(directory: &Path) -> io::Result<()> {
    // std never follows a link here.
    let removed = fs::remove_dir_all(directory).or_else(|error| match error.kind() {
        ErrorKind::PermissionDenied => {
            open_up(directory)?;
            fs::remove_dir_all(directory)
        }
        _ => Err(error),
    });
    match removed {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        answer => answer,
    }
}

/// Never through a symlink: what is in there may be a guest's.
fn open_up(directory: &Path) -> io::Result<()> {
    fs::set_permissions(directory, Permissions::from_mode(0o700))?;
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            open_up(&entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_may_read_is_removed_and_no_link_followed() {
        let outside = tempfile::tempdir().unwrap();
        let directory = tempfile::tempdir().unwrap();
        let closed = directory.path().join("closed");
        fs::create_dir_all(closed.join("inner")).unwrap();
        std::os::unix::fs::symlink(outside.path(), closed.join("link")).unwrap();
        fs::set_permissions(&closed, Permissions::from_mode(0o0)).unwrap();
        remove(&closed).unwrap();
        assert!(!closed.exists() && outside.path().exists());
        remove(&closed).unwrap();
    }

    fn chosen(set: &[(&str, &str)], target: Option<&str>) -> Option<String> {
        let find = |name: &str| set.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into());
        choose(find, target.map(PathBuf::from)).map(|path| path.to_string_lossy().into_owned())
    }

    #[test]
    fn the_first_that_is_known() {
        let all = [("HARNESS_CACHE", "/c"), ("XDG_CACHE_HOME", "/x"), ("HOME", "/h")];
        for (set, target, place) in [
            (&all[..], Some("/t"), Some("/c")),
            (&all[1..], Some("/t"), Some("/t/harness")),
            (&all[1..], None, Some("/x/harness")),
            (&all[2..], None, Some("/h/.cache/harness")),
            (&[("HARNESS_CACHE", ""), ("HOME", "/h")], None, Some("/h/.cache/harness")),
            (&[], None, None),
        ] {
            assert_eq!(chosen(set, target).as_deref(), place, "{set:?} {target:?}");
        }
    }

    #[test]
    fn this_binary_lies_in_a_target_directory() {
        let target = target_above(&env::current_exe().unwrap()).unwrap();
        assert!(env::current_exe().unwrap().starts_with(target));
        assert_eq!(target_above(Path::new("/bin/true")), None);
    }
}
