//! Removes what runners left that were killed with their leaves still there.
//!
//! Only leaves whose maker is known to be dead (see `name.rs`) are touched; two runners that sweep at
//! the same time do not disturb each other.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::{files, remove};
use crate::error::{At, SetupError, Step};
use crate::maker::Maker;

/// Shorter than for a leaf of our own: a test that is not at fault waits for it.
const PATIENCE: Duration = Duration::from_secs(1);

/// Sweeps below `parent`, once in the life of this process. Says what could not be removed: that is not
/// the fault of the test that happens to come first, but it must not be lost.
pub(super) fn once(parent: &Path, us: &Maker) -> Vec<SetupError> {
    static SWEPT: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
    let mut swept = SWEPT.lock().unwrap_or_else(PoisonError::into_inner);
    let first = swept.insert(parent.to_owned());
    drop(swept);
    if first { sweep(parent, us) } else { Vec::new() }
}

fn sweep(parent: &Path, us: &Maker) -> Vec<SetupError> {
    let abandoned = match files::children(parent).at(Step::RemoveLeaf, parent) {
        Ok(children) => children.into_iter().filter(|dir| us.sees_abandoned(dir)),
        Err(error) => return vec![error],
    };
    abandoned.filter_map(|dir| clear(dir).err()).collect()
}

/// Kills who is in a leaf. In a room there may be what a test has started, and means to outlive it.
fn clear(dir: PathBuf) -> Result<(), SetupError> {
    if Maker::is_room(&dir) {
        // With somebody in it, it stays.
        let _ = remove::remove_empty(&dir, Duration::ZERO);
        return Ok(());
    }
    remove::remove(&[dir], PATIENCE)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn only_the_leaves_of_the_dead() {
        let dir = tempfile::tempdir().unwrap();
        let us = Maker::this_process().unwrap();
        let ours = us.next_name();
        let mut parts: Vec<String> = ours.split('.').map(str::to_owned).collect();
        parts[3] = i32::MAX.to_string();
        let dead = parts.join(".");
        parts[2] = "1".to_owned();
        let foreign = parts.join(".");
        let [room, lived_in] = ["5", "6"].map(|number| {
            parts[2] = us.next_name().split('.').nth(2).unwrap().to_owned();
            parts[5] = number.to_owned();
            format!("{}.room", parts.join("."))
        });
        for name in [&ours, &dead, &foreign, "harness.x", "other", &room, &lived_in, &format!("{lived_in}/x")]
        {
            fs::create_dir(dir.path().join(name)).unwrap();
        }
        assert_eq!(once(dir.path(), us), []);
        let mut left: Vec<_> = files::children(dir.path()).unwrap();
        left.sort();
        let mut expected =
            [&ours, &foreign, "harness.x", "other", &lived_in].map(|name| dir.path().join(name));
        expected.sort();
        assert_eq!(left, expected);
        // And not again.
        fs::create_dir(dir.path().join(&dead)).unwrap();
        assert_eq!(once(dir.path(), us), []);
        assert!(dir.path().join(&dead).exists());
    }

    #[test]
    fn failures_are_told() {
        let dir = tempfile::tempdir().unwrap();
        let us = Maker::this_process().unwrap();
        assert_eq!(once(&dir.path().join("none"), us).len(), 1);
    }
}
