//! The figures of a leaf, each with the file it was read from.
//!
//! What is not there stays as it was: absent, or the body's rusage, which is less than the whole leaf.

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

fn put<T>(field: &mut Option<Measured<T>>, found: Option<T>, source: &'static str) {
    if let Some(value) = found {
        *field = Some(Measured::new(value, source));
    }
}

fn v1(node: &Node, usage: &mut Usage) {
    if node.has(Controller::Memory) {
        put(&mut usage.memory_peak, node.number("memory.max_usage_in_bytes"), "memory.max_usage_in_bytes");
        let memory = confirmed(node, "memory.limit_in_bytes");
        put(&mut usage.memory_limit, memory, "memory.limit_in_bytes");
        // v1 limits the sum, and knows a peak of the sum only: swap's own peak is not to be had.
        let both = confirmed(node, "memory.memsw.limit_in_bytes");
        let swap = both.zip(memory).and_then(|(both, memory)| both.checked_sub(memory));
        put(&mut usage.swap_limit, swap, "memory.memsw.limit_in_bytes");
    }
    if node.has(Controller::Cpu) {
        throttling(node, "throttled_time", Duration::from_nanos, usage);
    }
    if node.has(Controller::Cpuacct) {
        cpuacct(node, usage);
    }
}

/// What was used is exact, how it divides is counted at the timer's ticks (cpuacct.rst): the parts are scaled to
/// the whole, as the kernel does for rusage. A body alone may have used more, before it entered: then its rusage
/// stays.
fn cpuacct(node: &Node, usage: &mut Usage) {
    let read = |file| node.number(file);
    let parts = read("cpuacct.usage_user").zip(read("cpuacct.usage_sys"));
    let Some((total, (user, system))) = read("cpuacct.usage").zip(parts) else { return };
    let known =
        [&usage.cpu_user, &usage.cpu_system].into_iter().flatten().map(|part| part.value).sum::<Duration>();
    if known > Duration::from_nanos(total) {
        return;
    }
    let scaled = u128::from(total) * u128::from(user) / u128::from(user + system).max(1);
    let user = if user + system == 0 { total } else { u64::try_from(scaled).unwrap_or(total).min(total) };
    put(&mut usage.cpu_user, Some(Duration::from_nanos(user)), "cpuacct.usage_user");
    put(&mut usage.cpu_system, Some(Duration::from_nanos(total - user)), "cpuacct.usage_sys");
}

fn v2(node: &Node, usage: &mut Usage) {
    if node.has(Controller::Memory) {
        put(&mut usage.memory_peak, node.number("memory.peak"), "memory.peak");
        put(&mut usage.swap_peak, node.number("memory.swap.peak"), "memory.swap.peak");
        put(&mut usage.memory_limit, confirmed(node, "memory.max"), "memory.max");
        put(&mut usage.swap_limit, confirmed(node, "memory.swap.max"), "memory.swap.max");
    }
    let cpu = node.text("cpu.stat").unwrap_or_default();
    put(&mut usage.cpu_user, keyed(&cpu, "user_usec").map(Duration::from_micros), "cpu.stat");
    put(&mut usage.cpu_system, keyed(&cpu, "system_usec").map(Duration::from_micros), "cpu.stat");
    if node.has(Controller::Cpu) {
        throttling(node, "throttled_usec", Duration::from_micros, usage);
    }
    if let Some(text) = node.text("io.stat") {
        put(&mut usage.io_read, Some(io(&text, "rbytes=")), "io.stat");
        put(&mut usage.io_written, Some(io(&text, "wbytes=")), "io.stat");
    }
    put(&mut usage.pressure_cpu, node.text("cpu.pressure").and_then(pressure), "cpu.pressure");
    put(&mut usage.pressure_memory, node.text("memory.pressure").and_then(pressure), "memory.pressure");
    put(&mut usage.pressure_io, node.text("io.pressure").and_then(pressure), "io.pressure");
}

fn throttling(node: &Node, key: &str, unit: fn(u64) -> Duration, usage: &mut Usage) {
    let text = node.text("cpu.stat").unwrap_or_default();
    put(&mut usage.cpu_throttled_periods, keyed(&text, "nr_throttled"), "cpu.stat");
    put(&mut usage.cpu_throttled, keyed(&text, key).map(unit), "cpu.stat");
}

fn pids(node: &Node, usage: &mut Usage) {
    // A body that enters by migration is charged, but the kernel notes the peak at forks only.
    let peak = node.number("pids.peak").map(|peak| peak.max(1));
    put(&mut usage.pids_peak, peak, "pids.peak");
    put(&mut usage.pids_limit, confirmed(node, "pids.max"), "pids.max");
    let events = node.text("pids.events").unwrap_or_default();
    put(&mut usage.pids_refused, keyed(&events, "max"), "pids.events");
}

/// One line a device: `259:0 rbytes=4096 wbytes=0 ...`. A guest without io has an empty file, which is 0.
fn io(text: &str, key: &str) -> u64 {
    let values = text.split_whitespace().filter_map(|word| word.strip_prefix(key));
    values.filter_map(|value| value.parse::<u64>().ok()).sum()
}

/// `some avg10=0.00 avg60=0.00 avg300=0.00 total=15` and, but for older cpu.pressure, `full ...`
/// (psi.rst); totals are µs.
fn pressure(text: String) -> Option<Pressure> {
    let total = |kind: &str| {
        let line = text.lines().find(|line| line.starts_with(kind))?;
        line.rsplit_once("total=")?.1.parse().ok().map(Duration::from_micros)
    };
    Some(Pressure { some: total("some ")?, full: total("full ") })
}

/// The limit in force, as it was read back when the leaf was made.
fn confirmed(node: &Node, file: &str) -> Option<u64> {
    node.confirmed.iter().find(|limit| limit.file == file)?.value.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::path::Path;

    use super::super::limits::Confirmed;
    use super::*;

    /// A directory of plain files stands for a leaf.
    fn node(dir: &Path, version: Version, files: &[(&str, &str)], limits: &[(&'static str, &str)]) -> Node {
        for (file, text) in files {
            fs::write(dir.join(file), text).unwrap();
        }
        let confirm = |(file, value): &(&'static str, &str)| Confirmed {
            file,
            confirm: file,
            value: (*value).to_owned(),
        };
        Node {
            version,
            controllers: vec![Controller::Memory, Controller::Pids, Controller::Cpu, Controller::Cpuacct],
            dir: dir.to_owned(),
            rung: "test",
            confirmed: limits.iter().map(confirm).collect(),
            entrance: File::open(dir).unwrap(),
        }
    }

    fn read(version: Version, files: &[(&str, &str)], limits: &[(&'static str, &str)]) -> Usage {
        let dir = tempfile::tempdir().unwrap();
        let mut usage = Usage::default();
        fill(&[node(dir.path(), version, files, limits)], &mut usage);
        usage
    }

    fn micros(micros: u64, source: &'static str) -> Option<Measured<Duration>> {
        Some(Measured::new(Duration::from_micros(micros), source))
    }

    #[test]
    fn all_of_v2() {
        let files = [
            ("memory.peak", "4096\n"),
            ("memory.swap.peak", "0\n"),
            ("cpu.stat", "usage_usec 30\nuser_usec 10\nsystem_usec 20\nnr_throttled 2\nthrottled_usec 7\n"),
            ("pids.peak", "3\n"),
            ("pids.events", "max 4\n"),
            ("io.stat", "8:0 rbytes=1 wbytes=2 rios=9\n8:16 rbytes=10 wbytes=20 rios=9\n"),
            ("memory.pressure", "some avg10=0.00 total=15\nfull avg10=0.00 total=5\n"),
            ("cpu.pressure", "some avg10=0.00 total=1\n"),
        ];
        let limits = [("memory.max", "8192"), ("memory.swap.max", "0"), ("pids.max", "9")];
        let pressure = |some, full: Option<u64>, source| {
            let full = full.map(Duration::from_micros);
            Some(Measured::new(Pressure { some: Duration::from_micros(some), full }, source))
        };
        let expected = Usage {
            memory_peak: Some(Measured::new(4096, "memory.peak")),
            memory_limit: Some(Measured::new(8192, "memory.max")),
            swap_peak: Some(Measured::new(0, "memory.swap.peak")),
            swap_limit: Some(Measured::new(0, "memory.swap.max")),
            cpu_user: micros(10, "cpu.stat"),
            cpu_system: micros(20, "cpu.stat"),
            cpu_throttled: micros(7, "cpu.stat"),
            cpu_throttled_periods: Some(Measured::new(2, "cpu.stat")),
            pids_peak: Some(Measured::new(3, "pids.peak")),
            pids_limit: Some(Measured::new(9, "pids.max")),
            pids_refused: Some(Measured::new(4, "pids.events")),
            io_read: Some(Measured::new(11, "io.stat")),
            io_written: Some(Measured::new(22, "io.stat")),
            pressure_memory: pressure(15, Some(5), "memory.pressure"),
            pressure_cpu: pressure(1, None, "cpu.pressure"),
            ..Usage::default()
        };
        assert_eq!(read(Version::V2, &files, &limits), expected);
    }

    #[test]
    fn all_of_v1() {
        let files = [
            ("memory.max_usage_in_bytes", "4096\n"),
            ("cpu.stat", "nr_periods 3\nnr_throttled 2\nthrottled_time 7000\n"),
            ("cpuacct.usage", "60000\n"),
            ("cpuacct.usage_user", "10000\n"),
            ("cpuacct.usage_sys", "20000\n"),
        ];
        let limits = [("memory.limit_in_bytes", "8192"), ("memory.memsw.limit_in_bytes", "12288")];
        let expected = Usage {
            memory_peak: Some(Measured::new(4096, "memory.max_usage_in_bytes")),
            memory_limit: Some(Measured::new(8192, "memory.limit_in_bytes")),
            swap_limit: Some(Measured::new(4096, "memory.memsw.limit_in_bytes")),
            cpu_user: micros(20, "cpuacct.usage_user"),
            cpu_system: micros(40, "cpuacct.usage_sys"),
            cpu_throttled: micros(7, "cpu.stat"),
            cpu_throttled_periods: Some(Measured::new(2, "cpu.stat")),
            ..Usage::default()
        };
        assert_eq!(read(Version::V1, &files, &limits), expected);
    }

    #[test]
    fn absent_is_absent_and_keeps_the_rusage() {
        for version in [Version::V1, Version::V2] {
            assert_eq!(read(version, &[], &[]), Usage::default());
        }
        let mut usage = Usage { cpu_user: micros(1, "rusage"), ..Usage::default() };
        let before = usage.clone();
        fill(&[], &mut usage);
        assert_eq!(usage, before);
    }

    #[test]
    fn cpu_time_of_either_version() {
        let dir = tempfile::tempdir().unwrap();
        let v1 = node(dir.path(), Version::V1, &[("cpuacct.usage", "5000\n")], &[]);
        assert_eq!(cpu_time(&[v1]), Some(Duration::from_micros(5)));
        let v2 = node(dir.path(), Version::V2, &[("cpu.stat", "usage_usec 30\n")], &[]);
        assert_eq!(cpu_time(&[v2]), Some(Duration::from_micros(30)));
        assert_eq!(cpu_time(&[]), None);
    }
}
