//! The directory of `upper = "disk"`: the runner makes it before the guest and removes it after it.
//!
//! One of a runner that was killed is removed by the next one: the name says whose it is (maker.rs).

use std::fs::{self, DirBuilder, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Once;

use crate::cache;
use crate::error::{At, SetupError, Step};
use crate::maker::Maker;

/// A directory that is there as long as this value.
#[derive(Debug)]
pub(crate) struct Upper {
    pub(crate) path: PathBuf,
}

impl Upper {
    /// Makes one in the cache directory.
    ///
    /// # Errors
    /// The directory cannot be made.
    pub(crate) fn make() -> Result<Self, SetupError> {
        static SWEPT: Once = Once::new();
        let parent =
            cache::of_process().unwrap_or_else(|| std::env::temp_dir().join("harness")).join("upper");
        fs::create_dir_all(&parent).at(Step::MakeUpper, &parent)?;
        let us = Maker::this_process().at(Step::MakeUpper, &parent)?;
        SWEPT.call_once(|| sweep(&parent, us));
        let path = parent.join(us.next_name());
        DirBuilder::new().mode(0o700).create(&path).at(Step::MakeUpper, &path)?;
        Ok(Self { path })
    }

    /// Removes it with all that the guest wrote.
    ///
    /// # Errors
    /// Something in it cannot be removed.
    pub(crate) fn remove(self) -> Result<(), SetupError> {
        remove_all(&self.path).at(Step::RemoveUpper, &self.path)
    }
}

impl Drop for Upper {
    /// After a panic of the runner. Where it was removed there is nothing to do.
    fn drop(&mut self) {
        drop(remove_all(&self.path));
    }
}

/// What cannot be removed is another user's; it is no fault of this run.
fn sweep(parent: &Path, us: &Maker) {
    let is_abandoned = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        Maker::of_name(name).is_some_and(|maker| maker.is_dead(us))
    };
    let entries = fs::read_dir(parent).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.filter(is_abandoned).for_each(|path| drop(remove_all(&path)));
}

/// Also directories that their owner may not read: overlayfs makes one (`work`), a guest others.
fn remove_all(path: &Path) -> io::Result<()> {
    let removed = match fs::remove_dir_all(path) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            open_up(path)?;
            fs::remove_dir_all(path)
        }
        answer => answer,
    };
    match removed {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        answer => answer,
    }
}

/// Never through a symlink: what is in there is the guest's.
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
    fn what_a_guest_leaves_is_removed() {
        let upper = Upper::make().unwrap();
        let path = upper.path.clone();
        fs::create_dir_all(path.join("closed/inner")).unwrap();
        std::os::unix::fs::symlink("/", path.join("closed/link")).unwrap();
        fs::set_permissions(path.join("closed"), Permissions::from_mode(0o0)).unwrap();
        upper.remove().unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn those_of_the_dead_are_swept() {
        let directory = tempfile::tempdir().unwrap();
        let us = Maker::this_process().unwrap();
        let ours = us.next_name();
        let mut parts: Vec<String> = ours.split('.').map(str::to_owned).collect();
        parts[3] = i32::MAX.to_string();
        let dead = parts.join(".");
        for name in [&ours, &dead, "other"] {
            fs::create_dir(directory.path().join(name)).unwrap();
        }
        sweep(directory.path(), us);
        let left = |name: &str| directory.path().join(name).exists();
        assert!(left(&ours) && left("other") && !left(&dead));
    }
}
