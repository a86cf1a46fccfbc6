//! The processes below this one, read from /proc (proc(5)).

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use crate::evidence::Process;

/// Every process below this one, zombies left out, with its command line. `proc` is where /proc is.
pub(crate) fn descendants(proc: &Path) -> Vec<Process> {
    let parents = parents(proc);
    let me = std::process::id().cast_signed();
    let mut found: Vec<i32> = parents.keys().copied().filter(|pid| is_below(*pid, me, &parents)).collect();
    found.sort_unstable();
    found.into_iter().filter_map(|pid| describe(proc, pid)).collect()
}

/// Something still runs although /proc names nothing (the body mounted over it): say at least that.
pub(crate) fn named(mut processes: Vec<Process>) -> Vec<Process> {
    if processes.is_empty() {
        let comm = "a process that /proc does not show".to_owned();
        processes.push(Process { pid: 0, comm, cmdline: String::new() });
    }
    processes
}

/// Whether SIGKILL is on its way to the process, or it is gone: it ends by itself.
pub(crate) fn is_dying(proc: &Path, pid: i32) -> bool {
    const SIGKILL: u64 = 1 << 8;
    let Ok(status) = fs::read_to_string(proc.join(format!("{pid}/status"))) else { return true };
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("").trim();
    let pending = |name: &str| u64::from_str_radix(field(name), 16).unwrap_or(0) & SIGKILL != 0;
    pending("ShdPnd:") || pending("SigPnd:") || field("State:").starts_with(['Z', 'X'])
}

/// Whether the process is stopped, by a signal (`T`) or under a tracer (`t`).
pub(crate) fn is_stopped(proc: &Path, pid: i32) -> bool {
    let stat = fs::read_to_string(proc.join(format!("{pid}/stat"))).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, fields)| fields.trim_start().starts_with(['T', 't']))
}

/// Every process this /proc shows, with its parent.
fn parents(proc: &Path) -> HashMap<i32, i32> {
    let Ok(entries) = fs::read_dir(proc) else { return HashMap::new() };
    let names = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    names.filter_map(|pid| Some((pid, parent(proc, pid)?))).collect()
}

/// The fields behind the comm, which may hold blanks and parentheses itself (proc_pid_stat(5)). `None`
/// for a process that is gone or a zombie.
fn parent(proc: &Path, pid: i32) -> Option<i32> {
    let stat = fs::read_to_string(proc.join(format!("{pid}/stat"))).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let is_alive = !matches!(fields.next()?, "Z" | "X");
    let parent = fields.next()?.parse().ok()?;
    is_alive.then_some(parent)
}

fn is_below(pid: i32, ancestor: i32, parents: &HashMap<i32, i32>) -> bool {
    let mut at = pid;
    // Bounded: the snapshot is not atomic, so a reused pid could close a circle.
    for _ in 0..parents.len() {
        match parents.get(&at) {
            Some(parent) if *parent == ancestor => return true,
            Some(parent) => at = *parent,
            None => return false,
        }
    }
    false
}

/// Its name and command line; none for a process that is gone.
pub(crate) fn describe(proc: &Path, pid: i32) -> Option<Process> {
    let comm = fs::read_to_string(proc.join(format!("{pid}/comm"))).ok()?.trim_end().to_owned();
    let cmdline = fs::read(proc.join(format!("{pid}/cmdline"))).unwrap_or_default();
    let words: Vec<_> = cmdline.split(|byte| *byte == 0).map(String::from_utf8_lossy).collect();
    let cmdline = words.join(" ").trim_end().chars().take(LONGEST).collect();
    Some(Process { pid, comm, cmdline })
}

/// Characters of a command line worth showing.
const LONGEST: usize = 200;
