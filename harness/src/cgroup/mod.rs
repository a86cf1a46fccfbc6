//! One run's cgroup leaf: made with its limits in force before the first process enters, read after the
//! guest's end, removed with everything in it.
//!
//! ```text
//! detect ─ Layout ─ supports(limits)         once: where may leaves be made?      layout, mounts, ladder
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

mod figures;
mod files;
mod kmsg;
mod ladder;
mod layout;
mod limits;
mod memory_stat;
mod mounts;
mod name;
mod node;
mod oom;
mod oom_report;
mod remove;
mod sweep;
#[cfg(test)]
mod tests;
mod v1;
mod v2;

use std::os::fd::{AsFd, BorrowedFd};
use std::path::PathBuf;
use std::time::Duration;

pub(crate) use self::layout::{Layout, detect};
pub(crate) use self::limits::LeafLimits;
use self::memory_stat::Sample;
use self::name::Maker;
use self::node::Node;
use self::oom::Watch;
use crate::error::{At, SetupError, Step};
use crate::evidence::{Oom, Usage};

/// A cgroup of one run. Dropped without [`Leaf::remove`], it is removed silently.
#[derive(Debug)]
pub(crate) struct Leaf {
    nodes: Vec<Node>,
    watch: Watch,
    sample: Option<Sample>,
    sweep_failures: Vec<SetupError>,
}

impl Leaf {
    /// Makes a leaf with these limits, confirmed. On error nothing is left.
    pub(crate) fn make(layout: &Layout, limits: &LeafLimits) -> Result<Self, SetupError> {
        let us = Maker::this_process().at(Step::MakeLeaf, "/proc/self")?;
        let name = us.next_name();
        // From here on Drop removes what there is.
        let mut leaf =
            Self { nodes: Vec::new(), watch: Watch::default(), sample: None, sweep_failures: Vec::new() };
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

    /// Each `cgroup.procs`, open for writing: a process that writes `0` to all of them is inside. One that
    /// came by [`Leaf::clone_into`] is in the v2 directory already, and writing there changes nothing.
    pub(crate) fn entrances(&self) -> Vec<BorrowedFd<'_>> {
        self.nodes.iter().map(|node| node.procs.as_fd()).collect()
    }

    /// The v2 directory, for CLONE_INTO_CGROUP (clone(2)).
    pub(crate) fn clone_into(&self) -> Option<BorrowedFd<'_>> {
        self.nodes.iter().find_map(|node| node.handle.as_ref()).map(AsFd::as_fd)
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
    pub(crate) fn sweep_failures(&self) -> &[SetupError] {
        &self.sweep_failures
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

    /// Fills in the figures and tells whether the OOM killer struck. To be called after the guest's end
    /// and before removal. A figure that cannot be read is absent; an unreadable `oom_kill` is an error.
    pub(crate) fn evidence(&mut self, usage: &mut Usage) -> Result<Option<Oom>, SetupError> {
        figures::fill(&self.nodes, usage);
        let struck = self.watch.finish(&self.nodes)?;
        let stat = struck.as_ref().and_then(|struck| struck.memory_stat.clone());
        let sampled = || self.sample.as_ref().map(Sample::measured);
        usage.memory_stat = match struck {
            // After the kill the memory is freed: what is there now would explain nothing.
            Some(_) => stat.or_else(sampled),
            None => Sample::take(&self.nodes).map(Sample::at_the_end),
        };
        Ok(struck.map(|struck| struck.oom))
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
