//! Every failure text, as a person reads it: one snapshot for each way to fail, its variations below
//! each other. Failed steps are in `steps`.

mod steps;

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::*;
use crate::capability::{self, Answer, Finding};
use crate::evidence::{
    Deadline, Measured, MemoryStat, Oom, OomBy, Panic, Victim, Violation, WaitStatus, WaitStatus::*,
};
use crate::outcome::{conclude, passes};
use crate::policy::{self, BadSetting, Lack, Objection, required_of};
use crate::spec::{Expect, Namespaces, Resource, Rlimit, Size};

const AGAIN: &str = "cargo test -p demo -- --exact it --nocapture";
const KILLED: WaitStatus = Signaled { signal: libc::SIGKILL, core: false };
const SEGV: WaitStatus = Signaled { signal: libc::SIGSEGV, core: false };

fn spec() -> Spec<'static> {
    Spec::new("demo::it", "/demo").unshare(Namespaces::PID)
}

fn fine() -> Evidence {
    let mut evidence = Evidence {
        started: true,
        returned: Some(0),
        body: Some(Exited(0)),
        init: Some(Exited(0)),
        cgroups: vec![PathBuf::from("/sys/fs/cgroup/memory/user/harness.1")],
        ..Evidence::default()
    };
    evidence.usage.wall = Duration::from_millis(134);
    evidence.usage.cpu_user = Some(Measured::new(Duration::from_millis(90), "rusage"));
    evidence.usage.cpu_system = Some(Measured::new(Duration::from_micros(12_300), "rusage"));
    evidence
}

fn ended(body: WaitStatus) -> Evidence {
    Evidence { returned: None, body: Some(body), ..fine() }
}

fn panicking() -> Evidence {
    let message = Some("assertion `left == right` failed\n  left: 1\n right: 2".to_owned());
    let panicked = Panic { message, location: Some("src/lib.rs:12:5".to_owned()), backtrace: None };
    Evidence { panicked: Some(panicked), ..ended(Exited(101)) }
}

fn in_leaf(mut evidence: Evidence) -> Evidence {
    evidence.usage.memory_peak = Some(Measured::new(12_900_000, "memory.peak"));
    evidence.usage.memory_limit = Some(Measured::new(100 << 20, "memory.max"));
    evidence
}

fn at_the_limit(by: OomBy, evidence: Evidence) -> Evidence {
    let mut evidence = in_leaf(evidence);
    let bytes = [
        ("anon", 97 << 20),
        ("file", 1_300_000),
        ("shmem", 0),
        ("kernel_stack", 65_536),
        ("pagetables", 400_000),
        ("slab", 300_000),
    ];
    let bytes = bytes.map(|(name, bytes)| (name.to_owned(), bytes)).to_vec();
    let stat = MemoryStat { when: "at the OOM kill".to_owned(), bytes };
    evidence.usage.memory_stat = Some(Measured::new(stat, "kernel log"));
    if by == OomBy::OwnLimit {
        evidence.usage.memory_peak = Some(Measured::new(100 << 20, "memory.peak"));
    }
    evidence.oom = Some(oom(by, 1, vec![victim(4711, "hungry")]));
    evidence
}

fn oom(by: OomBy, kills: u64, victims: Vec<Victim>) -> Oom {
    Oom { by, kills, leaf: PathBuf::from("/sys/fs/cgroup/memory/user/harness.1"), limit_of: None, victims }
}

fn victim(pid: i32, comm: &str) -> Victim {
    Victim { pid, comm: comm.to_owned(), anon_rss: Some(97 << 20) }
}

fn process(pid: i32, comm: &str, cmdline: &str) -> Process {
    Process { pid, comm: comm.to_owned(), cmdline: cmdline.to_owned() }
}

fn daemon() -> Process {
    process(7, "sleep", "sleep 1000")
}

fn late(limit: Deadline, evidence: Evidence) -> Evidence {
    Evidence { deadline: Some(limit), ..evidence }
}

const WALL: Deadline = Deadline::Wall(Duration::from_secs(5));

/// What the user sees of this evidence; it must not be a pass.
fn text(spec: &Spec<'_>, evidence: &Evidence) -> String {
    match conclude(spec, evidence) {
        Ok(outcome) => {
            assert!(!passes(spec, &outcome, evidence), "{evidence:?}");
            failure(spec, &outcome, evidence, AGAIN)
        }
        Err(error) => not_run(spec, &error, AGAIN),
    }
}

/// Texts below each other, each with its circumstances.
fn gallery<'a>(cases: impl IntoIterator<Item = (&'a str, Spec<'a>, Evidence)>) -> String {
    let shown =
        |(what, spec, evidence): (&str, Spec<'_>, Evidence)| format!("[{what}]\n{}", text(&spec, &evidence));
    cases.into_iter().map(shown).collect::<Vec<_>>().join("\n\n")
}

#[test]
fn oom_killed() {
    use OomBy::{Ancestor, Host, OwnLimit};
    let unknown = Evidence { oom: Some(oom(OwnLimit, 3, vec![])), ..in_leaf(ended(KILLED)) };
    let mut named = at_the_limit(Ancestor, ended(KILLED));
    named.oom.as_mut().unwrap().limit_of = Some(PathBuf::from("/user.slice/ci.scope"));
    let mut child = at_the_limit(OwnLimit, fine());
    child.leftovers.push(process(9, "sh", "sh -c hungry; sleep 9"));
    let mut swapping = at_the_limit(OwnLimit, ended(KILLED));
    swapping.usage.swap_limit = Some(Measured::new(10 << 20, "memory.swap.max"));
    let group = oom(OwnLimit, 3, vec![victim(4711, "hungry"), victim(4712, "sh")]);
    swapping.oom = Some(group);
    let text = gallery([
        ("the body, at its own limit", spec(), at_the_limit(OwnLimit, ended(KILLED))),
        ("nothing known but the count", spec(), unknown),
        (
            "before the test function",
            spec(),
            Evidence { started: false, ..at_the_limit(OwnLimit, ended(KILLED)) },
        ),
        ("a child; the body goes on and is content", spec(), child),
        ("a child; the body panics", spec(), at_the_limit(OwnLimit, panicking())),
        ("over a backtrace", spec(), Evidence { panicking: 1, ..at_the_limit(OwnLimit, ended(KILLED)) }),
        ("with swap and a whole group", spec(), swapping),
        ("an ancestor's limit", spec(), at_the_limit(Ancestor, ended(KILLED))),
        ("an ancestor's limit, by the kernel log", spec(), named),
        ("the host", spec(), at_the_limit(Host, ended(KILLED))),
        (
            "expected, but before the test function",
            spec().expect(Expect::Oom),
            Evidence { started: false, ..at_the_limit(OwnLimit, ended(KILLED)) },
        ),
        ("expected, but an ancestor's", spec().expect(Expect::Oom), at_the_limit(Ancestor, ended(KILLED))),
        ("expected, but the body panics", spec().expect(Expect::Oom), at_the_limit(OwnLimit, panicking())),
        (
            "expected, but the body exits",
            spec().expect(Expect::Oom),
            at_the_limit(OwnLimit, ended(Exited(0))),
        ),
    ]);
    insta::assert_snapshot!(text);
}

#[test]
fn timed_out() {
    let cpu = Deadline::Cpu(Duration::from_secs(2));
    let body = process(2, "harness-body", "/target/debug/deps/demo-1 it");
    let running = Evidence { leftovers: vec![body, daemon()], ..ended(KILLED) };
    let unstarted = Evidence { started: false, ..ended(KILLED) };
    let stopped = ended(Stopped { signal: libc::SIGSTOP });
    let asked = spec().expect(Expect::Timeout);
    let oom = at_the_limit(OomBy::OwnLimit, ended(KILLED));
    let text = gallery([
        ("wall time", spec(), late(WALL, running.clone())),
        ("cpu time", spec(), late(cpu, running)),
        ("before the test function", spec(), late(WALL, unstarted)),
        ("stopped", spec(), late(WALL, stopped)),
        ("after success", spec(), late(WALL, Evidence { body: Some(KILLED), ..fine() })),
        ("expected, but after success", asked, late(WALL, Evidence { body: Some(KILLED), ..fine() })),
        ("after an OOM kill", spec(), late(WALL, oom.clone())),
        ("expected, but after an OOM kill", asked, late(WALL, oom)),
    ]);
    insta::assert_snapshot!(text);
}

/// Its own leaf, and one that a killed runner has left.
fn unclean(evidence: Evidence) -> Evidence {
    let left = |path: &str| SetupError::new(Step::RemoveLeaf, Path::new(path), Errno::EBUSY);
    Evidence { cleanup: vec![left("/sys/fs/cgroup/a")], unswept: vec![left("/sys/fs/cgroup/b")], ..evidence }
}

#[test]
fn died_by_a_signal() {
    let by = |signal, core| ended(Signaled { signal, core });
    let on_the_way_out = |evidence| Evidence { body: Some(SEGV), ..evidence };
    let cpu = [Rlimit { resource: Resource::Cpu, value: Some(1) }];
    let cpu = spec().limits(crate::spec::Limits { rlimits: &cpu, ..crate::spec::Limits::NONE });
    let text = gallery([
        ("segfault", spec(), by(libc::SIGSEGV, true)),
        ("abort", spec(), by(libc::SIGABRT, false)),
        ("segfault as pid 1", spec().pid1(), by(libc::SIGSEGV, false)),
        ("killed, counted", spec(), in_leaf(by(libc::SIGKILL, false))),
        ("killed, not counted", spec(), by(libc::SIGKILL, false)),
        ("killed, with something left", spec(), unclean(by(libc::SIGKILL, false))),
        ("killed by rlimit(cpu)", cpu, in_leaf(by(libc::SIGKILL, false))),
        ("xcpu", spec(), by(libc::SIGXCPU, false)),
        ("xfsz", spec(), by(libc::SIGXFSZ, false)),
        ("sys", spec(), by(libc::SIGSYS, false)),
        ("term", spec(), by(libc::SIGTERM, false)),
        ("real-time", spec(), by(40, false)),
        ("stopped", spec(), ended(Stopped { signal: libc::SIGSTOP })),
        ("after success", spec(), on_the_way_out(fine())),
        ("after a panic", spec(), on_the_way_out(panicking())),
        ("expected another", spec().expect(Expect::Signal(libc::SIGABRT)), by(libc::SIGSEGV, false)),
        ("expected, but late", spec().expect(Expect::Signal(libc::SIGSEGV)), on_the_way_out(fine())),
        (
            "the init",
            Spec::new("demo::it", "/demo"),
            Evidence { body: None, init: Some(KILLED), ..ended(KILLED) },
        ),
        ("the init in its namespace", spec(), Evidence { body: None, init: Some(KILLED), ..ended(KILLED) }),
    ]);
    insta::assert_snapshot!(text);
}

#[test]
fn returned_exited_or_panicked() {
    let returned = |code| Evidence { returned: Some(code), ..ended(Exited(1)) };
    let mut full = in_leaf(panicking());
    full.usage.pids_refused = Some(Measured::new(3, "pids.events"));
    full.usage.pids_limit = Some(Measured::new(20, "pids.max"));
    full.usage.cpu_throttled = Some(Measured::new(Duration::from_millis(80), "cpu.stat"));
    full.usage.wall = Duration::from_secs(125);
    let bare = Panic { message: None, location: None, backtrace: None };
    let mut small = returned(1);
    small.usage.maxrss = Some(Measured::new(5 << 20, "rusage"));
    let text = gallery([
        ("panic", spec(), panicking()),
        ("panic, forks refused, throttled", spec(), full),
        ("panic without a word", spec(), Evidence { panicked: Some(bare), ..panicking() }),
        ("panic, under should_panic", spec().should_panic(), panicking()),
        ("error", spec(), small),
        ("exit 0", spec(), ended(Exited(0))),
        ("exit 3", spec(), ended(Exited(3))),
        ("exit before the test", spec(), Evidence { started: false, ..ended(Exited(3)) }),
        ("exit changed on the way out", spec(), Evidence { returned: Some(0), ..ended(Exited(3)) }),
        ("expected another exit", spec().expect(Expect::Exit(4)), ended(Exited(3))),
        ("expected exit, but returned it", spec().expect(Expect::Exit(3)), returned(3)),
        ("exit under should_panic", spec().should_panic(), ended(Exited(0))),
    ]);
    insta::assert_snapshot!(text);
}

#[test]
fn success_where_something_else_was_expected() {
    let text = gallery([
        ("oom", spec().expect(Expect::Oom), in_leaf(fine())),
        ("timeout", spec().expect(Expect::Timeout), fine()),
        ("exit", spec().expect(Expect::Exit(3)), fine()),
        ("signal", spec().expect(Expect::Signal(libc::SIGSEGV)), fine()),
        ("panic", spec().should_panic(), fine()),
    ]);
    insta::assert_snapshot!(text);
}

#[test]
fn left_processes() {
    let one = Evidence { leftovers: vec![daemon()], ..fine() };
    let forged_name = process(8, "x\n\x1b[31m", "evil\n  remedy  trust me");
    let nameless = process(0, "a process that /proc does not show", "");
    let many = Evidence { leftovers: vec![daemon(), forged_name, nameless], ..fine() };
    let crowd = Evidence { leftovers: (10..30).map(|pid| process(pid, "bomb", "")).collect(), ..fine() };
    let exited = Evidence { leftovers: vec![daemon()], ..ended(Exited(3)) };
    let panicked = Evidence { leftovers: vec![daemon()], ..panicking() };
    let text = gallery([
        ("one", spec(), one),
        ("some", spec(), many),
        ("a crowd", spec(), crowd),
        ("beside the expected exit", spec().expect(Expect::Exit(3)), exited),
        ("beside the expected panic", spec().should_panic(), panicked),
    ]);
    insta::assert_snapshot!(text);
}

#[test]
fn not_to_be_judged() {
    let violated = |violation| Evidence { violation: Some(violation), ..fine() };
    let no_body = |init| Evidence { body: None, init, ..fine() };
    let forged = Violation::Forged { length: 12 };
    let killed = Evidence { init: Some(KILLED), ..fine() };
    let text = gallery([
        ("forged", spec(), violated(forged.clone())),
        ("second verdict", spec(), violated(Violation::OutOfOrder { frame: "a second verdict" })),
        ("early verdict", spec(), Evidence { started: false, ..fine() }),
        ("forked child", spec(), violated(Violation::Escaped { pid: 5 })),
        ("init silent", spec(), no_body(Some(Exited(0)))),
        ("init unseen", spec(), no_body(None)),
        ("init killed at the end", spec(), killed),
        (
            "beside the expected timeout",
            spec().expect(Expect::Timeout),
            late(WALL, Evidence { violation: Some(forged), ..ended(KILLED) }),
        ),
    ]);
    insta::assert_snapshot!(text);
}

#[test]
fn cannot_run_here() {
    let lacks = Unsupported {
        step: None,
        need: "mem = ...".to_owned(),
        found: "no mounted hierarchy offers the memory controller".to_owned(),
        remedy: "mount it, for example: mount -t cgroup2 none /sys/fs/cgroup".to_owned(),
    };
    let required = Some("memory,pids");
    let texts = [unsupported(&spec(), &lacks, None), unsupported(&spec(), &lacks, required)];
    let skipped = [skipped(&spec(), &lacks), skips(1), skips(12)].concat();
    let text = format!("{}\n\n{skipped}", texts.join("\n\n"));
    insta::assert_snapshot!(text);
}

#[test]
fn a_machine_that_is_not_what_it_must_be() {
    let bad = |name, value: &str| required_of(name, value).unwrap_err();
    let unsupported = BadSetting {
        name: policy::UNSUPPORTED,
        given: "Skip".to_owned(),
        wrong: "Skip".to_owned(),
        accepted: vec!["fail", "skip"],
        meant: Some("skip"),
    };
    let lack = |name, finding| Lack { capability: capability::named(name).unwrap(), finding };
    let (answer, found, remedy) = (Answer::No, "none is mounted".to_owned(), Some("mount it".to_owned()));
    let missing = vec![
        lack("memory", Finding { answer, found, remedy }),
        lack("ptrace", Finding { answer, found: "ptrace: no".to_owned(), remedy: None }),
    ];
    let required = "userns,memory,ptrace".to_owned();
    let objections = [
        Objection::Setting(unsupported),
        Objection::Setting(bad(policy::REQUIRE, "memory,seccomp")),
        Objection::Lacking { required, missing },
    ];
    let text = objections.map(|one| objection(&spec(), &one)).join("\n\n");
    insta::assert_snapshot!(text);
}

#[test]
fn notices() {
    let mut usage = in_leaf(fine()).usage;
    usage.pids_peak = Some(Measured::new(3, "pids.peak"));
    usage.pids_limit = Some(Measured::new(20, "pids.max"));
    let full = io::Error::from_raw_os_error(libc::ENOSPC);
    let text = [
        usage_line(&spec(), &usage),
        usage_line(&spec(), &Usage { wall: Duration::from_micros(640), ..Usage::default() }),
        left_warning(&spec(), &[daemon()]),
        cut("stdout", 1 << 30),
        report_lost(Errno::EPIPE),
        report_not_written(Path::new("/full/report.jsonl"), &full),
        report_not_written(Path::new("/x"), &io::Error::other("no reason")),
    ]
    .join("\n\n");
    insta::assert_snapshot!(text);
}

/// Nothing that the guest chose can start a line of its own.
#[test]
fn a_guest_cannot_forge_a_line() {
    let evil = "x\nisolated test demo::other passed\x1b[2J\r";
    let mut evidence = at_the_limit(OomBy::OwnLimit, panicking());
    evidence.panicked =
        Some(Panic { message: Some(evil.to_owned()), location: Some(evil.to_owned()), backtrace: None });
    evidence.oom = Some(oom(OomBy::OwnLimit, 1, vec![victim(1, evil)]));
    evidence.leftovers = vec![process(1, evil, evil)];
    let spec =
        spec().limits(crate::spec::Limits { memory_max: Some(Size::bytes(1)), ..crate::spec::Limits::NONE });
    for evidence in [Evidence { oom: None, ..evidence.clone() }, late(WALL, evidence.clone()), evidence] {
        let text = text(&spec, &evidence);
        assert!(text.lines().skip(1).all(|line| line.starts_with("  ")), "{text}");
        assert!(!text.contains(['\x1b', '\r']), "{text}");
    }
}
