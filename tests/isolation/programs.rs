//! Ordinary Rust works in a guest: threads, programs, backtraces, panics, constructors.

use std::backtrace::Backtrace;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use harness::isolated;
use harness_tests::machine::Need;
use harness_tests::needs;
use harness_tests::twin::Twin;

#[isolated(pid)]
fn threads() {
    let threads: Vec<_> = (0..8).map(|number| thread::spawn(move || number * 2)).collect();
    let sum: i32 = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
    assert_eq!(sum, 56);
    let panicked = thread::spawn(|| panic!("on purpose")).join();
    assert_eq!(panicked.unwrap_err().downcast_ref::<&str>(), Some(&"on purpose"));
}

#[isolated(pid)]
fn programs() {
    let output = Command::new("sh").args(["-c", "cat; exit 3"]).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    let killed = Command::new("sh").args(["-c", "kill -9 $$"]).status().unwrap();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&killed), Some(9));
}

#[isolated(pid)]
fn backtraces() {
    let trace = Backtrace::force_capture().to_string();
    assert!(trace.contains("programs::backtraces"), "{trace}");
    assert!(trace.contains("programs.rs"), "{trace}");
}

#[isolated(pid)]
fn caught_panics() {
    let caught = std::panic::catch_unwind(|| panic!("caught"));
    assert!(caught.is_err());
}

/// The name of the test, and the place of the panic, as without isolation.
#[test]
fn a_panic_names_place_and_thread() {
    needs!(Need::NAMESPACES);
    let ran = Twin::tests(&["output::panics_at_a_known_line"]).run();
    let source = include_str!("../twins/output.rs");
    let line = 1 + source.lines().position(|line| line.contains("the line that")).unwrap();
    let place = format!("twins/output.rs:{line}:5");
    let headline = format!("thread 'output::panics_at_a_known_line' (2) panicked at tests/{place}");
    assert!(ran.stdout.contains(&headline), "{}", ran.output());
    let location = ran.run_of("output::panics_at_a_known_line")["outcome"]["location"].clone();
    assert!(location.as_str().unwrap().ends_with(&place), "{location}");
    assert_eq!(ran.run_of("output::panics_at_a_known_line")["outcome"]["message"], "known");
}

#[test]
fn a_panic_that_should_be() {
    needs!(Need::NAMESPACES);
    Twin::tests(&["output::panics_as_it_should"]).run().must_pass();
}

/// How often our own constructor ran in this process.
static CONSTRUCTED: AtomicUsize = AtomicUsize::new(0);

extern "C" fn construct() {
    CONSTRUCTED.fetch_add(1, Ordering::Relaxed);
}

#[expect(unsafe_code, reason = "a constructor, as the ctor crate makes them")]
#[used]
#[unsafe(link_section = ".init_array")]
static CONSTRUCTOR: extern "C" fn() = construct;

#[isolated(pid)]
fn constructors_have_run_once() {
    assert_eq!(CONSTRUCTED.load(Ordering::Relaxed), 1);
    assert_eq!(harness_tests::checks::constructed(), (1, 1));
}

#[test]
fn constructors_have_run_once_in_the_runner() {
    needs!(Need::NAMESPACES);
    assert_eq!(CONSTRUCTED.load(Ordering::Relaxed), 1);
    assert_eq!(harness_tests::checks::constructed(), (1, 1));
}

#[isolated(pid)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_asynchronous_runtime() {
    let task = tokio::spawn(async { tokio::time::sleep(std::time::Duration::from_millis(1)).await });
    task.await.unwrap();
    let here = tokio::task::spawn_blocking(std::process::id).await.unwrap();
    assert_eq!(here, 2);
}
