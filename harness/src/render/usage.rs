//! What a run used, in a few words. A figure that is not to be had is left out.

use crate::evidence::Usage;
use crate::render::words::{size, time};

/// `1.3 s wall, 210 ms cpu (190 ms user, 20 ms system), throttled for 300 ms`.
pub(super) fn took(usage: &Usage) -> String {
    let throttled = usage.cpu_throttled.as_ref().filter(|throttled| !throttled.value.is_zero());
    let throttled = throttled.map(|throttled| format!("throttled for {}", time(throttled.value)));
    let parts = [Some(format!("{} wall", time(usage.wall))), cpu(usage), throttled];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn cpu(usage: &Usage) -> Option<String> {
    let (user, system) = (usage.cpu_user.as_ref()?.value, usage.cpu_system.as_ref()?.value);
    Some(format!("{} cpu ({} user, {} system)", time(user + system), time(user), time(system)))
}

/// `peak 12 MiB of 100 MiB`, or the largest process where nothing counted all of them.
pub(super) fn memory(usage: &Usage) -> Option<String> {
    let limit = usage.memory_limit.as_ref().map(|limit| format!(" of {}", size(limit.value)));
    let peak = usage.memory_peak.as_ref().map(|peak| format!("peak {}", size(peak.value)));
    let largest = || usage.maxrss.as_ref().map(|largest| format!("largest process {}", size(largest.value)));
    peak.map(|peak| peak + &limit.unwrap_or_default()).or_else(largest)
}

/// All of it on one line.
pub(super) fn line(usage: &Usage) -> String {
    let parts = [Some(took(usage)), memory(usage).map(|memory| format!("memory {memory}")), pids(usage)];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn pids(usage: &Usage) -> Option<String> {
    let peak = usage.pids_peak.as_ref()?.value;
    let limit = usage.pids_limit.as_ref().map(|limit| format!(" of {}", limit.value));
    Some(format!("pids peak {peak}{}", limit.unwrap_or_default()))
}
