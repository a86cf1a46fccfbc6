//! The figures of a leaf, each with the file it was read from. What is not there stays absent.

use std::time::Duration;

use super::files::keyed;
use super::layout::{Controller, Version};
use super::node::Node;
use crate::evidence::{Measured, Pressure, Usage};

/// The cpu time used so far.
pub(super) fn cpu_time(nodes: &[Node]) -> Option<Duration> {
    // v2 counts it without its cpu controller, and so on hybrid machines, too.
    let v2 = nodes.iter().find(|node| node.version == Version::V2).and_then(|node| node.text("cpu.stat"));
    v2.and_then(|text| keyed(&text, "usage_usec")).map(Duration::from_micros).or_else(|| {
        let node = nodes.iter().find(|node| node.has(Controller::Cpuacct))?;
        node.number("cpuacct.usage").map(Duration::from_nanos)
    })
}

/// Fills in every figure that the leaf has.
pub(super) fn fill(nodes: &[Node], usage: &mut Usage) {
    for node in nodes {
        match node.version {
            Version::V1 => v1(node, usage),
            Version::V2 => v2(node, usage),
        }
        if node.has(Controller::Pids) {
            pids(node, usage);
        }
    }
}

fn v1(node: &Node, usage: &mut Usage) {
    if node.has(Controller::Memory) {
        let file = "memory.max_usage_in_bytes";
        usage.memory_peak = node.number(file).map(|bytes| Measured::new(bytes, file));
        let memory = confirmed(node, "memory.limit_in_bytes");
        let both = confirmed(node, "memory.memsw.limit_in_bytes");
        // v1 limits the sum, and knows a peak of the sum only: swap's own peak is not to be had.
        usage.swap_limit = memory.as_ref().zip(both).and_then(|(memory, both)| {
            Some(Measured::new(both.value.checked_sub(memory.value)?, both.source))
        });
        usage.memory_limit = memory;
    }
    if node.has(Controller::Cpu) {
        throttling(node, "throttled_time", Duration::from_nanos, usage);
    }
    if node.has(Controller::Cpuacct) && usage.cpu_user.is_none() {
        let read = |file| Some(Measured::new(Duration::from_nanos(node.number(file)?), file));
        usage.cpu_user = read("cpuacct.usage_user");
        usage.cpu_system = read("cpuacct.usage_sys");
    }
}

fn v2(node: &Node, usage: &mut Usage) {
    if node.has(Controller::Memory) {
        let read = |file| node.number(file).map(|bytes| Measured::new(bytes, file));
        usage.memory_peak = read("memory.peak");
        usage.swap_peak = read("memory.swap.peak");
        usage.memory_limit = confirmed(node, "memory.max");
        usage.swap_limit = confirmed(node, "memory.swap.max");
    }
    let cpu = node.text("cpu.stat").unwrap_or_default();
    let time = |key| Some(Measured::new(Duration::from_micros(keyed(&cpu, key)?), "cpu.stat"));
    usage.cpu_user = time("user_usec");
    usage.cpu_system = time("system_usec");
    if node.has(Controller::Cpu) {
        throttling(node, "throttled_usec", Duration::from_micros, usage);
    }
    if node.has(Controller::Io) {
        io(node, usage);
    }
    usage.pressure_cpu = pressure(node, "cpu.pressure");
    usage.pressure_memory = pressure(node, "memory.pressure");
    usage.pressure_io = pressure(node, "io.pressure");
}

fn throttling(node: &Node, key: &str, unit: fn(u64) -> Duration, usage: &mut Usage) {
    let text = node.text("cpu.stat").unwrap_or_default();
    let periods = keyed(&text, "nr_throttled");
    usage.cpu_throttled_periods = periods.map(|count| Measured::new(count, "cpu.stat"));
    usage.cpu_throttled = keyed(&text, key).map(|time| Measured::new(unit(time), "cpu.stat"));
}

fn pids(node: &Node, usage: &mut Usage) {
    usage.pids_peak = node.number("pids.peak").map(|count| Measured::new(count, "pids.peak"));
    usage.pids_limit = confirmed(node, "pids.max");
    let events = node.text("pids.events").unwrap_or_default();
    usage.pids_refused = keyed(&events, "max").map(|count| Measured::new(count, "pids.events"));
}

/// One line a device: `259:0 rbytes=4096 wbytes=0 ...`. A guest without io has an empty file.
fn io(node: &Node, usage: &mut Usage) {
    let Some(text) = node.text("io.stat") else { return };
    let sum = |key: &str| {
        let values = text.split_whitespace().filter_map(|word| word.strip_prefix(key));
        Some(Measured::new(values.filter_map(|value| value.parse::<u64>().ok()).sum(), "io.stat"))
    };
    usage.io_read = sum("rbytes=");
    usage.io_written = sum("wbytes=");
}

/// `some avg10=0.00 avg60=0.00 avg300=0.00 total=15` and, but for older cpu.pressure, `full ...`
/// (psi.rst); totals are µs.
fn pressure(node: &Node, file: &'static str) -> Option<Measured<Pressure>> {
    let text = node.text(file)?;
    let total = |kind: &str| {
        let line = text.lines().find(|line| line.starts_with(kind))?;
        line.rsplit_once("total=")?.1.parse().ok().map(Duration::from_micros)
    };
    Some(Measured::new(Pressure { some: total("some ")?, full: total("full ") }, file))
}

fn confirmed(node: &Node, file: &'static str) -> Option<Measured<u64>> {
    let limit = node.confirmed.iter().find(|limit| limit.file == file)?;
    Some(Measured::new(limit.value.parse().ok()?, file))
}
