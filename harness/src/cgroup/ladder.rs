//! Below which cgroup may a leaf be made? Rungs are tried in order; the first that works is used, and
//! its name stands in the report. The only place where the shape of the machine's tree is judged.
//!
//! 1. Below our own cgroup. On v1 always. On v2 only where the controllers are enabled already or can
//!    be: by the no-internal-process rule (cgroup-v2.rst, "No Internal Process Constraint") a cgroup
//!    that holds processes cannot enable them, and ours holds at least us. The root is exempt.
//! 2. As root on v2: below the nearest ancestor that has the controllers enabled. The leaf is then a
//!    relative of our own cgroup, outside of its limits. We never enable anything in an ancestor: it is
//!    not ours.

use std::fs;
use std::path::{Path, PathBuf};

use nix::errno::Errno;

use super::files;
use super::layout::Controller;
use crate::error::{At, Object, SetupError, Step};

/// A cgroup below which leaves may be made.
#[derive(Debug, Clone)]
pub(crate) struct Rung {
    /// What it is, for the report.
    pub(crate) name: &'static str,
    pub(crate) parent: PathBuf,
    /// Controllers that a leaf there gets at once.
    pub(crate) enabled: Vec<Controller>,
    /// Controllers that we may enable there.
    pub(crate) may_enable: Vec<Controller>,
}

/// The rungs of the v2 hierarchy.
pub(super) fn v2(own: &Path, point: &Path, root: bool) -> Vec<Rung> {
    let mut rungs = vec![rung("below our own cgroup", own)];
    // Only the root cgroup has no cgroup.events (cgroup-v2.rst).
    if !own.join("cgroup.events").exists() {
        rungs[0].may_enable = known(&own.join("cgroup.controllers"));
    }
    if root {
        let ancestors = own.ancestors().skip(1).take_while(|dir| dir.starts_with(point));
        rungs.extend(ancestors.map(|dir| rung("below an ancestor of our own cgroup", dir)));
    }
    rungs
}

fn rung(name: &'static str, parent: &Path) -> Rung {
    let enabled = known(&parent.join("cgroup.subtree_control"));
    Rung { name, parent: parent.to_owned(), enabled, may_enable: Vec::new() }
}

fn known(path: &Path) -> Vec<Controller> {
    Controller::among(&files::words(path))
}

/// What the rungs offer, for the message that it is not enough.
pub(super) fn describe(rungs: &[Rung]) -> String {
    let parts: Vec<String> = rungs
        .iter()
        .map(|rung| {
            let names: Vec<&str> = rung.enabled.iter().map(|controller| controller.name()).collect();
            let names = if names.is_empty() { "nothing".to_owned() } else { names.join(" ") };
            format!("{} enables {names} for its children", rung.parent.display())
        })
        .collect();
    parts.join("; ")
}

/// Makes the directory `name` on the first rung that has the needed controllers and lets us.
pub(super) fn make<'a>(
    rungs: &'a [Rung],
    needed: &[Controller],
    wanted: &[Controller],
    name: &str,
) -> Result<(PathBuf, &'a Rung), SetupError> {
    let mut able: Vec<&Rung> = rungs.iter().filter(|rung| rung.offers(needed)).collect();
    if able.is_empty() {
        // Our own cgroup's errno then says why.
        able.extend(rungs.first());
    }
    let mut first_error = SetupError::new(Step::FindCgroup, Object::None, Errno::ENOENT);
    for (place, rung) in able.into_iter().enumerate() {
        match rung.make(needed, wanted, name) {
            Ok(dir) => return Ok((dir, rung)),
            Err(error) if place == 0 => first_error = error,
            Err(_) => {} // The first, the best rung's, is what a person can do something about.
        }
    }
    Err(first_error)
}

impl Rung {
    /// Whether a leaf here can have all these controllers.
    pub(super) fn offers(&self, needed: &[Controller]) -> bool {
        needed.iter().all(|one| self.enabled.contains(one) || self.may_enable.contains(one))
    }

    /// Whether leaves here never have a controller: the v2 hierarchy of a hybrid machine.
    pub(super) fn is_bare(&self) -> bool {
        self.enabled.is_empty() && self.may_enable.is_empty()
    }

    fn make(&self, needed: &[Controller], wanted: &[Controller], name: &str) -> Result<PathBuf, SetupError> {
        let missing = |one: &&Controller| !self.enabled.contains(one);
        self.enable(needed.iter().filter(missing))?;
        // What is only wanted may fail: its figures are then absent.
        let _ = self.enable(wanted.iter().filter(missing).filter(|one| self.may_enable.contains(one)));
        let dir = self.parent.join(name);
        fs::create_dir(&dir).at(Step::MakeLeaf, &dir)?;
        Ok(dir)
    }

    fn enable<'a>(&self, controllers: impl Iterator<Item = &'a Controller>) -> Result<(), SetupError> {
        let words: Vec<String> = controllers.map(|one| format!("+{}", one.name())).collect();
        if words.is_empty() {
            return Ok(());
        }
        let (path, value) = (self.parent.join("cgroup.subtree_control"), words.join(" "));
        files::write(&path, &value).at(Step::EnableControllers, Object::Write { path, value })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Controller::{Cpu, Memory, Pids};

    /// A v2 tree of plain files: (directory, controllers, subtree_control). All but the first, the root,
    /// have a cgroup.events.
    fn tree(cgroups: &[(&str, &str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (place, (name, controllers, subtree)) in cgroups.iter().enumerate() {
            let cgroup = dir.path().join(name);
            fs::create_dir_all(&cgroup).unwrap();
            fs::write(cgroup.join("cgroup.controllers"), controllers).unwrap();
            fs::write(cgroup.join("cgroup.subtree_control"), subtree).unwrap();
            if place > 0 {
                fs::write(cgroup.join("cgroup.events"), "populated 1\n").unwrap();
            }
        }
        dir
    }

    fn made(dir: &Path, own: &str, root: bool, needed: &[Controller]) -> Result<String, SetupError> {
        let rungs = v2(&dir.join(own), dir, root);
        let (made, rung) = make(&rungs, needed, &[Pids, Controller::Io], "leaf")?;
        assert!(made.is_dir() && made == rung.parent.join("leaf"));
        Ok(made.strip_prefix(dir).unwrap().display().to_string())
    }

    #[test]
    fn the_nearest_cgroup_that_has_the_controllers() {
        let dir = tree(&[
            ("", "cpu memory pids", "cpu memory pids"),
            ("s", "cpu memory pids", "memory pids"),
            ("s/own", "memory pids", ""),
        ]);
        for (needed, root, place) in
            [(&[][..], true, "s/own/leaf"), (&[Memory], true, "s/leaf"), (&[Memory, Cpu], true, "leaf")]
        {
            assert_eq!(made(dir.path(), "s/own", root, needed).as_deref(), Ok(place));
        }
        // Nothing was enabled anywhere.
        let after = known(&dir.path().join("s/cgroup.subtree_control"));
        assert_eq!(after, [Memory, Pids]);
        assert_eq!(known(&dir.path().join("s/own/cgroup.subtree_control")), []);
        // Never above the mount point, whatever lies there.
        assert_eq!(v2(&dir.path().join("s/own"), &dir.path().join("s"), true).len(), 2);
        let rungs = v2(&dir.path().join("s/own"), dir.path(), false);
        assert!(rungs.len() == 1 && !rungs[0].offers(&[Memory]));
        assert!(describe(&rungs).ends_with("s/own enables nothing for its children"));
    }

    #[test]
    fn the_root_cgroup_may_enable() {
        let dir = tree(&[("", "memory pids", "")]);
        assert_eq!(made(dir.path(), "", false, &[Memory]).as_deref(), Ok("leaf"));
        // Plain files keep the last write only: what is wanted comes after what is needed.
        let wrote = fs::read_to_string(dir.path().join("cgroup.subtree_control")).unwrap();
        assert_eq!(wrote, "+pidsry");
    }

    #[test]
    fn the_first_error_counts() {
        let dir = tree(&[("", "memory", "memory"), ("own", "memory", "memory")]);
        let own = dir.path().join("own");
        let rungs = v2(&own, dir.path(), true);
        fs::create_dir(own.join("leaf")).unwrap();
        fs::create_dir(dir.path().join("leaf")).unwrap();
        let error = make(&rungs, &[Memory], &[], "leaf").unwrap_err();
        assert_eq!(error, SetupError::new(Step::MakeLeaf, &own.join("leaf"), Errno::EEXIST));
        // Where no rung has the controllers, enabling says why not.
        fs::remove_file(own.join("cgroup.subtree_control")).unwrap();
        let error = make(&rungs, &[Cpu], &[], "other").unwrap_err();
        assert_eq!(error.step, Step::EnableControllers);
    }
}
