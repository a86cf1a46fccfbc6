//! What cgroup v1 calls things (Documentation/admin-guide/cgroup-v1/).

use std::path::Path;

use super::files;
use super::layout::Controller;
use super::limits::{LeafLimits, Quota, Repeats, Setting};
use crate::error::{At, Object, SetupError, Step};

/// What is written for the limits of one controller.
///
/// The order matters: `memory.limit_in_bytes` may never exceed `memory.memsw.limit_in_bytes`, and a new
/// leaf has neither (memory.rst, 2.4).
pub(super) fn settings(limits: &LeafLimits, controller: Controller) -> Vec<Setting> {
    match controller {
        Controller::Memory => memory(limits),
        Controller::Pids => {
            limits.pids_max.map(|max| Setting::new("pids.max", max, Repeats::Exactly)).into_iter().collect()
        }
        Controller::Cpu => limits.cpu_max_millis.map_or_else(Vec::new, cpu),
        Controller::Cpuset => limits
            .cpuset_cpus
            .iter()
            .map(|cpus| Setting::new("cpuset.cpus", cpus, Repeats::AsCpuList))
            .collect(),
        Controller::Cpuacct | Controller::Io => Vec::new(),
    }
}

fn memory(limits: &LeafLimits) -> Vec<Setting> {
    let Some(memory) = limits.memory_max else {
        return Vec::new();
    };
    let mut settings = vec![Setting::new("memory.limit_in_bytes", memory, Repeats::InPages)];
    if let Some(swap) = limits.swap_max {
        let both = memory.saturating_add(swap);
        let memsw = Setting::new("memory.memsw.limit_in_bytes", both, Repeats::InPages);
        settings.push(Setting { swap: true, ..memsw });
    }
    settings
}

fn cpu(millis: u32) -> Vec<Setting> {
    let Quota { quota, period } = Quota::of(millis);
    vec![
        Setting::new("cpu.cfs_period_us", period, Repeats::Exactly),
        Setting::new("cpu.cfs_quota_us", quota, Repeats::Exactly),
    ]
}

/// A new cpuset is empty, and no process can enter it before both its lists are set: cpusets.rst, 1.9
/// (`cgroup.clone_children` would do it, for everybody else's children, too).
pub(super) fn prepare(dir: &Path, controllers: &[Controller]) -> Result<(), SetupError> {
    if controllers.contains(&Controller::Cpuset) {
        for file in ["cpuset.cpus", "cpuset.mems"] {
            let source = dir.parent().unwrap_or(dir).join(file);
            let value = files::read(&source).at(Step::ReadLeaf, &source)?;
            let (path, value) = (dir.join(file), value.trim().to_owned());
            files::write(&path, &value).at(Step::WriteLimit, Object::Write { path, value })?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(limits: &LeafLimits, controller: Controller) -> Vec<(&'static str, String)> {
        settings(limits, controller).into_iter().map(|one| (one.file, one.value)).collect()
    }

    #[test]
    fn memory_before_memory_and_swap() {
        let limits = LeafLimits { memory_max: Some(100), swap_max: Some(20), ..LeafLimits::default() };
        let expected = [("memory.limit_in_bytes", "100"), ("memory.memsw.limit_in_bytes", "120")];
        assert_eq!(
            written(&limits, Controller::Memory),
            expected.map(|(file, value)| (file, value.to_owned()))
        );
        assert!(written(&limits, Controller::Cpu).is_empty());
    }

    #[test]
    fn cpu_quota() {
        for (millis, quota) in [(500, "50000"), (2000, "200000"), (10, "1000"), (9, "9000"), (1, "1000")] {
            let limits = LeafLimits { cpu_max_millis: Some(millis), ..LeafLimits::default() };
            assert_eq!(written(&limits, Controller::Cpu)[1], ("cpu.cfs_quota_us", quota.to_owned()));
        }
    }
}
