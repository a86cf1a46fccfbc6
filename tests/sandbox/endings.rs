//! How a program ends, and that nothing else comes out.

use std::time::Duration;

use harness::evidence::{Deadline, OomBy};
use harness::{Leaks, Outcome, Resource, Sandbox, Size};
use harness_tests::run;
use harness_tests::sandbox::{shell, text};

const PATIENCE: Duration = Duration::from_secs(120);

fn sandbox() -> Sandbox {
    Sandbox::new().pid().timeout(PATIENCE)
}

#[test]
fn exit_codes() {
    for (script, outcome) in [
        ("exit 0", Outcome::Passed),
        ("exit 3", Outcome::Exited(3)),
        ("exit 255", Outcome::Exited(255)),
        ("exec true", Outcome::Passed),
    ] {
        let run = run!(shell(sandbox(), script));
        assert_eq!(run.outcome, outcome, "{script}: {run}");
        assert_eq!(run.passed(), outcome == Outcome::Passed);
    }
}

#[test]
fn signals() {
    for (signal, number) in [("KILL", libc::SIGKILL), ("TERM", libc::SIGTERM), ("SEGV", libc::SIGSEGV)] {
        let run = run!(shell(sandbox().rlimit(Resource::Core, 0), &format!("kill -{signal} $$")));
        assert!(matches!(run.outcome, Outcome::Signaled { signal, .. } if signal == number), "{run}");
    }
}

/// Not what it is in this process, where Rust ignores it.
#[test]
fn no_signal_is_ignored() {
    let run = run!(shell(sandbox(), "grep SigIgn /proc/self/status; kill -PIPE $$"));
    assert!(matches!(run.outcome, Outcome::Signaled { signal: libc::SIGPIPE, .. }), "{run}");
    let ignored = text(&run.stdout).trim_start_matches("SigIgn:").trim();
    // Above are those that the C library keeps for itself.
    let standard = u64::from_str_radix(ignored, 16).unwrap() & u64::from(u32::MAX >> 1);
    assert_eq!(standard, 0, "{ignored}");
}

#[test]
fn stopped_for_ever() {
    let run = run!(shell(sandbox(), "kill -STOP $$"));
    assert_eq!(run.outcome, Outcome::Signaled { signal: libc::SIGSTOP, core: false }, "{run}");
}

#[test]
fn more_memory_than_it_may_have() {
    let run = run!(sandbox().memory_max(Size::mib(32)).command("tail").arg("/dev/zero"));
    let Outcome::OomKilled { by, kills, .. } = run.outcome else { panic!("{run}") };
    assert_eq!((by, kills), (OomBy::OwnLimit, 1), "{run}");
    let limit = run.usage.memory_limit.as_ref().map(|limit| limit.value);
    assert_eq!(limit, Some(32 << 20));
}

/// The program is content, and exits with 0.
#[test]
fn a_child_that_was_killed_for_memory_is_no_pass() {
    let run = run!(shell(sandbox().memory_max(Size::mib(32)), "tail /dev/zero; exit 0"));
    assert!(matches!(run.outcome, Outcome::OomKilled { by: OomBy::OwnLimit, .. }), "{run}");
}

/// SIGKILL alone is no OOM kill.
#[test]
fn killed_is_not_killed_for_memory() {
    let run = run!(shell(sandbox().memory_max(Size::mib(32)), "kill -9 $$"));
    assert_eq!(run.outcome, Outcome::Signaled { signal: libc::SIGKILL, core: false }, "{run}");
}

#[test]
fn too_late() {
    // Long enough to begin, also where a processor is emulated.
    let limit = Duration::from_secs(3);
    let run = run!(shell(Sandbox::new().pid().timeout(limit), "echo before; sleep 1000; echo after"));
    assert_eq!(run.outcome, Outcome::TimedOut { limit: Deadline::Wall(limit) }, "{run}");
    assert_eq!(run.stdout, b"before\n", "what was written before is kept");
    assert!(run.leftovers.iter().any(|process| process.cmdline == "sleep 1000"), "{:?}", run.leftovers);
}

#[test]
fn too_much_cpu_time() {
    let limit = Duration::from_millis(100);
    let run = run!(shell(sandbox().cpu_time(limit), "while :; do :; done"));
    assert_eq!(run.outcome, Outcome::TimedOut { limit: Deadline::Cpu(limit) }, "{run}");
}

/// It is what it is called before the shell ends.
const DAEMON: &str =
    "setsid sleep 1000 >/dev/null 2>&1 & until grep -q ^sleep /proc/$!/cmdline; do :; done; exit ";

#[test]
fn a_daemon_is_a_failure_where_it_is_seen_to_be_the_guests() {
    let run = run!(shell(sandbox(), &format!("{DAEMON} 0")));
    let Outcome::LeftProcesses(left) = &run.outcome else { panic!("{run}") };
    assert_eq!(left.iter().map(|process| &*process.cmdline).collect::<Vec<_>>(), ["sleep 1000"]);
    assert_eq!(*left, run.leftovers);
}

#[test]
fn a_daemon_is_named_where_it_is_no_failure() {
    let fails = Sandbox::new().timeout(PATIENCE);
    for sandbox in [sandbox().leaks(Leaks::Allow), sandbox().leaks(Leaks::Warn), fails] {
        let run = run!(shell(sandbox, &format!("{DAEMON} 0")));
        assert!(run.passed(), "{run}");
        assert_eq!(run.leftovers.len(), 1, "{run}");
        assert!(run.to_string().contains("sleep 1000"), "{run}");
    }
}

/// A code explains more than a daemon, which is told of all the same.
#[test]
fn a_daemon_does_not_hide_a_code() {
    let run = run!(shell(sandbox(), &format!("{DAEMON} 3")));
    assert_eq!(run.outcome, Outcome::Exited(3), "{run}");
    assert_eq!(run.leftovers.len(), 1, "{run}");
}

#[test]
fn more_output_than_it_may_write() {
    let limit = Size::kib(100);
    for script in ["yes", "yes >&2", "head -c 102401 /dev/zero"] {
        let run = run!(shell(sandbox().output_max(limit), script));
        assert_eq!(run.outcome, Outcome::WroteTooMuch { limit: limit.get() }, "{script}: {run}");
        assert_eq!(run.stdout.len() + run.stderr.len(), 100 << 10, "{script}");
    }
    let run = run!(shell(sandbox().output_max(limit), "head -c 102400 /dev/zero"));
    assert!(run.passed(), "{run}");
    assert_eq!(run.stdout.len(), 100 << 10);
}

#[test]
fn as_pid_1() {
    let run = run!(shell(Sandbox::new().pid1().timeout(PATIENCE), "echo $$; sleep 1000 & exit 4"));
    assert_eq!((run.outcome, &*run.stdout), (Outcome::Exited(4), &b"1\n"[..]));
}

/// The text for a person: the ending, its evidence, the end of stderr.
#[test]
fn a_run_explains_itself() {
    let run = run!(shell(sandbox(), "echo what went wrong >&2; exit 3"));
    let text = run.to_string();
    assert!(text.starts_with("sh exited with code 3\n"), "{text}");
    assert!(text.contains("stderr  what went wrong"), "{text}");
    assert_eq!(run.outcome.to_string(), "exited with code 3");
}
