//! What cgroup v2 calls things (Documentation/admin-guide/cgroup-v2.rst).

use super::layout::Controller;
use super::limits::{LeafLimits, Quota, Repeats, Setting};

/// What is written for the limits of one controller.
pub(super) fn settings(limits: &LeafLimits, controller: Controller) -> Vec<Setting> {
    let one = match controller {
        Controller::Memory => return memory(limits),
        Controller::Pids => limits.pids_max.map(|max| Setting::new("pids.max", max, Repeats::Exactly)),
        Controller::Cpu => limits.cpu_max_millis.map(cpu),
        Controller::Cpuset => limits.cpuset_cpus.as_deref().map(cpuset),
        Controller::Cpuacct | Controller::Io => None,
    };
    one.into_iter().collect()
}

fn memory(limits: &LeafLimits) -> Vec<Setting> {
    let memory = limits.memory_max.map(|max| Setting::new("memory.max", max, Repeats::InPages));
    let swap = limits
        .swap_max
        .map(|max| Setting { swap: true, ..Setting::new("memory.swap.max", max, Repeats::InPages) });
    memory.into_iter().chain(swap).collect()
}

fn cpu(millis: u32) -> Setting {
    let Quota { quota, period } = Quota::of(millis);
    Setting::new("cpu.max", format!("{quota} {period}"), Repeats::Exactly)
}

/// v2 takes any list into `cpuset.cpus` and, where the parent has none of it, runs on all the parent's
/// CPUs: only `cpuset.cpus.effective` tells the truth.
fn cpuset(cpus: &str) -> Setting {
    let asked = Setting::new("cpuset.cpus", cpus, Repeats::AsCpuList);
    Setting { confirm: "cpuset.cpus.effective", ..asked }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_file_for_each_limit() {
        let limits = LeafLimits {
            memory_max: Some(100),
            swap_max: Some(20),
            pids_max: Some(3),
            cpu_max_millis: Some(1500),
            cpuset_cpus: Some("0".to_owned()),
            cpu_time: true,
        };
        let all = [Controller::Memory, Controller::Pids, Controller::Cpu, Controller::Cpuset];
        let written: Vec<_> = all
            .into_iter()
            .flat_map(|controller| settings(&limits, controller))
            .map(|one| (one.file, one.value))
            .collect();
        let expected = [
            ("memory.max", "100"),
            ("memory.swap.max", "20"),
            ("pids.max", "3"),
            ("cpu.max", "150000 100000"),
            ("cpuset.cpus", "0"),
        ];
        assert_eq!(written, expected.map(|(file, value)| (file, value.to_owned())));
        assert!(all.into_iter().all(|one| settings(&LeafLimits::default(), one).is_empty()));
    }
}
