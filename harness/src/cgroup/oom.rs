//! Did the OOM killer strike in the leaf, and whose limit was it?
//!
//! **Whether**: `oom_kill` rose. Nothing else proves it, SIGKILL and `failcnt` least of all. A leaf is
//! new, so the value is the rise. v2 counts descendants in (unless mounted with `memory_localevents`:
//! so the sum of the local counts is taken, too); v1 does not, and there the descendants are summed.
//!
//! What a guest hides on v1: a kill in a sub-cgroup that it removed again. The kernel log still has it,
//! if it is readable and the report was not rate-limited; otherwise that kill is not seen.
//!
//! **Whose**: the kernel log says it where it has our kill. Else the counters do: on v2 `oom` counts in
//! the cgroup whose limit was hit; on v1 only the peak tells, so that page cache that had filled our limit
//! can hide an ancestor's. A limit that the guest put on its own sub-cgroup counts as the leaf's own: it
//! is part of the test, neither above it nor the host's.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use nix::errno::Errno;

use super::files::{self, keyed};
use super::kmsg::Log;
use super::layout::{Controller, Version};
use super::limits::page_size;
use super::node::Node;
use super::oom_report::{Kill, Reports};
use crate::error::{At, Cause, SetupError, Step};
use crate::evidence::{Measured, MemoryStat, Oom, OomBy};

/// What must be known from before the run.
#[derive(Debug, Default)]
pub(super) struct Watch {
    leaf: String,
    log: Option<&'static Mutex<OomLog>>,
    /// v2: how often the limits above us had been hit.
    above: u64,
}

/// What the kernel log said of OOM kills since our first leaf.
#[derive(Debug)]
struct OomLog {
    log: Log,
    reports: Reports,
}

impl OomLog {
    /// One for all runs of this process: opening costs 55 µs, an empty read less than one.
    fn shared() -> Option<&'static Mutex<Self>> {
        static SHARED: OnceLock<Option<Mutex<OomLog>>> = OnceLock::new();
        let open = || Some(Mutex::new(Self { log: Log::from_now()?, reports: Reports::default() }));
        SHARED.get_or_init(open).as_ref()
    }

    fn kills(&mut self, leaf: &str) -> Vec<Kill> {
        let Self { log, reports } = self;
        log.read(|line| reports.line(line));
        reports.take(leaf)
    }
}

/// The OOM killer struck.
pub(super) struct Struck {
    pub(super) oom: Oom,
    /// What the memory was made of at the kill, by the kernel log.
    pub(super) memory_stat: Option<Measured<MemoryStat>>,
}

impl Watch {
    /// To be called before the first process enters.
    pub(super) fn start(nodes: &[Node], leaf: &str) -> Self {
        let Some(node) = memory(nodes) else {
            return Self::default();
        };
        let above = match node.version {
            Version::V1 => 0,
            Version::V2 => hits_above(&node.dir),
        };
        Self { leaf: leaf.to_owned(), log: OomLog::shared(), above }
    }

    /// As if the kernel log were closed to us.
    #[cfg(test)]
    pub(super) fn close_log(&mut self) {
        self.log = None;
    }

    /// To be called after the guest's end and before removal. Without a memory controller nothing is
    /// known; no limit was asked for then.
    pub(super) fn finish(&self, nodes: &[Node]) -> Result<Option<Struck>, SetupError> {
        let Some(node) = memory(nodes) else {
            return Ok(None);
        };
        let counted = counted(node.version, &node.dir)?;
        let logged = self.log.map_or_else(Vec::new, |log| {
            log.lock().unwrap_or_else(PoisonError::into_inner).kills(&self.leaf)
        });
        let by_counters = || by_counters(node.version, &node.dir, self.above);
        Ok(conclude(&node.dir, counted, logged, by_counters))
    }
}

fn memory(nodes: &[Node]) -> Option<&Node> {
    nodes.iter().find(|node| node.has(Controller::Memory))
}

fn conclude(
    leaf: &Path,
    counted: u64,
    logged: Vec<Kill>,
    by_counters: impl FnOnce() -> OomBy,
) -> Option<Struck> {
    let proven = logged.iter().filter(|kill| kill.done).count();
    let kills = counted.max(u64::try_from(proven).unwrap_or(u64::MAX));
    if kills == 0 {
        return None;
    }
    let by = logged.first().map_or_else(by_counters, |kill| kill.by);
    let reports = logged.iter().filter(|kill| !kill.memory.is_empty()).count();
    let when = if reports > 1 { "at the last OOM kill" } else { "at the OOM kill" };
    let memory_stat = logged.iter().rfind(|kill| !kill.memory.is_empty()).map(|kill| {
        let stat = MemoryStat { when: when.to_owned(), bytes: kill.memory.clone() };
        Measured::new(stat, "kernel log")
    });
    let limit_of = logged.first().and_then(|kill| kill.limit_of.as_ref()).map(PathBuf::from);
    let victims = logged.into_iter().map(|kill| kill.victim).collect();
    Some(Struck { oom: Oom { by, kills, leaf: leaf.to_owned(), limit_of, victims }, memory_stat })
}

/// `oom_kill` of the leaf and everything below.
fn counted(version: Version, dir: &Path) -> Result<u64, SetupError> {
    match version {
        Version::V1 => sum(dir, "memory.oom_control"),
        // memory.events.local came with 5.2; before that, memory.events alone must do.
        Version::V2 => Ok(count(&dir.join("memory.events"))?.max(local(dir, "oom_kill"))),
    }
}

fn sum(dir: &Path, file: &str) -> Result<u64, SetupError> {
    let own = count(&dir.join(file))?;
    let tree = files::tree(dir).at(Step::ReadLeaf, dir)?;
    tree[1..].iter().try_fold(own, |sum, dir| match count(&dir.join(file)) {
        // Removed meanwhile by what is still running; ENODEV if the file had been open already.
        Err(error) if is_gone(&error) => Ok(sum),
        kills => Ok(sum + kills?),
    })
}

fn is_gone(error: &SetupError) -> bool {
    matches!(error.cause, Cause::Errno(Errno::ENOENT | Errno::ENODEV))
}

/// `oom_kill` of one file. An absent count is an error: it is not zero.
fn count(path: &Path) -> Result<u64, SetupError> {
    let text = files::read(path).at(Step::ReadLeaf, path)?;
    keyed(&text, "oom_kill").ok_or_else(|| SetupError {
        step: Step::ReadLeaf,
        object: path.into(),
        cause: Cause::Malformed { found: text },
    })
}

/// Sum of a key of `memory.events.local` over the leaf and everything below.
fn local(dir: &Path, key: &str) -> u64 {
    let tree = files::tree(dir).unwrap_or_default();
    tree.iter().filter_map(|dir| event(dir, "memory.events.local", key)).sum()
}

fn event(dir: &Path, file: &str, key: &str) -> Option<u64> {
    keyed(&files::read(&dir.join(file)).ok()?, key)
}

fn by_counters(version: Version, dir: &Path, above: u64) -> OomBy {
    match version {
        Version::V1 => v1_peaks(dir),
        Version::V2 if event(dir, "memory.events", "oom").unwrap_or(0) > 0 => OomBy::OwnLimit,
        Version::V2 if local(dir, "oom") > 0 => OomBy::OwnLimit,
        Version::V2 if hits_above(dir) > above => OomBy::Ancestor,
        Version::V2 => OomBy::Host,
    }
}

/// How often the limits above a v2 cgroup were hit; the root has no such file.
fn hits_above(dir: &Path) -> u64 {
    let above = dir.ancestors().skip(1);
    above.map_while(|dir| event(dir, "memory.events.local", "oom")).sum()
}

/// The cgroup whose peak came nearest to its limit. The OOM killer comes when not even one more
/// allocation of up to 8 pages fits (`PAGE_ALLOC_COSTLY_ORDER`); charged in advance are whole batches
/// of 64 pages, but these are given back first. Measured: the peak is the limit, to the byte.
fn v1_peaks(dir: &Path) -> OomBy {
    let slack = 7 * page_size();
    let tree = files::tree(dir).unwrap_or_default();
    let own = tree.iter().filter_map(|dir| v1_gap(dir)).min().unwrap_or(u64::MAX);
    let above = dir.ancestors().skip(1).take_while(|dir| dir.join(V1_LIMITS[0].0).exists());
    let above = above.filter_map(v1_gap).min().unwrap_or(u64::MAX);
    match own.min(above) {
        nearest if nearest > slack => OomBy::Host,
        nearest if nearest == own => OomBy::OwnLimit,
        _ => OomBy::Ancestor,
    }
}

/// Limits and their peaks.
const V1_LIMITS: [(&str, &str); 2] = [
    ("memory.limit_in_bytes", "memory.max_usage_in_bytes"),
    ("memory.memsw.limit_in_bytes", "memory.memsw.max_usage_in_bytes"),
];

/// How far the peak stayed below the limit; none without a limit (v1 writes that as 2^63 - 1, rounded).
fn v1_gap(dir: &Path) -> Option<u64> {
    let gap = |(limit, peak): (&str, &str)| {
        let limit = files::number(&dir.join(limit)).filter(|limit| *limit < 1 << 62)?;
        Some(limit.saturating_sub(files::number(&dir.join(peak))?))
    };
    V1_LIMITS.into_iter().filter_map(gap).min()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::*;
    use crate::evidence::Victim;

    /// A tree of plain files: (file, text).
    fn tree(files: &[(&str, &str)]) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let leaf = dir.path().join("a/leaf");
        fs::create_dir_all(&leaf).unwrap();
        for (file, text) in files {
            let path = dir.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        (dir, leaf)
    }

    #[test]
    fn v1_sums_the_descendants() {
        let (_dir, leaf) = tree(&[
            ("a/memory.oom_control", "oom_kill 9\n"),
            ("a/leaf/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n"),
            ("a/leaf/x/memory.oom_control", "oom_kill 2\n"),
            ("a/leaf/x/y/memory.oom_control", "oom_kill 4\n"),
            ("a/leaf/removed/other", ""),
        ]);
        assert_eq!(counted(Version::V1, &leaf), Ok(7));
    }

    #[test]
    fn v2_is_hierarchical_or_summed() {
        let events = ("a/leaf/memory.events", "oom 1\noom_kill 3\noom_group_kill 8\n");
        let own = ("a/leaf/memory.events.local", "oom_kill 1\n");
        let (_dir, leaf) = tree(&[events, own, ("a/leaf/x/memory.events.local", "oom_kill 2\n")]);
        assert_eq!(counted(Version::V2, &leaf), Ok(3));
        // memory_localevents: the leaf's own file does not know.
        let (_dir, leaf) = tree(&[
            ("a/leaf/memory.events", "oom 0\noom_kill 0\n"),
            ("a/leaf/x/memory.events.local", "oom_kill 2\n"),
        ]);
        assert_eq!(counted(Version::V2, &leaf), Ok(2));
        // Before 5.2 there is no local file.
        let (_dir, leaf) = tree(&[events]);
        assert_eq!(counted(Version::V2, &leaf), Ok(3));
    }

    #[test]
    fn an_unreadable_count_is_an_error() {
        for version in [Version::V1, Version::V2] {
            let (_dir, leaf) = tree(&[]);
            let error = counted(version, &leaf).unwrap_err();
            assert_eq!((error.step, error.cause), (Step::ReadLeaf, Cause::Errno(Errno::ENOENT)));
        }
        // Kernels before 4.13.
        let (_dir, leaf) = tree(&[("a/leaf/memory.oom_control", "under_oom 0\n")]);
        let error = counted(Version::V1, &leaf).unwrap_err();
        assert_eq!(error.cause, Cause::Malformed { found: "under_oom 0\n".to_owned() });
    }

    #[test]
    fn v2_attribution() {
        let events = "a/leaf/memory.events";
        let local = "a/leaf/memory.events.local";
        let above = "a/memory.events.local";
        let cases: [(&[(&str, &str)], OomBy); 5] = [
            (&[(events, "oom 1\n"), (local, "oom 1\n"), (above, "oom 0\n")], OomBy::OwnLimit),
            // A sub-cgroup's own limit, the sub-cgroup being gone.
            (&[(events, "oom 1\n"), (local, "oom 0\n"), (above, "oom 0\n")], OomBy::OwnLimit),
            (&[(events, "oom 0\n"), ("a/leaf/x/memory.events.local", "oom 1\n")], OomBy::OwnLimit),
            (&[(events, "oom 0\n"), (local, "oom 0\n"), (above, "oom 6\n")], OomBy::Ancestor),
            // Hit before the run, but not since.
            (&[(events, "oom 0\n"), (local, "oom 0\n"), (above, "oom 5\n")], OomBy::Host),
        ];
        for (files, by) in cases {
            let (_dir, leaf) = tree(files);
            assert_eq!(by_counters(Version::V2, &leaf, 5), by, "{files:?}");
        }
    }

    #[test]
    fn v1_attribution() {
        let page = page_size();
        let limit = 100 * page;
        // (leaf's peak, sub-cgroup's peak, ancestor's peak), limit of the three; 0 is no limit.
        let unlimited = i64::MAX.cast_unsigned() / page * page;
        let cases = [
            ([limit, 0, limit], [limit, unlimited, unlimited], OomBy::OwnLimit),
            ([limit - 7 * page, 0, limit / 2], [limit, unlimited, limit], OomBy::OwnLimit),
            ([limit - page, 0, limit], [limit, unlimited, limit], OomBy::Ancestor),
            ([limit / 2, 0, limit], [limit, unlimited, limit], OomBy::Ancestor),
            ([limit / 2, limit / 4, limit / 2], [limit, limit / 4, limit], OomBy::OwnLimit),
            ([limit - 8 * page, 0, limit / 2], [limit, unlimited, limit], OomBy::Host),
            ([limit, limit, limit], [unlimited, unlimited, unlimited], OomBy::Host),
        ];
        for (peaks, limits, by) in cases {
            let (_dir, leaf) = tree(&[("a/leaf/x/y", "")]);
            for (place, dir) in
                [leaf.clone(), leaf.join("x"), leaf.parent().unwrap().to_owned()].iter().enumerate()
            {
                fs::write(dir.join("memory.limit_in_bytes"), limits[place].to_string()).unwrap();
                fs::write(dir.join("memory.max_usage_in_bytes"), peaks[place].to_string()).unwrap();
            }
            assert_eq!(by_counters(Version::V1, &leaf, 0), by, "{peaks:?} {limits:?}");
        }
        let (_dir, leaf) = tree(&[
            ("a/leaf/memory.memsw.limit_in_bytes", "8192"),
            ("a/leaf/memory.memsw.max_usage_in_bytes", "8192"),
        ]);
        assert_eq!(by_counters(Version::V1, &leaf, 0), OomBy::OwnLimit);
    }

    fn kill(by: OomBy, pid: i32, done: bool, memory: &[(&str, u64)]) -> Kill {
        let memory = memory.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
        Kill { by, limit_of: None, victim: Victim { pid, comm: "x".into(), anon_rss: None }, done, memory }
    }

    #[test]
    fn the_log_is_a_witness() {
        let own = || kill(OomBy::OwnLimit, 1, true, &[("anon", 5)]);
        let cases = [
            // (counted, logged) to (kills, by, victims)
            (0, vec![], None),
            // The victim was exiting anyway: the kernel did not kill it.
            (0, vec![kill(OomBy::OwnLimit, 1, false, &[])], None),
            (2, vec![], Some((2, OomBy::Host, 0))),
            (2, vec![own()], Some((2, OomBy::OwnLimit, 1))),
            // In a sub-cgroup that is gone.
            (0, vec![own()], Some((1, OomBy::OwnLimit, 1))),
            (1, vec![kill(OomBy::Ancestor, 1, true, &[])], Some((1, OomBy::Ancestor, 1))),
        ];
        for (counted, logged, expected) in cases {
            let text = format!("{counted} {logged:?}");
            let struck = conclude(Path::new("/l"), counted, logged, || OomBy::Host);
            let found = struck.map(|struck| (struck.oom.kills, struck.oom.by, struck.oom.victims.len()));
            assert_eq!(found, expected, "{text}");
        }
        let stat = |logged| {
            conclude(Path::new("/l"), 1, logged, || OomBy::Host).and_then(|struck| struck.memory_stat)
        };
        assert_eq!(stat(vec![own()]).unwrap().value.when, "at the OOM kill");
        let last = stat(vec![own(), kill(OomBy::OwnLimit, 2, true, &[("anon", 6)])]).unwrap();
        assert_eq!((last.value.when.as_str(), last.value.bytes[0].1), ("at the last OOM kill", 6));
        assert_eq!(stat(vec![kill(OomBy::Host, 1, true, &[])]), None);
        let above = Kill { limit_of: Some("/a".to_owned()), ..kill(OomBy::Ancestor, 1, true, &[]) };
        let oom = conclude(Path::new("/l"), 1, vec![above], || OomBy::Host).unwrap().oom;
        assert_eq!((oom.by, oom.limit_of, oom.leaf), (OomBy::Ancestor, Some("/a".into()), "/l".into()));
    }
}
