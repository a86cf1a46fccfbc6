//! One directory of a leaf: its place in one hierarchy.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};

use super::files;
use super::ladder::{self, Rung};
use super::layout::{Controller, Join, Version};
use super::limits::{self, Confirmed, LeafLimits};
use super::v1;
use crate::error::{At, Cause, Object, SetupError, Step};

/// A directory of a leaf.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) version: Version,
    pub(super) controllers: Vec<Controller>,
    pub(super) dir: PathBuf,
    /// Name of the rung it was made on.
    pub(super) rung: &'static str,
    /// The limits in force.
    pub(super) confirmed: Vec<Confirmed>,
    /// What the guest needs to get in. v1: `tasks`, open for writing. v2: the directory, for
    /// CLONE_INTO_CGROUP.
    pub(super) entrance: File,
}

/// What the directory has, of which nothing that is needed may be missing: that a rung offers it was found out some time
/// ago, and whoever manages the cgroup above may have taken it away since.
fn controllers(
    dir: &Path,
    rung: &Rung,
    version: Version,
    needed: &[Controller],
) -> Result<Vec<Controller>, SetupError> {
    let path = dir.join("cgroup.controllers");
    let has = match version {
        Version::V1 => rung.enabled.clone(),
        Version::V2 if rung.is_bare() => Vec::new(),
        Version::V2 => Controller::among(&files::all_words(&path).at(Step::ReadLeaf, &path)?),
    };
    match needed.iter().find(|one| !has.contains(one)) {
        None => Ok(has),
        Some(missing) => {
            let found = has.iter().map(|one| one.name()).collect::<Vec<_>>().join(" ");
            let object = Object::Write { path, value: missing.name().to_owned() };
            Err(SetupError { step: Step::MakeLeaf, object, cause: Cause::ReadBack { found } })
        }
    }
}

impl Node {
    /// Makes the directory with its limits in force. On error nothing is left.
    pub(super) fn make(join: &Join<'_>, name: &str, limits: &LeafLimits) -> Result<Self, SetupError> {
        let hierarchy = join.hierarchy;
        let (dir, rung) = ladder::make(&hierarchy.rungs, &join.needed, &join.wanted, name)?;
        let made = controllers(&dir, rung, hierarchy.version, &join.needed);
        let furnish = |has| Self::furnish(hierarchy.version, has, dir.clone(), rung.name, limits);
        made.and_then(furnish).inspect_err(|_| {
            // The first error counts; what cannot be removed here is swept by a later runner.
            let _ = fs::remove_dir(&dir);
        })
    }

    /// Limits first: the first process must not enter a directory that lacks them.
    fn furnish(
        version: Version,
        controllers: Vec<Controller>,
        dir: PathBuf,
        rung: &'static str,
        limits: &LeafLimits,
    ) -> Result<Self, SetupError> {
        if version == Version::V1 {
            v1::prepare(&dir, &controllers)?;
        }
        let confirmed = limits::apply(&dir, version, &controllers, limits)?;
        let entrance = match version {
            // Not cgroup.procs: for the one thread that writes "0" to `tasks` the kernel skips the lock
            // over all thread groups, and with it a wait for an RCU grace period (5 to 20 ms when cold).
            Version::V1 => OpenOptions::new().write(true).open(dir.join("tasks")),
            Version::V2 => File::open(&dir),
        };
        let entrance = entrance.at(Step::MakeLeaf, &dir)?;
        Ok(Self { version, controllers, dir, rung, confirmed, entrance })
    }

    pub(super) fn has(&self, controller: Controller) -> bool {
        self.controllers.contains(&controller)
    }

    /// The cgroup above.
    pub(super) fn parent(&self) -> &Path {
        self.dir.parent().unwrap_or(&self.dir)
    }

    /// The text of one of its files, if it is there.
    pub(super) fn text(&self, file: &str) -> Option<String> {
        files::read(&self.dir.join(file)).ok()
    }

    /// The number in one of its files, if it is there.
    pub(super) fn number(&self, file: &str) -> Option<u64> {
        files::number(&self.dir.join(file))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Controller::{Memory, Pids};

    fn rung() -> Rung {
        let enabled = vec![Memory, Pids];
        Rung { name: "", parent: PathBuf::new(), enabled, may_enable: Vec::new(), refusal: None }
    }

    #[test]
    fn what_is_needed_and_was_taken_away_meanwhile() {
        let dir = tempfile::tempdir().unwrap();
        let made = |needed: &[Controller]| controllers(dir.path(), &rung(), Version::V2, needed);
        let unread = made(&[]).unwrap_err();
        assert_eq!(unread.step, Step::ReadLeaf);
        fs::write(dir.path().join("cgroup.controllers"), "pids\n").unwrap();
        assert_eq!(made(&[Pids]).unwrap(), [Pids]);
        let missing = made(&[Pids, Memory]).unwrap_err();
        assert_eq!((missing.step, missing.cause), (Step::MakeLeaf, Cause::ReadBack { found: "pids".into() }));
    }
}
