//! The figures of a run in the report: `{"value": .., "unit": .., "source": ..}`, or no key at all.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::evidence::{Measured, MemoryStat, Pressure, Usage};

/// Every figure that there is.
pub(super) fn usage(usage: &Usage) -> Value {
    let wall = Measured::new(usage.wall, "CLOCK_MONOTONIC");
    let figures = [
        ("wall", time(&Some(wall))),
        ("cpu_user", time(&usage.cpu_user)),
        ("cpu_system", time(&usage.cpu_system)),
        ("cpu_throttled", time(&usage.cpu_throttled)),
        ("cpu_throttled_periods", count(&usage.cpu_throttled_periods)),
        ("memory_peak", bytes(&usage.memory_peak)),
        ("memory_limit", bytes(&usage.memory_limit)),
        ("swap_peak", bytes(&usage.swap_peak)),
        ("swap_limit", bytes(&usage.swap_limit)),
        ("memory_stat", usage.memory_stat.as_ref().map(memory_stat)),
        ("maxrss", bytes(&usage.maxrss)),
        ("pids_peak", count(&usage.pids_peak)),
        ("pids_limit", count(&usage.pids_limit)),
        ("pids_refused", count(&usage.pids_refused)),
        ("minor_faults", count(&usage.minor_faults)),
        ("major_faults", count(&usage.major_faults)),
        ("voluntary_switches", count(&usage.voluntary_switches)),
        ("involuntary_switches", count(&usage.involuntary_switches)),
        ("io_read", bytes(&usage.io_read)),
        ("io_written", bytes(&usage.io_written)),
        ("pressure_cpu", usage.pressure_cpu.as_ref().map(pressure)),
        ("pressure_memory", usage.pressure_memory.as_ref().map(pressure)),
        ("pressure_io", usage.pressure_io.as_ref().map(pressure)),
    ];
    Value::Object(super::object(figures))
}

/// Whole microseconds: the finest unit that every source has.
pub(super) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

fn figure(value: Value, unit: &str, source: &str) -> Value {
    json!({"value": value, "unit": unit, "source": source})
}

fn time(figure: &Option<Measured<Duration>>) -> Option<Value> {
    figure.as_ref().map(|time| self::figure(json!(micros(time.value)), "us", time.source))
}

fn bytes(figure: &Option<Measured<u64>>) -> Option<Value> {
    figure.as_ref().map(|bytes| self::figure(json!(bytes.value), "bytes", bytes.source))
}

fn count(figure: &Option<Measured<u64>>) -> Option<Value> {
    figure.as_ref().map(|count| self::figure(json!(count.value), "count", count.source))
}

fn memory_stat(stat: &Measured<MemoryStat>) -> Value {
    let parts: Map<_, _> =
        stat.value.bytes.iter().map(|(name, bytes)| (name.clone(), json!(bytes))).collect();
    let mut figure = figure(Value::Object(parts), "bytes", stat.source);
    figure["when"] = json!(stat.value.when);
    figure
}

fn pressure(stalls: &Measured<Pressure>) -> Value {
    let Pressure { some, full } = stalls.value;
    let lines = [("some", Some(json!(micros(some)))), ("full", full.map(|full| json!(micros(full))))];
    figure(Value::Object(super::object(lines)), "us", stalls.source)
}
