//! Below which cgroup may a leaf be made? Rungs are tried in order; the first that works is used, and
//! its name stands in the report. The only place where the shape of the machine's tree is judged.
//!
//! Found, at no cost ([`ready`]):
//! 1. Below our own cgroup. On v1 always. On v2 only where the controllers are enabled already or can
//!    be: by the no-internal-process rule (cgroup-v2.rst, "No Internal Process Constraint") a cgroup
//!    that holds processes cannot enable them, and ours holds at least us. The root is exempt. That rule
//!    makes a delegated cgroup above ours as good, if its processes all live in children, as in
//!    `harness scope`.
//!
//! Made, when these do not do ([`climb`]):
//! 2. Below our own cgroup, our processes having been moved to a child: where it is ours to arrange
//!    (`domain`), and nobody else lives there (`evacuate`).
//! 3. A transient scope of systemd (`systemd`, by feature), with the zygote in it.
//! 4. As root: below the nearest ancestor that has the controllers enabled. We never enable anything in an
//!    ancestor: it is not ours.
//!
//! On 3 and 4 the leaf is no descendant of our own cgroup, and outside of its limits.

use std::fs;
use std::path::{Path, PathBuf};

use nix::errno::Errno;

use super::evacuate::{Crowded, Movers, Ourselves, Undo, evacuate, undo_at_exit};
use super::layout::Controller;
use super::{domain, files};
use crate::error::{At, Object, SetupError, Step};
use crate::maker::Maker;

/// A cgroup below which leaves may be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rung {
    /// What it is, for the report.
    pub(crate) name: &'static str,
    pub(crate) parent: PathBuf,
    /// Controllers that a leaf there gets at once.
    pub(crate) enabled: Vec<Controller>,
    /// Controllers that we may enable there.
    pub(crate) may_enable: Vec<Controller>,
    /// Why no leaf can be made there at all.
    pub(crate) refusal: Option<Errno>,
}

/// A rung that could not be climbed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Missed {
    /// A cgroup of somebody else's unit, which was not delegated.
    NotOurs(PathBuf),
    /// Our own cgroup cannot be emptied.
    Crowded(Crowded),
    /// systemd gave no scope, or was not asked (feature `systemd`).
    NoScope { asked: bool, why: String },
}

/// The rungs of the v2 hierarchy that are there without any doing.
pub(super) fn ready(own: &Path, point: &Path) -> Vec<Rung> {
    let mut rungs = vec![rung("below our own cgroup", own)];
    if is_root_cgroup(own) {
        rungs[0].may_enable = known(&own.join("cgroup.controllers"));
    }
    let above = domain::of(own, point).into_iter().skip(1);
    rungs.extend(above.map(|dir| arranged("below a cgroup that is delegated to us", &dir)));
    rungs
}

/// What climbing came to.
#[derive(Debug, Default)]
pub(super) struct Climbed {
    pub(super) rungs: Vec<Rung>,
    /// Those that could not be climbed.
    pub(super) missed: Vec<Missed>,
}

impl Climbed {
    fn note(&mut self, tried: Result<Rung, Missed>) {
        match tried {
            Ok(rung) => self.rungs.push(rung),
            Err(missed) => self.missed.push(missed),
        }
    }

    /// Whether the next rung, which asks more of the machine, may be left alone.
    fn is_enough(&self) -> bool {
        self.rungs.iter().any(|rung| rung.offers(&[Controller::Memory, Controller::Pids]))
    }
}

/// The rungs above those that are ready, in order.
pub(super) fn climb(own: &Path, point: &Path, root: bool, ready: &[Rung]) -> Climbed {
    let mut climbed = Climbed::default();
    if has_nothing(point) {
        return climbed;
    }
    if moving_is_of_use(own, ready) {
        climbed.note(moved(own, point));
    }
    if !climbed.is_enough() && runs_systemd() {
        climbed.note(zygotes_scope());
    }
    if root {
        climbed.rungs.extend(ancestors(own, point));
    }
    climbed
}

/// Not for what has not come down to us, or is to be had without.
fn moving_is_of_use(own: &Path, ready: &[Rung]) -> bool {
    let is_there = |one: &Controller| ready.iter().any(|rung| rung.offers(&[*one]));
    !known(&own.join("cgroup.controllers")).iter().all(is_there)
}

fn ancestors(own: &Path, point: &Path) -> impl Iterator<Item = Rung> {
    let above = own.ancestors().skip(1).take_while(move |dir| dir.starts_with(point));
    above.map(|dir| rung("below an ancestor of our own cgroup", dir))
}

/// The controllers of a v2 hierarchy: those of its top.
pub(super) fn has(point: &Path) -> Vec<Controller> {
    known(&point.join("cgroup.controllers"))
}

/// The v2 hierarchy of a hybrid machine may have no controllers that we know.
pub(super) fn has_nothing(point: &Path) -> bool {
    has(point).is_empty()
}

/// For the processes of a cgroup that is to be emptied: who may be moved, and the name of the child that takes
/// them.
pub(super) struct Room<'a> {
    pub(super) who: &'a dyn Movers,
    pub(super) name: String,
    /// Whether others give theirs the same name.
    pub(super) is_shared: bool,
}

/// Named as ours, so that the next runner removes it when this one is dead.
fn our_room() -> Result<Room<'static>, Missed> {
    let us = Maker::this_process().at(Step::MakeRoom, "/proc/self");
    let us = us.map_err(|error| Missed::Crowded(error.into()))?;
    Ok(Room { who: &Ourselves, name: us.next_room(), is_shared: false })
}

/// Our own cgroup without us, until this process ends.
fn moved(own: &Path, point: &Path) -> Result<Rung, Missed> {
    let child = emptied(own, point, &our_room()?)?;
    undo_at_exit(Undo::Return { dir: own.to_owned(), child });
    Ok(arranged("below our own cgroup, our processes moved to a leaf", own))
}

/// Empties our own cgroup, if it is ours; where its processes are now.
pub(super) fn emptied(own: &Path, point: &Path, room: &Room<'_>) -> Result<PathBuf, Missed> {
    if domain::of(own, point).is_empty() {
        return Err(Missed::NotOurs(own.to_owned()));
    }
    if let Some(errno) = domain::refusal(own) {
        return Err(Missed::Crowded(SetupError::new(Step::MakeRoom, own, errno).into()));
    }
    evacuate(own, room).map_err(Missed::Crowded)
}

/// sd_booted(3).
pub(super) fn runs_systemd() -> bool {
    Path::new("/run/systemd/system").is_dir()
}

fn zygote() -> Result<i32, Missed> {
    crate::zygote::pid().map(nix::unistd::Pid::as_raw).ok_or_else(|| no_scope(true, "there is no zygote"))
}

/// A scope that lives as long as the zygote.
fn zygotes_scope() -> Result<Rung, Missed> {
    let (dir, child) = in_scope(zygote()?, &our_room()?)?;
    undo_at_exit(Undo::Leave { child });
    Ok(arranged("in a transient scope of systemd", &dir))
}

/// A scope of systemd for this process, and where in it it is then.
#[cfg(feature = "systemd")]
pub(super) fn in_scope(pid: i32, room: &Room<'_>) -> Result<(PathBuf, PathBuf), Missed> {
    let scope = super::systemd::scope(pid).map_err(|why| no_scope(true, &why))?;
    let own = super::layout::v2_place(pid).map(|place| place.own);
    let dir = own.ok_or_else(|| no_scope(true, "the scope is not in the mounted hierarchy"))?;
    // A systemd that counts pids in another namespace has moved somebody else.
    if dir.file_name().is_none_or(|name| name != scope.as_str()) {
        return Err(no_scope(true, "this process is not in it"));
    }
    let child = evacuate(&dir, room).map_err(Missed::Crowded)?;
    Ok((dir, child))
}

#[cfg(not(feature = "systemd"))]
pub(super) fn in_scope(_pid: i32, _room: &Room<'_>) -> Result<(PathBuf, PathBuf), Missed> {
    Err(no_scope(false, "it was not asked"))
}

fn no_scope(asked: bool, why: &str) -> Missed {
    Missed::NoScope { asked, why: why.to_owned() }
}

/// Only the root cgroup has no cgroup.events (cgroup-v2.rst).
fn is_root_cgroup(dir: &Path) -> bool {
    !dir.join("cgroup.events").exists()
}

fn rung(name: &'static str, parent: &Path) -> Rung {
    Rung {
        name,
        parent: parent.to_owned(),
        enabled: known(&parent.join("cgroup.subtree_control")),
        may_enable: Vec::new(),
        refusal: domain::refusal(parent),
    }
}

/// A rung below a cgroup of ours: without processes of its own it may enable what it has.
fn arranged(name: &'static str, parent: &Path) -> Rung {
    let is_empty = files::read(&parent.join("cgroup.procs")).is_ok_and(|pids| pids.trim().is_empty());
    let may_enable = if is_empty { known(&parent.join("cgroup.controllers")) } else { Vec::new() };
    Rung { may_enable, ..rung(name, parent) }
}

fn known(path: &Path) -> Vec<Controller> {
    Controller::among(&files::words(path))
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
        self.refusal.is_none()
            && needed.iter().all(|one| self.enabled.contains(one) || self.may_enable.contains(one))
    }

    /// Whether leaves here never have a controller: the v2 hierarchy of a hybrid machine.
    pub(crate) fn is_bare(&self) -> bool {
        self.enabled.is_empty() && self.may_enable.is_empty()
    }

    fn make(&self, needed: &[Controller], wanted: &[Controller], name: &str) -> Result<PathBuf, SetupError> {
        let missing = |one: &&Controller| !self.enabled.contains(one);
        self.enable(needed.iter().filter(missing))?;
        // What is only wanted may fail, each by itself: its figures are then absent.
        for one in wanted.iter().filter(missing).filter(|one| self.may_enable.contains(one)) {
            let _ = self.enable(std::iter::once(one));
        }
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

    fn all(own: &Path, point: &Path, root: bool) -> Vec<Rung> {
        let mut rungs = ready(own, point);
        rungs.extend(climb(own, point, root, &rungs).rungs);
        rungs
    }

    fn made(dir: &Path, own: &str, root: bool, needed: &[Controller]) -> Result<String, SetupError> {
        let rungs = all(&dir.join(own), dir, root);
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
        let top = dir.path().join("s");
        assert!(all(&dir.path().join("s/own"), &top, true).iter().all(|rung| rung.parent.starts_with(&top)));
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
        let rungs = all(&own, dir.path(), true);
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
