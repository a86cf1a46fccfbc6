//! The processes below this one, read from /proc (proc(5)).

use std::collections::HashMap;
use std::fs;
use std::io;
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

/// What is told of processes: the first of them, and how many there are besides. All of many thousand would fit no
/// frame, and what does not arrive is no leak.
pub(crate) fn told(mut processes: Vec<Process>) -> Vec<Process> {
    let more = processes.len().saturating_sub(MOST);
    if more > 0 {
        processes.truncate(MOST);
        processes.push(nameless(format!("and {more} that are not listed")));
    }
    processes
}

/// Something still runs although /proc names nothing (the body mounted over it): say at least that.
pub(crate) fn named(mut processes: Vec<Process>) -> Vec<Process> {
    if processes.is_empty() {
        processes.push(nameless("a process that /proc does not show".to_owned()));
    }
    told(processes)
}

/// Processes worth naming; together they fit a frame.
const MOST: usize = 64;

fn nameless(comm: String) -> Process {
    Process { pid: 0, comm, cmdline: String::new() }
}

/// Whether this is a /proc of our own pid namespace, and not what somebody has put there.
pub(crate) fn shows_us(proc: &Path) -> bool {
    fs::read_link(proc.join("self")).is_ok_and(|link| link == Path::new(&std::process::id().to_string()))
}

/// Whether SIGKILL is on its way to the process, or it is gone: it ends by itself.
pub(crate) fn is_dying(proc: &Path, pid: i32) -> bool {
    const SIGKILL: u64 = 1 << 8;
    let status = match read(proc, pid, "status") {
        Ok(status) => status,
        // Of one that cannot be looked at nothing is known.
        Err(error) => return is_gone(&error),
    };
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("").trim();
    let pending = |name: &str| u64::from_str_radix(field(name), 16).unwrap_or(0) & SIGKILL != 0;
    pending("ShdPnd:") || pending("SigPnd:") || !is_alive(field("State:"), field("Threads:"))
}

/// Whether the process is stopped, by a signal (`T`) or under a tracer (`t`).
pub(crate) fn is_stopped(proc: &Path, pid: i32) -> bool {
    let stat = read(proc, pid, "stat").unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, fields)| fields.trim_start().starts_with(['T', 't']))
}

/// A file of a process. Its name may be no text: the kernel cuts it after 15 bytes, in the middle of a character too.
fn read(proc: &Path, pid: i32, file: &str) -> io::Result<String> {
    fs::read(proc.join(format!("{pid}/{file}"))).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(libc::ESRCH)
}

/// Whether there is no such process any more.
pub(crate) fn has_ended(proc: &Path, pid: i32) -> bool {
    read(proc, pid, "stat").is_err_and(|error| is_gone(&error))
}

/// Every process this /proc shows, with its parent.
fn parents(proc: &Path) -> HashMap<i32, i32> {
    let Ok(entries) = fs::read_dir(proc) else { return HashMap::new() };
    let names = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    names.filter_map(|pid| Some((pid, parent(proc, pid)?))).collect()
}

/// The fields behind the comm, which may hold blanks and parentheses itself (proc_pid_stat(5)). `None`
/// for a process that is gone or a zombie: one whose first thread alone has ended lives.
fn parent(proc: &Path, pid: i32) -> Option<i32> {
    let stat = read(proc, pid, "stat").ok()?;
    let fields: Vec<_> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let (state, parent, threads) = (fields.first()?, fields.get(1)?, fields.get(17)?);
    is_alive(state, threads).then(|| parent.parse().ok())?
}

fn is_alive(state: &str, threads: &str) -> bool {
    !state.starts_with(['Z', 'X']) || threads.parse().is_ok_and(|count: u64| count > 1)
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
    let comm = read(proc, pid, "comm").ok()?.trim_end().to_owned();
    let cmdline = fs::read(proc.join(format!("{pid}/cmdline"))).unwrap_or_default();
    let words: Vec<_> = cmdline.split(|byte| *byte == 0).map(String::from_utf8_lossy).collect();
    let cmdline = words.join(" ").trim_end().chars().take(LONGEST).collect();
    Some(Process { pid, comm, cmdline })
}

/// Characters of a command line worth showing.
const LONGEST: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{self, Control, MAX_FRAME, Report};

    /// The longest that there can be: a name of 15 bytes, and characters of four bytes each.
    fn crowd(count: i32) -> Vec<Process> {
        let one = |pid| Process { pid, comm: "🦀".repeat(16), cmdline: "🦀".repeat(LONGEST) };
        (1..=count).map(one).collect()
    }

    #[test]
    fn what_is_told_of_any_crowd_fits_a_frame() {
        for (count, listed) in [(0, 0), (1, 1), (64, 64), (65, 65), (100_000, 65)] {
            let told = told(crowd(count));
            assert_eq!(told.len(), listed, "{count}");
            assert!(wire::encode(&Control::Leftovers(told.clone())).len() <= MAX_FRAME);
            assert!(wire::encode_report(7, Report::Leftovers(told)).len() <= MAX_FRAME);
        }
        assert_eq!(told(crowd(70)).last().unwrap().comm, "and 6 that are not listed");
        assert_eq!(named(Vec::new())[0].comm, "a process that /proc does not show");
    }

    #[test]
    fn a_name_that_is_no_text_is_one() {
        let proc = tempfile::tempdir().unwrap();
        let me = std::process::id().to_string();
        let own = proc.path().join("7");
        fs::create_dir(&own).unwrap();
        let stat = [b"7 (caf\xc3) S ", me.as_bytes(), b" 7 7 0 -1 4 0 0 0 0 0 0 0 0 20 0 1 0 0 1"];
        fs::write(own.join("stat"), stat.concat()).unwrap();
        fs::write(own.join("comm"), b"caf\xc3\n").unwrap();
        fs::write(own.join("status"), b"Name:\tcaf\xc3\nState:\tS (sleeping)\nThreads:\t1\n").unwrap();
        let found = descendants(proc.path());
        assert_eq!(
            found.iter().map(|one| (one.pid, one.comm.as_str())).collect::<Vec<_>>(),
            [(7, "caf\u{fffd}")]
        );
        assert!(!is_dying(proc.path(), 7) && !has_ended(proc.path(), 7));
        assert!(is_dying(proc.path(), 8) && has_ended(proc.path(), 8));
    }

    #[test]
    fn a_process_lives_as_long_as_any_thread_of_it() {
        for (state, threads, lives) in [
            ("S", "1", true),
            ("Z", "1", false),
            ("Z", "0", false),
            ("X (dead)", "0", false),
            ("Z (zombie)", "2", true),
            ("Z", "", false),
        ] {
            assert_eq!(is_alive(state, threads), lives, "{state} {threads}");
        }
    }
}
