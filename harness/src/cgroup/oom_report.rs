//! What the kernel log says of OOM kills (mm/oom_kill.c, `dump_header` to `__oom_kill_process`).
//!
//! One kill is written like this; the kernel holds `oom_lock` meanwhile, so that two never interleave
//! with each other, only with other messages:
//! ```text
//! tail invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0
//! kmem: usage 276kB, limit 9007199254740988kB, failcnt 0                        (v1 only)
//! Memory cgroup stats for /a/leaf:
//! total_rss 104574976                                                           (many lines)
//! Tasks state (memory values in pages):
//! oom-kill:constraint=CONSTRAINT_MEMCG,...,oom_memcg=/a/leaf,task_memcg=/a/leaf/sub,task=tail,pid=86,uid=0
//! Memory cgroup out of memory: Killed process 86 (tail) total-vm:1kB, anon-rss:1kB, ...
//! ```
//! All but the last line is rate-limited. That line alone names no cgroup, so it counts only behind an
//! `oom-kill:` line with the same pid or within a `memory.oom.group` kill.

use std::collections::VecDeque;

use super::layout::Version;
use super::memory_stat;
use crate::evidence::{OomBy, Victim};

/// A kill in one leaf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kill {
    pub(super) by: OomBy,
    /// The cgroup whose limit it was; none if it was the host's memory.
    pub(super) limit_of: Option<String>,
    pub(super) victim: Victim,
    /// Whether the kernel said that it did kill; a victim that is exiting anyway is let go.
    pub(super) done: bool,
    /// What the leaf's memory was made of, if it was its limit or one below.
    pub(super) memory: Vec<(String, u64)>,
}

/// A kill anywhere on the machine.
#[derive(Debug, Clone)]
struct Report {
    /// The cgroup whose limit it was; none if it was the host's memory.
    oom_memcg: Option<String>,
    task_memcg: String,
    victim: Victim,
    done: bool,
    memory: Vec<(String, u64)>,
}

/// Reads the log line by line and keeps the kills until their leaf asks for them.
#[derive(Debug, Default)]
pub(super) struct Reports {
    /// Lines of a memory.stat that is being read or was read for the present report.
    memory: Option<String>,
    kernel: Option<u64>,
    /// The report of the `memory.oom.group` kill under way.
    group: Option<Report>,
    kills: VecDeque<Report>,
}

/// Kills that nobody asked for (other people's, of leaves that were dropped) are kept no longer than this.
const MOST_KILLS: usize = 256;

impl Reports {
    /// The kills in the leaf with this name, which is unique on the machine; they are forgotten here.
    pub(super) fn take(&mut self, leaf: &str) -> Vec<Kill> {
        let all = std::mem::take(&mut self.kills);
        let (ours, others): (VecDeque<_>, _) =
            all.into_iter().partition(|kill| is_in(&kill.task_memcg, leaf));
        self.kills = others;
        ours.into_iter().map(|report| report.seen_from(leaf)).collect()
    }

    pub(super) fn line(&mut self, line: &str) {
        if line.contains(" invoked oom-killer: ") {
            (self.memory, self.kernel, self.group) = (None, None, None);
        } else if line.starts_with("Memory cgroup stats for ") {
            self.memory = Some(String::new());
        } else if let Some(usage) = line.strip_prefix("kmem: usage ") {
            self.kernel = kilobytes(usage);
        } else if let Some(report) = line.strip_prefix("oom-kill:") {
            let memory = self.memory.take().map(|text| self.entries(&text));
            let report = report_of(report, memory.unwrap_or_default());
            report.into_iter().for_each(|report| self.add(report));
        } else if let Some(group) = oom_group(line) {
            let last = self.kills.back().filter(|kill| kill.task_memcg.starts_with(group));
            self.group = last.map(|kill| Report { memory: Vec::new(), ..kill.clone() });
        } else if let Some((_, killed)) = line.split_once("ut of memory: Killed process ") {
            victim(killed).into_iter().for_each(|victim| self.killed(victim));
        } else if let Some(memory) = self.memory.as_mut().filter(|_| is_entry(line)) {
            memory.extend([line, "\n"]);
        }
    }

    fn add(&mut self, report: Report) {
        self.kills.push_back(report);
        if self.kills.len() > MOST_KILLS {
            self.kills.pop_front();
        }
    }

    fn killed(&mut self, victim: Victim) {
        let chosen = self.kills.back_mut().filter(|kill| !kill.done && kill.victim.pid == victim.pid);
        if let Some(kill) = chosen {
            (kill.victim, kill.done) = (victim, true);
        } else if self.kills.iter().all(|kill| kill.victim.pid != victim.pid) {
            // A member of a group; the one that was chosen first is named twice.
            let member = self.group.clone().map(|group| Report { victim, done: true, ..group });
            member.into_iter().for_each(|member| self.add(member));
        }
    }

    fn entries(&self, text: &str) -> Vec<(String, u64)> {
        let v1 = text.lines().any(|line| line.starts_with("total_rss "));
        let version = if v1 { Version::V1 } else { Version::V2 };
        memory_stat::bytes(version, text, self.kernel)
    }
}

impl Report {
    fn seen_from(self, leaf: &str) -> Kill {
        let by = match &self.oom_memcg {
            None => OomBy::Host,
            Some(oom_memcg) if is_in(oom_memcg, leaf) => OomBy::OwnLimit,
            Some(_) => OomBy::Ancestor,
        };
        // The memory.stat is that of `oom_memcg`.
        let memory = if by == OomBy::OwnLimit { self.memory } else { Vec::new() };
        Kill { by, limit_of: self.oom_memcg, victim: self.victim, done: self.done, memory }
    }
}

fn is_in(cgroup: &str, leaf: &str) -> bool {
    cgroup.split('/').any(|part| part == leaf)
}

/// The task's name may hold anything, commas too. Its end is known, and so is its cgroup's begin.
fn report_of(text: &str, memory: Vec<(String, u64)>) -> Option<Report> {
    let (rest, _uid) = text.rsplit_once(",uid=")?;
    let (rest, pid) = rest.rsplit_once(",pid=")?;
    let (rest, comm) = rest.rsplit_once(",task=")?;
    let (before, task_memcg) = rest.split_once(",task_memcg=")?;
    let oom_memcg = before.split_once(",oom_memcg=").map(|(_, cgroup)| cgroup.to_owned());
    let victim = Victim { pid: pid.parse().ok()?, comm: comm.to_owned(), anon_rss: None };
    Some(Report { oom_memcg, task_memcg: task_memcg.to_owned(), victim, done: false, memory })
}

/// `Tasks in <cgroup> are going to be killed due to memory.oom.group set`
fn oom_group(line: &str) -> Option<&str> {
    let (cgroup, rest) = line.strip_prefix("Tasks in ")?.rsplit_once(" are going to be killed")?;
    rest.contains("memory.oom.group").then_some(cgroup)
}

/// `<pid> (<comm>) total-vm:<n>kB, anon-rss:<n>kB, ...`
fn victim(killed: &str) -> Option<Victim> {
    let (pid, rest) = killed.split_once(" (")?;
    let (comm, figures) = rest.rsplit_once(") total-vm:")?;
    let anon_rss = figures.split_once("anon-rss:").and_then(|(_, rss)| kilobytes(rss));
    Some(Victim { pid: pid.parse().ok()?, comm: comm.to_owned(), anon_rss })
}

fn is_entry(line: &str) -> bool {
    line.split_once(' ').is_some_and(|(_, value)| value.parse::<u64>().is_ok())
}

/// The bytes of a text that begins with `<number>kB`.
fn kilobytes(text: &str) -> Option<u64> {
    text.split_once("kB")?.0.parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Linux 6.18, v1, as /dev/kmsg gave it; the stack trace and the registers are cut.
    const V1_OWN: &str = "\
tail invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0
CPU: 0 UID: 0 PID: 8685 Comm: tail Not tainted 6.18.44-fc-v595 #1 PREEMPT(none)\x20
memory: usage 102400kB, limit 102400kB, failcnt 60
memory+swap: usage 102400kB, limit 9007199254740988kB, failcnt 0
kmem: usage 264kB, limit 9007199254740988kB, failcnt 0
Memory cgroup stats for /process_api/a854/LEAF:
cache 12288
rss 104574976
total_cache 12288
total_rss 104574976
total_shmem 0
total_pgfault 25578
Tasks state (memory values in pages):
[  pid  ]   uid  tgid total_vm      rss rss_anon rss_file rss_shmem pgtables_bytes swapents oom_score_adj name
[   8685]     0  8685    26222    25871    25504      367         0   249856        0             0 tail
oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/process_api/a854/LEAF,task_memcg=/process_api/a854/LEAF,task=tail,pid=8685,uid=0
Memory cgroup out of memory: Killed process 8685 (tail) total-vm:104888kB, anon-rss:102016kB, file-rss:1468kB, shmem-rss:0kB, UID:0 pgtables:244kB oom_score_adj:0
";

    /// The same for a v2 leaf with memory.oom.group, by mm/memcontrol.c of Linux 6.12.
    const V2_GROUP: &str = "\
sh invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0
memory: usage 1024kB, limit 1024kB, failcnt 12
swap: usage 0kB, limit 0kB, failcnt 0
Memory cgroup stats for /a/LEAF:
anon 900000
kernel_stack 16384
pgfault 3
Tasks state (memory values in pages):
oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/a/LEAF,task_memcg=/a/LEAF/x,task=sh,pid=11,uid=0
Memory cgroup out of memory: Killed process 11 (sh) total-vm:9kB, anon-rss:4kB, file-rss:0kB
Tasks in /a/LEAF are going to be killed due to memory.oom.group set
Memory cgroup out of memory: Killed process 11 (sh) total-vm:9kB, anon-rss:0kB, file-rss:0kB
Memory cgroup out of memory: Killed process 12 (sleep) total-vm:9kB, anon-rss:8kB, file-rss:0kB
";

    fn read(text: &str) -> Vec<Kill> {
        let mut reports = Reports::default();
        text.lines().for_each(|line| reports.line(line));
        reports.take("LEAF")
    }

    fn victims(kills: &[Kill]) -> Vec<(i32, &str, Option<u64>)> {
        kills.iter().map(|kill| (kill.victim.pid, kill.victim.comm.as_str(), kill.victim.anon_rss)).collect()
    }

    #[test]
    fn own_limit_on_v1() {
        let found = read(V1_OWN);
        assert_eq!(victims(&found), [(8685, "tail", Some(102016 * 1024))]);
        assert_eq!((found[0].by, found[0].done), (OomBy::OwnLimit, true));
        let memory: Vec<_> = found[0].memory.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        let expected = [("anon", 104_574_976), ("file", 12288), ("kernel", 264 * 1024), ("shmem", 0)];
        assert_eq!(memory, expected);
    }

    #[test]
    fn a_group_on_v2() {
        let found = read(V2_GROUP);
        assert_eq!(victims(&found), [(11, "sh", Some(4096)), (12, "sleep", Some(8192))]);
        assert!(found.iter().all(|kill| kill.by == OomBy::OwnLimit && kill.done));
        let expected = [("anon".to_owned(), 900_000), ("kernel_stack".to_owned(), 16384)];
        assert_eq!(found[0].memory, expected);
    }

    #[test]
    fn a_group_ends_with_the_next_report() {
        let bare = "Memory cgroup out of memory: Killed process 99 (x) total-vm:9kB, anon-rss:1kB\n";
        assert_eq!(read(&format!("{V2_GROUP}{bare}")).len(), 3);
        let next = "y invoked oom-killer: gfp_mask=0x0, order=0, oom_score_adj=0\n";
        assert_eq!(read(&format!("{V2_GROUP}{next}{bare}")).len(), 2);
        // Another's group, whose own report was rate-limited.
        let other = V2_GROUP.replace("Tasks in /a/LEAF", "Tasks in /a/OTHER");
        assert_eq!(read(&other).len(), 1);
    }

    #[test]
    fn whose_limit() {
        let cases = [
            ("oom_memcg=/LEAF,task_memcg=/LEAF", Some(OomBy::OwnLimit)),
            ("oom_memcg=/a/LEAF/sub,task_memcg=/a/LEAF/sub/x", Some(OomBy::OwnLimit)),
            ("oom_memcg=/a,task_memcg=/a/LEAF/sub", Some(OomBy::Ancestor)),
            ("global_oom,task_memcg=/a/LEAF", Some(OomBy::Host)),
            // Another run's, whose name begins like ours, and one that only shares our ancestor.
            ("oom_memcg=/a/LEAF1,task_memcg=/a/LEAF1", None),
            ("oom_memcg=/a,task_memcg=/a/other", None),
        ];
        for (cgroups, by) in cases {
            let line = format!("oom-kill:constraint=X,{cgroups},task=a,pid=1,b (c),pid=7,uid=0");
            let found = read(&line);
            assert_eq!(found.first().map(|kill| kill.by), by, "{cgroups}");
            assert!(found.iter().all(|kill| kill.victim.pid == 7 && !kill.done));
        }
    }

    #[test]
    fn another_limits_memory_is_not_ours() {
        let ancestor = V1_OWN.replace("oom_memcg=/process_api/a854/LEAF", "oom_memcg=/process_api");
        let kill = &read(&ancestor)[0];
        assert_eq!((kill.memory.len(), kill.limit_of.as_deref()), (0, Some("/process_api")));
    }

    #[test]
    fn a_rate_limited_kill_has_no_owner() {
        let last = V1_OWN.lines().last().unwrap();
        assert_eq!(read(last), []);
        // Nor does it complete somebody else's report.
        let other = format!("{V1_OWN}{}", last.replace("8685", "9"));
        assert_eq!(read(&other).len(), 1);
    }

    #[test]
    fn each_leaf_takes_its_own_and_nothing_piles_up() {
        let mut reports = Reports::default();
        V1_OWN.lines().for_each(|line| reports.line(line));
        V1_OWN.replace("LEAF", "OTHER").replace("8685", "9").lines().for_each(|line| reports.line(line));
        assert_eq!(reports.take("LEAF").len(), 1);
        assert_eq!(reports.take("LEAF"), []);
        assert_eq!(victims(&reports.take("OTHER"))[0].0, 9);
        for _ in 0..=MOST_KILLS {
            V1_OWN.lines().for_each(|line| reports.line(line));
        }
        assert_eq!(reports.take("LEAF").len(), MOST_KILLS);
    }

    #[test]
    fn other_messages_in_between() {
        let noisy = V1_OWN.replace('\n', "\neth0: link up\n");
        assert_eq!(read(&noisy), read(V1_OWN));
        let cut = V1_OWN.replace("total_rss 104574976\n", "");
        assert_eq!(read(&cut).len(), 1);
    }
}
