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

use super::files;
use super::layout::Controller;
use super::mounts::is_below;
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
        let ancestors = own.ancestors().skip(1).take_while(|dir| *dir == point || is_below(dir, point));
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
    let mut first_error = None;
    // Where no rung has them all, the first one's errno says why.
    let any = rungs.iter().any(|rung| rung.offers(needed));
    for rung in rungs.iter().filter(|rung| !any || rung.offers(needed)) {
        match rung.make(needed, wanted, name) {
            Ok(dir) => return Ok((dir, rung)),
            Err(error) => drop(first_error.get_or_insert(error)),
        }
    }
    Err(first_error.unwrap_or_else(|| SetupError::new(Step::FindCgroup, name, nix::errno::Errno::ENOENT)))
}

impl Rung {
    /// Whether a leaf here can have all these controllers.
    pub(super) fn offers(&self, needed: &[Controller]) -> bool {
        needed.iter().all(|one| self.enabled.contains(one) || self.may_enable.contains(one))
    }

    fn make(&self, needed: &[Controller], wanted: &[Controller], name: &str) -> Result<PathBuf, SetupError> {
        self.enable(needed)?;
        // What is only wanted may fail: its figures are then absent.
        let _ = self.enable(wanted);
        let dir = self.parent.join(name);
        fs::create_dir(&dir).at(Step::MakeLeaf, &dir)?;
        Ok(dir)
    }

    fn enable(&self, controllers: &[Controller]) -> Result<(), SetupError> {
        let missing = controllers.iter().filter(|one| !self.enabled.contains(one));
        let words: Vec<String> = missing.map(|one| format!("+{}", one.name())).collect();
        if words.is_empty() {
            return Ok(());
        }
        let (path, value) = (self.parent.join("cgroup.subtree_control"), words.join(" "));
        files::write(&path, &value).at(Step::EnableControllers, Object::Write { path, value })
    }
}
