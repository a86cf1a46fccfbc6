//! Limits stop whoever runs into them, and only them.

use harness::isolated;
use harness_tests::checks;
use harness_tests::machine::Need;
use harness_tests::needs;
use harness_tests::twin::Twin;

/// The init does not count.
#[isolated(pid, pids = 1)]
fn one_process_is_the_body() {
    checks::forks_fail();
}

#[isolated(pid, pids = 2, timeout = "60s")]
fn two_are_the_body_and_a_thread() {
    std::thread::spawn(checks::forks_fail).join().unwrap();
    // The kernel says that a thread has ended a little before it gives back its place.
    while std::thread::Builder::new().spawn(|| {}).is_err() {
        std::thread::yield_now();
    }
}

#[isolated(pid, cpuset = "0")]
fn one_cpu() {
    checks::runs_on_cpu_0_only();
    assert_eq!(std::thread::available_parallelism().unwrap().get(), 1);
}

#[isolated(all, mem = "64M", swap = 0, pids = 10, cpu = 1.0, cpuset = "0", timeout = "60s", cpu_time = "50s")]
fn within_all_of_them() {
    checks::runs_on_cpu_0_only();
    std::hint::black_box(vec![1_u8; 16 << 20]);
    std::thread::spawn(|| {}).join().unwrap();
}

/// One of two guests that take the same runs into its own limit; the other has room.
#[test]
fn two_guests_have_their_own_limits() {
    needs!(Need::MEMORY);
    let twin = Twin::tests(&["limits::hungry", "limits::content"]).env("RUST_TEST_THREADS", "2");
    let (mut hungry, mut content) = (twin.gate("hungry"), twin.gate("content"));
    let running = twin.start();
    hungry.arrived();
    content.arrived();
    hungry.open();
    content.open();
    // After it has taken its memory, beside one that may have died of the same.
    content.arrived();
    content.open();
    let ran = running.finish();
    ran.must_pass();
    assert_eq!(ran.outcome("limits::hungry"), "oom_killed");
    assert_eq!(ran.run_of("limits::hungry")["outcome"]["by"], "own_limit");
    assert_eq!(ran.outcome("limits::content"), "passed");
}

#[test]
fn guests_without_the_limits_are_caught() {
    needs!(Need::PIDS);
    let ran = Twin::tests(&["without::pids", "without::nofile"]).run();
    for test in ["without::pids", "without::nofile"] {
        assert_eq!(ran.outcome(test), "panicked", "{}", ran.output());
    }
}

#[test]
fn a_guest_on_every_processor_is_caught() {
    needs!(Need::CPU, Need::Processors);
    let ran = Twin::tests(&["limits::on_every_processor"]).run();
    assert_eq!(ran.outcome("limits::on_every_processor"), "panicked", "{}", ran.output());
}
