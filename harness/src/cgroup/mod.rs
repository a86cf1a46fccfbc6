//! One run's cgroup leaf: made with its limits in force before the first process enters, read after the
//! guest's end, removed with everything in it.
//!
//! ```text
//! detect ─ Layout ─ supports(limits)         once: where may leaves be made?      layout, mounts, ladder
//!             ├ climb                        once, if these places do not do      ladder, domain, evacuate, systemd
//!             └ Leaf::make                   mkdir in each hierarchy, limits      node, limits, v1, v2
//!                 ├ entrances, clone_into    the guest enters
//!                 ├ sample, cpu_time         now and then, while it runs          memory_stat
//!                 ├ evidence                 OOM? whose limit? figures            oom, oom_report, kmsg, figures
//!                 └ remove                   kill, rmdir                          remove
//! ```
//! Leaves of runners that were killed are swept by the next one (`name`, `sweep`).
//!
//! A *hierarchy* is one mount of cgroup v1, or the v2 one; a leaf has one directory in each that it uses.
//! What a limit needs must work. Everything else (pids for its peak, the v2 hierarchy of a hybrid
//! machine for cpu time and pressure) is optional: without it, its figures are absent.

mod domain;
mod evacuate;
mod figures;
mod files;
mod kmsg;
mod ladder;
mod layout;
mod limits;
mod memory_stat;
mod mounts;
mod node;
mod oom;
mod oom_report;
mod own;
mod remove;
#[cfg(feature = "cli")]
mod scope;
mod sweep;
#[cfg(feature = "systemd")]
mod systemd;
#[cfg(test)]
mod tests;
mod v1;
mod v2;

use std::os::fd::{AsFd, BorrowedFd};
use std::path::PathBuf;
use std::time::Duration;

pub(crate) use self::evacuate::Crowded;
pub(crate) use self::ladder::{Missed, Rung};
pub(crate) use self::layout::{Controller, Hierarchy, Layout, Version, detect};
pub(crate) use self::limits::LeafLimits;
use self::memory_stat::Sample;
use self::node::Node;
use self::oom::Watch;
pub(crate) use self::own::own_v2;
#[cfg(feature = "cli")]
pub(crate) use self::scope::{NoPlace, arrange};
use crate::error::{At, SetupError, Step};
use crate::evidence::{Oom, Process, Usage};
use crate::maker::Maker;

/// A cgroup of one run. Dropped without [`Leaf::remove`], it is removed silently.
#[derive(Debug, Default)]
pub(crate) struct Leaf {
    nodes: Vec<Node>,
    watch: Watch,
    sample: Option<Sample>,
    /// An OOM kill was found: the memory is freed, and what is there now would explain nothing.
    struck: bool,
    sweep_failures: Vec<SetupError>,
}

impl Leaf {
    /// Makes a leaf with these limits, confirmed. On error nothing is left.
    pub(crate) fn make(layout: &Layout, limits: &LeafLimits) -> Result<Self, SetupError> {
        let us = Maker::this_process().at(Step::MakeLeaf, "/proc/self")?;
        let name = us.next_name();
        // From here on Drop removes what there is.
        let mut leaf = Self::default();
        for join in layout.joins(limits) {
            match Node::make(&join, &name, limits) {
                Ok(node) => {
                    leaf.sweep_failures.extend(sweep::once(node.parent(), us));
                    leaf.nodes.push(node);
                }
                Err(error) if join.required => return Err(error),
                // Optional: its figures are absent, which the report shows.
                Err(_) => {}
            }
        }
        leaf.watch = Watch::start(&leaf.nodes, &name);
        Ok(leaf)
    }

    /// For v1 hierarchies, `tasks` open for writing: the body, one thread, writes `0` to each.
    pub(crate) fn entrances(&self) -> Vec<BorrowedFd<'_>> {
        self.of_version(Version::V1).map(|node| node.entrance.as_fd()).collect()
    }

    /// The v2 directory: the body is born in it (CLONE_INTO_CGROUP, clone(2)), or enters by its
    /// `cgroup.procs`.
    pub(crate) fn clone_into(&self) -> Option<BorrowedFd<'_>> {
        self.of_version(Version::V2).next().map(|node| node.entrance.as_fd())
    }

    fn of_version(&self, version: Version) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(move |node| node.version == version)
    }

    /// The name of each of its directories.
    pub(crate) fn name(&self) -> String {
        let name = self.nodes.first().and_then(|node| node.dir.file_name());
        name.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }

    /// Its directories.
    pub(crate) fn paths(&self) -> Vec<PathBuf> {
        self.nodes.iter().map(|node| node.dir.clone()).collect()
    }

    /// Where each of [`Leaf::paths`] was made: the name of the rung.
    pub(crate) fn rungs(&self) -> Vec<&'static str> {
        self.nodes.iter().map(|node| node.rung).collect()
    }

    /// What the first leaf of a process could not sweep away of dead runners' leaves.
    pub(crate) fn sweep_failures(&mut self) -> Vec<SetupError> {
        std::mem::take(&mut self.sweep_failures)
    }

    /// Remembers what the memory is made of now, so that an OOM can be explained afterwards.
    pub(crate) fn sample(&mut self) {
        if let Some(sample) = Sample::take(&self.nodes) {
            self.sample = Some(sample);
        }
    }

    /// The cpu time used so far by everything that is or was inside.
    pub(crate) fn cpu_time(&self) -> Option<Duration> {
        figures::cpu_time(&self.nodes)
    }

    /// Whether the OOM killer struck. To be called after the guest's end and before removal.
    ///
    /// # Errors
    /// An unreadable `oom_kill` is an error, never "no".
    pub(crate) fn oom(&mut self, usage: &mut Usage) -> Result<Option<Oom>, SetupError> {
        let Some(struck) = self.watch.finish(&self.nodes)? else { return Ok(None) };
        self.struck = true;
        usage.memory_stat = struck.memory_stat.or_else(|| self.sample.as_ref().map(Sample::measured));
        Ok(Some(struck.oom))
    }

    /// Whether the limits were in force to the end. To be called before removal.
    ///
    /// # Errors
    /// The first one that is not, or not to be seen, any more.
    pub(crate) fn limits_held(&self) -> Result<(), SetupError> {
        let mut all =
            self.nodes.iter().flat_map(|node| node.confirmed.iter().map(|limit| (limit, &node.dir)));
        all.try_for_each(|(limit, dir)| limit.still_holds(dir))
    }

    /// Fills in the figures; one that cannot be read is absent. About 0.1 ms, so only for somebody who
    /// reads them.
    pub(crate) fn figures(&self, usage: &mut Usage) {
        figures::fill(&self.nodes, usage);
        if !self.struck {
            usage.memory_stat = Sample::take(&self.nodes).map(Sample::at_the_end);
        }
    }

    /// Who is inside, for a guest whose init could not tell.
    pub(crate) fn inhabitants(&self) -> Vec<Process> {
        remove::inhabitants(&self.paths())
    }

    /// Kills everything inside and removes the directories.
    pub(crate) fn remove(mut self) -> Result<(), SetupError> {
        self.clear()
    }

    fn clear(&mut self) -> Result<(), SetupError> {
        let dirs = self.paths();
        self.nodes.clear();
        remove::remove(&dirs, remove::PATIENCE)
    }
}

impl Drop for Leaf {
    fn drop(&mut self) {
        // A panicking runner, or an error that is already on its way: this one must not replace it, and
        // the next runner's sweep tries again.
        let _ = self.clear();
    }
}
