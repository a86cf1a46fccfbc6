//! All that a program writes, byte by byte, and nothing to read.

use std::time::Duration;

use harness::{Leaks, Outcome, Sandbox};
use harness_tests::run;
use harness_tests::sandbox::shell;

fn sandbox() -> Sandbox {
    Sandbox::new().pid().timeout(Duration::from_secs(120))
}

#[test]
fn both_streams_apart() {
    let run = run!(shell(sandbox(), "echo out; echo err >&2; printf 'no newline'"));
    assert_eq!((&*run.stdout, &*run.stderr), (&b"out\nno newline"[..], &b"err\n"[..]));
}

#[test]
fn ten_megabytes() {
    let script = "i=0; while [ $i -lt 160 ]; do head -c 65536 /dev/zero | tr '\\0' x; i=$((i + 1)); done";
    let run = run!(shell(sandbox(), script));
    assert!(run.passed(), "{run}");
    assert_eq!(run.stdout.len(), 10 << 20);
    assert!(run.stdout.iter().all(|byte| *byte == b'x'));
}

/// At once, so that the pipe is full when the program ends.
#[test]
fn what_is_in_the_pipe_at_the_end() {
    for size in [65_535, 65_536, 65_537, 1 << 20] {
        let run = run!(sandbox().command("head").args(["-c", &size.to_string(), "/dev/zero"]));
        assert!(run.passed() && run.stdout.len() == size, "{size}: {}", run.stdout.len());
    }
}

#[test]
fn bytes_that_are_no_text() {
    let bytes: Vec<u8> = (0..=255).collect();
    let octal: String = bytes.iter().map(|byte| format!("\\{byte:03o}")).collect();
    let run = run!(sandbox().command("printf").arg(octal));
    assert_eq!(run.stdout, bytes);
}

#[test]
fn there_is_nothing_to_read() {
    let run = run!(shell(sandbox(), "cat; readlink /proc/self/fd/0"));
    assert_eq!(run.stdout, b"/dev/null\n");
}

/// No descriptor but the three.
#[test]
fn nothing_else_is_open() {
    let script = "for fd in $(seq 0 300); do [ ! -e /proc/$$/fd/$fd ] || echo $fd; done";
    let run = run!(shell(sandbox(), script));
    assert_eq!(run.stdout, b"0\n1\n2\n");
}

/// The daemon keeps both pipes open, and writes to them.
#[test]
fn a_daemon_that_holds_the_output() {
    let script = "(setsid sh -c 'echo daemon; exec sleep 1000' &); echo program";
    let run = run!(shell(sandbox().leaks(Leaks::Allow), script));
    assert_eq!(run.outcome, Outcome::Passed, "{run}");
    assert!(run.stdout.ends_with(b"program\n") || run.stdout.ends_with(b"daemon\n"), "{:?}", run.stdout);
    let without = Sandbox::new().timeout(Duration::from_secs(120));
    let run = run!(shell(without, script));
    assert!(run.passed(), "{run}");
}
