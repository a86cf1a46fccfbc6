//! Real leaves, seen from outside. Where this machine has no memory controller for us, they fail, unless
//! `HARNESS_UNSUPPORTED=skip`.

mod endings;
mod limiting;
mod making;

use std::fs;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use nix::errno::Errno;

use super::layout::{Controller, Hierarchy, Version};
use super::{Layout, Leaf, LeafLimits, files, kmsg, remove as removal};
use crate::error::{Cause, Object, Step};
use crate::evidence::{Oom, OomBy, Usage};
use std::time::Duration;

const MIB: u64 = 1 << 20;

/// Takes memory until it is killed.
const HOG: &str = "tail /dev/zero";

/// A leaf with these limits; none if that is to be skipped.
fn leaf(limits: &LeafLimits) -> Option<Leaf> {
    let layout = layout(limits)?;
    Some(Leaf::make(&layout, limits).unwrap())
}

fn layout(limits: &LeafLimits) -> Option<Layout> {
    let found = crate::host::get(Some(limits)).and_then(|host| host.cgroups.clone());
    let found = found.and_then(|layout| layout.supports(limits).map(|()| layout));
    match found {
        Ok(layout) => Some(layout),
        Err(missing) if std::env::var_os("HARNESS_UNSUPPORTED").is_some_and(|value| value == "skip") => {
            eprintln!("skipped: {missing:?}");
            None
        }
        Err(missing) => panic!("{missing:?}"),
    }
}

fn memory(mib: u64) -> LeafLimits {
    LeafLimits { memory_max: Some(mib * MIB), swap_max: Some(0), ..LeafLimits::default() }
}

/// A shell that enters the leaf and then runs the script; `$M` is the directory with the memory limit.
fn shell(leaf: &Leaf, script: &str) -> Command {
    let enter: String =
        leaf.paths().iter().map(|dir| format!("echo 0 > {}/cgroup.procs\n", dir.display())).collect();
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(format!("set -e\n{enter}set +e\n{script}"));
    command.env("M", memory_dir(leaf)).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn run(leaf: &Leaf, script: &str) -> ExitStatus {
    shell(leaf, script).status().unwrap()
}

fn memory_dir(leaf: &Leaf) -> PathBuf {
    let node = leaf.nodes.iter().find(|node| node.has(Controller::Memory));
    node.map(|node| node.dir.clone()).unwrap_or_default()
}

fn evidence(leaf: &mut Leaf) -> (Option<Oom>, Usage) {
    let mut usage = Usage::default();
    let oom = leaf.oom(&mut usage).unwrap();
    leaf.figures(&mut usage);
    (oom, usage)
}

/// Removes the leaf and looks that nothing is left of it.
fn remove(leaf: Leaf) {
    let paths = leaf.paths();
    leaf.remove().unwrap();
    assert_eq!(paths.iter().filter(|path| path.exists()).collect::<Vec<_>>(), Vec::<&PathBuf>::new());
}

/// A cgroup of the test's own, below ours, in one v1 hierarchy: an ancestor for leaves.
struct Ancestor(PathBuf);

impl Ancestor {
    fn make(controller: Controller) -> Option<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let layout = layout(&LeafLimits::default())?;
        let v1 = |hierarchy: &&Hierarchy| hierarchy.version == Version::V1;
        let mut hierarchies = layout.hierarchies.iter().filter(v1);
        let own = hierarchies.find(|hierarchy| hierarchy.rungs[0].offers(&[controller]))?;
        let name = format!("harness-test.{}.{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let dir = own.rungs[0].parent.join(name);
        fs::create_dir(&dir).unwrap();
        Some(Self(dir))
    }

    fn hierarchy(&self, controller: Controller) -> Hierarchy {
        Hierarchy::v1(&self.0, vec![controller])
    }

    /// Leaves below it and nowhere else.
    fn layout(&self) -> Layout {
        Layout { hierarchies: vec![self.hierarchy(Controller::Memory)] }
    }

    fn children(&self) -> Vec<PathBuf> {
        files::children(&self.0).unwrap()
    }
}

impl Drop for Ancestor {
    fn drop(&mut self) {
        // A failed test must not leave the machine changed; its own message counts.
        let _ = removal::remove(std::slice::from_ref(&self.0), removal::PATIENCE);
    }
}
