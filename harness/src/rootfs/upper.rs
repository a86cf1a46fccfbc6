//! The directory of `upper = "disk"`: the runner makes it before the guest and removes it after it.
//!
//! One of a runner that was killed is removed by the next one: the name says whose it is (maker.rs).

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Once;

use crate::cache;
use crate::error::{At, SetupError, Step};
use crate::maker::Maker;

/// A directory that is there as long as this value.
#[derive(Debug)]
pub(crate) struct Upper {
    pub(crate) path: PathBuf,
    /// What dead runners left and we could not remove.
    pub(crate) unswept: Vec<SetupError>,
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
        let mut unswept = Vec::new();
        SWEPT.call_once(|| unswept = sweep(&parent, us));
        let path = parent.join(us.next_name());
        DirBuilder::new().mode(0o700).create(&path).at(Step::MakeUpper, &path)?;
        Ok(Self { path, unswept })
    }

    /// Removes it with all that the guest wrote.
    ///
    /// # Errors
    /// Something in it cannot be removed.
    pub(crate) fn remove(self) -> Result<(), SetupError> {
        cache::remove(&self.path).at(Step::RemoveUpper, &self.path)
    }
}

impl Drop for Upper {
    /// After a panic of the runner. Where it was removed there is nothing to do.
    fn drop(&mut self) {
        drop(cache::remove(&self.path));
    }
}

/// Removes what dead runners left. What cannot be removed is no fault of this run, and is told.
fn sweep(parent: &Path, us: &Maker) -> Vec<SetupError> {
    let entries = match fs::read_dir(parent).at(Step::RemoveUpper, parent) {
        Ok(entries) => entries.flatten().map(|entry| entry.path()),
        Err(error) => return vec![error],
    };
    let abandoned = entries.filter(|path| us.sees_abandoned(path));
    abandoned.filter_map(|path| cache::remove(&path).at(Step::RemoveUpper, &path).err()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_there_until_it_is_removed() {
        let upper = Upper::make().unwrap();
        let path = upper.path.clone();
        fs::write(path.join("file"), "").unwrap();
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
        assert_eq!(sweep(directory.path(), us), []);
        let left = |name: &str| directory.path().join(name).exists();
        assert!(left(&ours) && left("other") && !left(&dead));
        // A file is no upperdir.
        fs::write(directory.path().join(&dead), "").unwrap();
        assert_eq!(sweep(directory.path(), us).len(), 1);
    }
}
