//! Where this very process is: for a guest that looks at its own leaf.

use std::fs;
use std::path::PathBuf;

use super::mounts;

/// The directory of this process's v2 cgroup, where one is mounted.
pub(crate) fn own_v2() -> Option<PathBuf> {
    let cgroup = fs::read("/proc/self/cgroup").ok()?;
    let mountinfo = fs::read("/proc/self/mountinfo").ok()?;
    let mut places = mounts::places(&cgroup, &mountinfo).into_iter();
    places.find(|place| place.v2 && place.own.join("cgroup.procs").exists()).map(|place| place.own)
}
