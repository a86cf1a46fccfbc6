//! The evidence of a failure, a row for each thing that was seen and matters.

use std::path::Path;

use crate::evidence::{Evidence, MemoryStat, Oom, OomBy, Usage, Victim, WaitStatus};
use crate::outcome::{Outcome, passes};
use crate::render::headline::{said, wait_status};
use crate::render::usage;
use crate::render::words::{self, Table};
use crate::spec::{Expect, Spec};

/// All rows between headline and remedy.
pub(super) fn fill(table: &mut Table, spec: &Spec<'_>, outcome: &Outcome, evidence: &Evidence) {
    table.row("expected", expected(spec, outcome, evidence));
    match outcome {
        Outcome::OomKilled { by, .. } => oom(table, *by, evidence),
        Outcome::TimedOut { .. } => timeout(table, spec, evidence),
        Outcome::Signaled { .. } => {
            signaled(table, evidence);
            table.row("left", without_init(evidence));
        }
        Outcome::LeftProcesses(left) => table.row("left", words::processes(left)),
        Outcome::Violated(_) => {
            table.row("report", said(evidence).map(|said| format!("{said}, by its own account")));
            table.row("body", evidence.body.map(wait_status));
            table.row("left", without_init(evidence));
        }
        Outcome::Passed
        | Outcome::Panicked { .. }
        | Outcome::Returned(_)
        | Outcome::Exited(_)
        | Outcome::WroteTooMuch { .. } => {}
    }
    table.row("message", message(evidence));
    if !matches!(outcome, Outcome::OomKilled { .. }) {
        table.row("memory", usage::memory(&evidence.usage));
    }
    table.row("processes", refused(&evidence.usage));
    table.row("took", usage::took(&evidence.usage));
}

/// What the test asked for, and why this ending is not it where that is not plain.
fn expected(spec: &Spec<'_>, outcome: &Outcome, evidence: &Evidence) -> Option<String> {
    let asked = match spec.expect {
        _ if spec.should_panic => "a panic (`#[should_panic]`)".to_owned(),
        Expect::Success => return None,
        Expect::Oom => "an OOM kill by its own memory limit (`expect = oom`)".to_owned(),
        Expect::Timeout => "to run out of time (`expect = timeout`)".to_owned(),
        Expect::Exit(code) => {
            format!("`exit({code})` before the test function returns (`expect = exit({code})`)")
        }
        Expect::Signal(signal) => {
            let name = words::signal_name(signal);
            format!("to die by {name} (`expect = signal({name})`)")
        }
    };
    if passes(spec, outcome, evidence) {
        return Some(asked);
    }
    Some(asked + but(spec, outcome, evidence).unwrap_or_default())
}

/// An ending that looks like the expected one at first sight.
fn but(spec: &Spec<'_>, outcome: &Outcome, evidence: &Evidence) -> Option<&'static str> {
    match (spec.expect, outcome) {
        _ if spec.should_panic => None,
        (Expect::Oom, Outcome::OomKilled { by: OomBy::OwnLimit, .. }) => {
            Some(if evidence.panicked.is_some() {
                "\nwhich came, but the test function panicked"
            } else if !evidence.started {
                "\nwhich came, but before the test function was called"
            } else {
                "\nwhich came, but the test function neither died of it nor returned success"
            })
        }
        (Expect::Timeout, Outcome::TimedOut { .. }) if evidence.oom.is_some() => {
            Some("\nwhich it did, but after an OOM kill")
        }
        (Expect::Timeout, Outcome::TimedOut { .. }) => {
            Some("\nwhich it did, but after the test function had ended")
        }
        (Expect::Exit(asked), Outcome::Returned(code)) if i32::from(asked) == *code => {
            Some("\nbut the test function returned this code")
        }
        (Expect::Signal(asked), Outcome::Signaled { signal, .. }) if asked == *signal => {
            Some(if evidence.body.is_none() {
                "\nwhich the init did instead"
            } else {
                "\nwhich it did, but after the test function had ended"
            })
        }
        _ => None,
    }
}

fn oom(table: &mut Table, by: OomBy, evidence: &Evidence) {
    let usage = &evidence.usage;
    let reached = if by == OomBy::OwnLimit { "" } else { ", not the one that was met" };
    let limit = usage.memory_limit.as_ref();
    table
        .row("limit", limit.map(|limit| format!("{} ({}){reached}", words::size(limit.value), limit.source)));
    let swap = usage.swap_limit.as_ref().filter(|limit| limit.value > 0);
    table.row("swap", swap.map(|limit| format!("{} ({})", words::size(limit.value), limit.source)));
    let peak = usage.memory_peak.as_ref();
    table.row("peak", peak.map(|peak| format!("{} ({})", words::size(peak.value), peak.source)));
    table.row("made of", usage.memory_stat.as_ref().and_then(|stat| made_of(&stat.value)));
    table.row("killed", evidence.oom.as_ref().map(killed));
    table.row("body", body(evidence));
    table.row("survived", words::processes(&evidence.leftovers));
    if by == OomBy::Ancestor {
        table.row("ancestor", evidence.oom.as_ref().and_then(above));
    }
}

/// Where the limit is that was met, as far as that is known.
fn above(oom: &Oom) -> Option<String> {
    let shown = |path: &Path| words::shown(&path.to_string_lossy());
    match &oom.limit_of {
        Some(cgroup) => Some(format!("{} (kernel log)", shown(cgroup))),
        None => oom.leaf.parent().map(|path| format!("{} or above", shown(path))),
    }
}

/// The parts that add up to the whole, the larger ones first; what is small beside them explains nothing.
fn made_of(stat: &MemoryStat) -> Option<String> {
    let parts = parts(stat);
    let total: u64 = parts.iter().map(|(_, bytes)| bytes).sum();
    let mut large: Vec<_> = parts.into_iter().filter(|(_, bytes)| *bytes > total / 1000).collect();
    large.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
    let large: Vec<_> = large.iter().map(|(name, bytes)| format!("{name} {}", words::size(*bytes))).collect();
    let when = if stat.when.is_empty() { String::new() } else { format!(" ({})", stat.when) };
    (!large.is_empty()).then(|| large.join(", ") + &when)
}

/// Kernel names and ours. Others (`active_file`, `file_mapped`, ...) count the same bytes from another
/// side, and `kernel` is the sum of its parts, for kernels that do not tell them (v1).
fn parts(stat: &MemoryStat) -> Vec<(&'static str, u64)> {
    const KERNEL: [(&str, &str); 6] = [
        ("kernel_stack", "kernel stack"),
        ("pagetables", "page tables"),
        ("slab", "slab"),
        ("percpu", "per cpu"),
        ("vmalloc", "vmalloc"),
        ("sock", "sockets"),
    ];
    let bytes = |name: &str| stat.bytes.iter().find(|(key, _)| key == name).map(|(_, bytes)| *bytes);
    // The kernel counts tmpfs and shared memory as file, too.
    let file = bytes("file").map(|file| file.saturating_sub(bytes("shmem").unwrap_or(0)));
    let user = [("anon", bytes("anon")), ("shmem", bytes("shmem")), ("file", file)];
    let mut kernel = KERNEL.map(|(key, name)| (name, bytes(key))).to_vec();
    if kernel.iter().all(|(_, bytes)| bytes.is_none()) {
        kernel = vec![("kernel", bytes("kernel"))];
    }
    user.into_iter().chain(kernel).filter_map(|(name, bytes)| Some((name, bytes?))).collect()
}

/// Who, as far as the kernel log tells. That the body died by SIGKILL does not make it the victim.
fn killed(oom: &Oom) -> String {
    let mut lines: Vec<String> = oom.victims.iter().map(victim).collect();
    let counted = words::count(oom.kills, "kill", "kills");
    match lines.len() {
        0 => lines.push(format!("{counted} counted; the kernel log does not say whom")),
        1 if oom.kills == 1 => {}
        _ => lines.push(format!("{counted} counted")),
    }
    lines.join("\n")
}

fn victim(victim: &Victim) -> String {
    let name = format!("{} (pid {} of the host", words::shown(&victim.comm), victim.pid);
    match victim.anon_rss {
        Some(bytes) => format!("{name}, {} of anonymous memory)", words::size(bytes)),
        None => name + ")",
    }
}

/// What became of the body.
fn body(evidence: &Evidence) -> Option<String> {
    Some(match evidence.body? {
        status @ (WaitStatus::Signaled { .. } | WaitStatus::Stopped { .. }) => wait_status(status),
        status => format!("survived, and {}", said(evidence).unwrap_or_else(|| wait_status(status))),
    })
}

fn timeout(table: &mut Table, spec: &Spec<'_>, evidence: &Evidence) {
    let state = match (said(evidence), evidence.body) {
        (Some(said), _) => format!("the test function had {said}; its process had not ended"),
        (None, Some(WaitStatus::Stopped { signal })) => {
            format!("the body was stopped by {}", words::signal(signal))
        }
        (None, _) if spec.program.is_some() => {
            if evidence.started { "it was running" } else { "it had not been executed" }.to_owned()
        }
        (None, _) if evidence.started => "the test function had not returned".to_owned(),
        (None, _) => "the test function had not been called".to_owned(),
    };
    table.row("state", state);
    table.row("running", words::processes(&evidence.leftovers));
    table.row("OOM killer", evidence.oom.as_ref().map(|oom| format!("struck before: {}", killed(oom))));
}

/// What a lost init left in the leaf. One that lived has judged what it told of.
fn without_init(evidence: &Evidence) -> Option<String> {
    evidence.body.is_none().then(|| words::processes(&evidence.leftovers))
}

/// SIGKILL is how the OOM killer kills, but by itself it proves nothing.
fn signaled(table: &mut Table, evidence: &Evidence) {
    if !matches!(evidence.body, Some(WaitStatus::Signaled { signal: libc::SIGKILL, .. })) {
        return;
    }
    // A leaf with a memory controller has a peak, and then its oom_kill was read.
    let was_counted = evidence.usage.memory_peak.is_some() || evidence.usage.memory_limit.is_some();
    let found = if was_counted {
        "it was not that: oom_kill of its cgroup did not rise"
    } else {
        "unknown: without a memory cgroup its kills are not counted"
    };
    table.row("OOM killer", found.to_owned());
}

fn message(evidence: &Evidence) -> Option<String> {
    evidence.panicked.as_ref()?.message.as_deref().map(words::first_line)
}

/// Forks that `pids` refused explain many a strange failure.
fn refused(usage: &Usage) -> Option<String> {
    let refused = usage.pids_refused.as_ref().filter(|refused| refused.value > 0)?;
    let times = words::count(refused.value, "fork", "forks");
    let limit = usage.pids_limit.as_ref().map(|limit| format!(" (limit {})", limit.value));
    Some(format!("{times} refused by `pids`{}", limit.unwrap_or_default()))
}
