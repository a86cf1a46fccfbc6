//! Where leaves may be made: each mounted hierarchy with the controllers that we have a use for.
//!
//! [`detect`] looks at the machine once; a [`Layout`] is plain data, and a test may make one by hand.

use std::fs;
use std::path::Path;

use nix::unistd::geteuid;

use super::domain;
use super::ladder::{self, Missed, Rung};
use super::limits::LeafLimits;
use super::mounts::{self, Place};
use crate::error::Unsupported;
use crate::render;

/// A cgroup controller that we read or write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Controller {
    Memory,
    Pids,
    Cpu,
    Cpuacct,
    Cpuset,
    Io,
}

impl Controller {
    const ALL: [Self; 6] = [Self::Memory, Self::Pids, Self::Cpu, Self::Cpuacct, Self::Cpuset, Self::Io];

    /// The kernel's name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Pids => "pids",
            Self::Cpu => "cpu",
            Self::Cpuacct => "cpuacct",
            Self::Cpuset => "cpuset",
            Self::Io => "io",
        }
    }

    /// Those of `names` that we know.
    pub(super) fn among(names: &[String]) -> Vec<Self> {
        Self::ALL.into_iter().filter(|known| names.iter().any(|name| name == known.name())).collect()
    }
}

/// Version of a hierarchy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Version {
    V1,
    #[default]
    V2,
}

/// A mounted hierarchy.
#[derive(Debug, Clone, Default)]
pub(crate) struct Hierarchy {
    pub(crate) version: Version,
    /// Where a leaf may be made in it, best first.
    pub(crate) rungs: Vec<Rung>,
    /// v2: the controllers that this hierarchy has at its top. Others are on v1, or nowhere.
    pub(crate) has: Vec<Controller>,
    /// v2: where the ladder stands; none when it has been climbed.
    pub(crate) ladder: Option<Place>,
    /// The rungs that could not be climbed.
    pub(crate) missed: Vec<Missed>,
}

impl Hierarchy {
    /// Whether a leaf in it can have all these controllers.
    fn offers(&self, needed: &[Controller]) -> bool {
        self.rungs.iter().any(|rung| rung.offers(needed))
    }

    fn climb(&mut self) {
        if let Some(place) = self.ladder.take() {
            let climbed = ladder::climb(&place.own, &place.point, geteuid().is_root(), &self.rungs);
            self.rungs.extend(climbed.rungs);
            self.missed = climbed.missed;
        }
    }
}

/// Where leaves may be made.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    pub(crate) hierarchies: Vec<Hierarchy>,
}

/// A hierarchy that a leaf is made in.
pub(super) struct Join<'a> {
    pub(super) hierarchy: &'a Hierarchy,
    /// Controllers that a limit needs.
    pub(super) needed: Vec<Controller>,
    /// Controllers that give figures: better with than without.
    pub(super) wanted: Vec<Controller>,
    /// Whether the leaf is of no use without this hierarchy.
    pub(super) required: bool,
}

/// Looks for our own cgroups on this machine.
pub(crate) fn detect() -> Result<Layout, Unsupported> {
    let cgroup = read("/proc/self/cgroup")?;
    let mountinfo = read("/proc/self/mountinfo")?;
    let mut hierarchies = Vec::new();
    let mut seen: Vec<Vec<String>> = Vec::new();
    for place in mounts::places(&cgroup, &mountinfo) {
        // A mount may be hidden below another one; only a look at it tells.
        if !seen.contains(&place.controllers) && place.own.join("cgroup.procs").exists() {
            seen.push(place.controllers.clone());
            hierarchies.extend(hierarchy(&place));
        }
    }
    if hierarchies.is_empty() {
        return Err(unsupported(
            "a cgroup",
            "no cgroup hierarchy that shows our own cgroup is mounted",
            render::MOUNT_CGROUPS,
        ));
    }
    Ok(Layout { hierarchies })
}

/// Where a process is in the v2 hierarchy.
#[cfg(feature = "systemd")]
pub(super) fn v2_place(pid: i32) -> Option<Place> {
    let cgroup = fs::read(format!("/proc/{pid}/cgroup")).ok()?;
    let mountinfo = fs::read("/proc/self/mountinfo").ok()?;
    let mut places = mounts::places(&cgroup, &mountinfo).into_iter();
    places.find(|place| place.v2 && place.own.join("cgroup.procs").exists())
}

fn read(path: &str) -> Result<Vec<u8>, Unsupported> {
    fs::read(path).map_err(|error| unsupported("a cgroup", &format!("{path}: {error}"), "mount /proc"))
}

fn hierarchy(place: &Place) -> Option<Hierarchy> {
    if place.v2 {
        let rungs = ladder::ready(&place.own, &place.point);
        let (has, ladder) = (ladder::has(&place.point), Some(place.clone()));
        return Some(Hierarchy { rungs, has, ladder, ..Hierarchy::default() });
    }
    // A v1 hierarchy without a controller that we use (freezer, name=systemd) stays unused.
    let controllers = Controller::among(&place.controllers);
    if controllers.is_empty() {
        return None;
    }
    let mut hierarchy = Hierarchy::v1(&place.own, controllers);
    hierarchy.rungs[0].refusal = domain::refusal(&place.own);
    Some(hierarchy)
}

fn unsupported(need: &str, found: &str, remedy: &str) -> Unsupported {
    let [need, found, remedy] = [need, found, remedy].map(str::to_owned);
    Unsupported { need, found, remedy, step: None }
}

impl Hierarchy {
    /// A v1 hierarchy: the leaf lies below our own cgroup, and all its controllers come with it.
    pub(crate) fn v1(own: &Path, controllers: Vec<Controller>) -> Self {
        let rung = Rung {
            name: "below our own cgroup",
            parent: own.to_owned(),
            enabled: controllers,
            may_enable: Vec::new(),
            refusal: None,
        };
        Self { version: Version::V1, rungs: vec![rung], ..Self::default() }
    }
}

impl Layout {
    /// The same with every rung that can be had, and these arranged: our processes may be moved, and systemd
    /// be asked.
    #[must_use]
    pub(crate) fn climb(mut self) -> Self {
        self.hierarchies.iter_mut().for_each(Hierarchy::climb);
        self
    }

    /// Whether leaves with these limits can be made, as far as it can be known without making one.
    pub(crate) fn supports(&self, limits: &LeafLimits) -> Result<(), Unsupported> {
        for (need, controller) in limits.needs() {
            let name = controller.name();
            let Some(hierarchy) = self.of(controller) else {
                let (found, remedy) = render::no_leaf(&self.hierarchies, &[name]);
                return Err(unsupported(need, &found, &remedy));
            };
            // On v2 the controllers must come together: one leaf holds them all.
            let together = in_hierarchy(hierarchy, limits);
            if !hierarchy.offers(&together) {
                let names: Vec<&str> = together.iter().map(|controller| controller.name()).collect();
                let (found, remedy) = render::no_leaf(std::slice::from_ref(hierarchy), &names);
                return Err(unsupported(need, &found, &remedy));
            }
            let v1 = hierarchy.version == Version::V1;
            if v1 && limits.swap_max.is_some() && limits.memory_max.is_none() {
                let found = "cgroup v1 limits swap only together with memory";
                return Err(unsupported("swap = ...", found, "give `mem = ...`, too"));
            }
        }
        if limits.cpu_time { self.counts_cpu_time() } else { Ok(()) }
    }

    fn counts_cpu_time(&self) -> Result<(), Unsupported> {
        let need = "cpu_time = ...";
        let Some(hierarchy) = self.cpu_time() else {
            let found = "neither a cgroup v2 hierarchy nor the cpuacct controller is mounted";
            return Err(unsupported(need, found, render::MOUNT_CGROUPS));
        };
        if !hierarchy.offers(&[]) {
            let (found, remedy) = render::no_leaf(&self.hierarchies, &[]);
            return Err(unsupported(need, &found, &remedy));
        }
        Ok(())
    }

    fn of(&self, controller: Controller) -> Option<&Hierarchy> {
        self.hierarchies.iter().find(|hierarchy| hierarchy.offers(&[controller]))
    }

    /// The hierarchy that counts cpu time: v2 does so even without its cpu controller.
    fn cpu_time(&self) -> Option<&Hierarchy> {
        let v2 = self.hierarchies.iter().find(|hierarchy| hierarchy.version == Version::V2);
        v2.or_else(|| self.of(Controller::Cpuacct))
    }

    /// The hierarchies that a leaf with these limits is made in. Each one costs time (the first 200 µs,
    /// each further one 80 µs), so v1 ones without a limit or a wanted figure are left alone.
    pub(super) fn joins(&self, limits: &LeafLimits) -> Vec<Join<'_>> {
        let timed = self.cpu_time();
        let mut joins = Vec::new();
        for hierarchy in &self.hierarchies {
            let needed = in_hierarchy(hierarchy, limits);
            let mut wanted = vec![Controller::Memory, Controller::Pids, Controller::Io];
            wanted.retain(|controller| hierarchy.offers(&[*controller]));
            let times = timed.is_some_and(|timed| std::ptr::eq(timed, hierarchy));
            if !needed.is_empty() || !wanted.is_empty() || times {
                let required = !needed.is_empty() || (times && limits.cpu_time);
                joins.push(Join { hierarchy, needed, wanted, required });
            }
        }
        joins
    }
}

/// The controllers of this hierarchy that the limits need.
fn in_hierarchy(hierarchy: &Hierarchy, limits: &LeafLimits) -> Vec<Controller> {
    let mut found = Vec::new();
    for (_, controller) in limits.needs() {
        if hierarchy.offers(&[controller]) && !found.contains(&controller) {
            found.push(controller);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use Controller::{Cpu, Cpuacct, Cpuset, Io, Memory, Pids};

    fn v2(enabled: &[Controller]) -> Hierarchy {
        let rung = Rung {
            name: "test",
            parent: PathBuf::from("/v2"),
            enabled: enabled.to_vec(),
            may_enable: Vec::new(),
            refusal: None,
        };
        Hierarchy { rungs: vec![rung], ..Hierarchy::default() }
    }

    fn v1(controllers: &[Controller]) -> Hierarchy {
        Hierarchy::v1(Path::new("/v1"), controllers.to_vec())
    }

    /// (controllers of the hierarchy, required) of each hierarchy that is joined.
    fn joined(layout: &Layout, limits: &LeafLimits) -> Vec<(Vec<Controller>, bool)> {
        let joins = layout.joins(limits).into_iter();
        joins.map(|join| (join.hierarchy.rungs[0].enabled.clone(), join.required)).collect()
    }

    fn limits() -> LeafLimits {
        LeafLimits { memory_max: Some(1), ..LeafLimits::default() }
    }

    #[test]
    fn a_hybrid_leaf_joins_what_it_needs_and_what_is_cheap() {
        let all = [&[Memory][..], &[Pids], &[Cpu], &[Cpuacct], &[Cpuset]];
        let mut layout = Layout { hierarchies: all.map(v1).to_vec() };
        layout.hierarchies.push(v2(&[]));
        let (memory, pids, unified) = ((vec![Memory], true), (vec![Pids], false), (vec![], false));
        assert_eq!(joined(&layout, &limits()), [memory.clone(), pids.clone(), unified.clone()]);
        let cpu = LeafLimits { cpu_max_millis: Some(1), ..limits() };
        assert_eq!(joined(&layout, &cpu), [memory.clone(), pids.clone(), (vec![Cpu], true), unified.clone()]);
        let timed = LeafLimits { cpu_time: true, ..limits() };
        assert_eq!(joined(&layout, &timed), [memory.clone(), pids.clone(), (vec![], true)]);
        // Without the unified directory cpuacct counts the time.
        layout.hierarchies.pop();
        assert_eq!(joined(&layout, &timed), [memory, pids, (vec![Cpuacct], true)]);
    }

    #[test]
    fn controllers_that_are_mounted_together() {
        let layout = Layout { hierarchies: vec![v1(&[Memory]), v1(&[Cpu, Cpuacct])] };
        let both = (vec![Cpu, Cpuacct], true);
        let cpu = LeafLimits { cpu_max_millis: Some(1), ..LeafLimits::default() };
        assert_eq!(joined(&layout, &cpu), [(vec![Memory], false), both]);
    }

    #[test]
    fn pure_v2() {
        let all = Layout { hierarchies: vec![v2(&[Memory, Pids, Cpu, Io])] };
        let limits = LeafLimits { pids_max: Some(1), cpu_time: true, ..limits() };
        assert_eq!(all.supports(&limits), Ok(()));
        let joins = all.joins(&limits);
        assert_eq!((joins.len(), &joins[0].needed[..]), (1, &[Memory, Pids][..]));
        assert_eq!(joins[0].wanted, [Memory, Pids, Io]);
        let missing = Layout { hierarchies: vec![v2(&[Pids])] }.supports(&limits).unwrap_err();
        assert_eq!(missing.need, "mem = ...");
        assert!(missing.remedy.contains("harness scope"), "{missing:?}");
        // Each controller is there, but no one cgroup has both.
        let mut split = v2(&[Memory]);
        split.rungs.extend(v2(&[Pids]).rungs);
        let missing = Layout { hierarchies: vec![split] }.supports(&limits).unwrap_err();
        assert!(missing.found.contains("; /v2 enables pids"), "{missing:?}");
    }

    #[test]
    fn this_machine_has_a_layout_of_existing_cgroups() {
        let layout = detect().unwrap();
        let mut parents = layout.hierarchies.iter().flat_map(|hierarchy| &hierarchy.rungs);
        assert!(parents.all(|rung| rung.parent.join("cgroup.procs").exists()));
    }
}
