//! What is seen from outside: nothing is left, threads do not disturb each other, an ordinary binary and an ordinary
//! user can do it as well.

use std::process::{Command, Stdio};
use std::time::Duration;

use harness::{Leaks, Outcome, Sandbox, Size};
use harness_tests::machine::Need;
use harness_tests::sandbox::shell;
use harness_tests::users::{Everybodys, NOBODY};
use harness_tests::{build, needs, outside, run};

#[test]
fn many_at_once_and_nothing_left() {
    let mark = format!("outside-{}", std::process::id());
    let sandbox = Sandbox::new().pid().hostname("box").timeout(Duration::from_secs(300)).leaks(Leaks::Allow);
    let sandbox = sandbox.env("HARNESS_SANDBOX_MARK", &mark).memory_max(Size::mib(64));
    // For the skip.
    let first = run!(shell(sandbox.clone(), "exit 0"));
    assert!(first.passed(), "{first}");
    let runs: Vec<_> = std::thread::scope(|scope| {
        let start = |number: u8| {
            let script = format!("setsid sleep 1000 & echo {number}; exit {number}");
            let sandbox = shell(sandbox.clone(), &script);
            scope.spawn(move || (number, sandbox.output()))
        };
        let threads: Vec<_> = (1..=32).map(start).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for (number, run) in runs {
        let run = run.unwrap();
        assert_eq!(run.outcome, Outcome::Exited(number));
        assert_eq!(run.stdout, format!("{number}\n").as_bytes());
    }
    assert_eq!(outside::carrying("HARNESS_SANDBOX_MARK", &mark), []);
}

/// This binary again, with one thread for each test: no cgroup, process or file stays.
#[test]
fn a_process_of_runs_leaves_nothing() {
    let temporary = tempfile::tempdir().unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    build::clean(&mut command);
    command
        .args(["endings::", "output::"])
        .env("TMPDIR", temporary.path())
        .env("HARNESS_UNSUPPORTED", "skip");
    let mount = outside::mounts();
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let pid = i32::try_from(child.id()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert_eq!(outside::leaves(pid), [""; 0].map(std::path::PathBuf::from));
    assert_eq!(std::fs::read_dir(temporary.path()).unwrap().count(), 0);
    assert_eq!(outside::mounts(), mount);
}

/// What does not work for an ordinary user is `Unsupported`, and then only.
#[test]
fn an_ordinary_user() {
    needs!(Need::Root);
    let copy = Everybodys::of(&std::env::current_exe().unwrap());
    let mut command = Command::new(NOBODY[0]);
    build::clean(&mut command);
    command.args(&NOBODY[1..]).arg(copy.binary()).args(["--skip", "outside::", "--skip", "options::rootfs"]);
    command.current_dir("/").env("HARNESS_UNSUPPORTED", "skip").env_remove("TMPDIR");
    let output = command.output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&text));
}

/// A binary that is no test: the zygote comes with the crate.
#[test]
fn an_ordinary_binary() {
    needs!(Need::Compiler, Need::MEMORY);
    let example = build::binary("run", &["build", "--workspace", "--all-features", "--example", "run"]);
    let ran = Command::new(&example).args(["sh", "-c", "echo $$ on $(uname -n); exit 3"]).output().unwrap();
    assert_eq!(ran.status.code(), Some(1));
    assert_eq!(ran.stdout, b"2 on box\n");
    assert!(ran.stderr.starts_with(b"sh exited with code 3\n"), "{}", String::from_utf8_lossy(&ran.stderr));
    let missing = Command::new(&example).arg("no-such-program").output().unwrap();
    assert!(missing.stderr.starts_with(b"Error: find the program (no-such-program, in PATH): "));
}
