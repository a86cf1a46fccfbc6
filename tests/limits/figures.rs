//! The figures of a run are those of the guest: compared with what it said itself and with what it did.

use harness_tests::machine::Need;
use harness_tests::needs;
use harness_tests::twin::{Ran, Twin};

fn run(test: &str) -> (Ran, String) {
    let test = format!("limits::{test}");
    let ran = Twin::tests(&[&test]).arg("--nocapture").run();
    ran.must_pass();
    (ran, test)
}

const MIB: u64 = 1 << 20;

/// Threads' stacks, page tables, the test's own pages, and what the kernel charges in batches.
const SLACK: u64 = 8 * MIB;

#[test]
fn memory_of_a_guest_that_takes_32_mebibytes() {
    needs!(Need::MemoryPeak);
    let (ran, test) = run("uses_32_mebibytes");
    for figure in ["memory_peak", "maxrss"] {
        let bytes = ran.figure(&test, figure).unwrap();
        assert!((32 * MIB..32 * MIB + SLACK).contains(&bytes), "{figure}: {bytes}");
    }
    assert_eq!(ran.figure(&test, "memory_limit"), Some(100 * MIB));
    assert_eq!(ran.figure(&test, "swap_peak").unwrap_or(0), 0);
}

/// getrusage(2) just before the end is no more than what the init was told at the end, and not much less.
#[test]
fn rusage_of_a_guest() {
    needs!(Need::MEMORY);
    let (ran, test) = run("uses_32_mebibytes");
    let said = ran.output();
    let said = said.lines().find_map(|line| line.split_once("used ")).unwrap().1;
    let said: Vec<u64> = said.split(' ').map(|figure| figure.parse().unwrap()).collect();
    let figure = |name| ran.figure(&test, name).unwrap();
    // The kernel may count as system time later what was user time before, but no time is lost.
    let cpu = figure("cpu_user") + figure("cpu_system");
    assert!(cpu >= said[0] + said[1], "{cpu}, the guest said {said:?}");
    let names = ["maxrss", "minor_faults", "voluntary_switches", "involuntary_switches"];
    for (name, said) in names.into_iter().zip(&said[2..]) {
        assert!(figure(name) >= *said, "{name}: {}, the guest said {said}", figure(name));
    }
    assert!(figure("minor_faults") >= 32 * MIB / 4096 && figure("minor_faults") <= said[3] + 2000);
    // The guest has slept 2,000 times, if not all of them long enough to be put aside. Its way out waits for others
    // as often as these are there.
    assert!(figure("voluntary_switches") >= 1000 && figure("voluntary_switches") <= said[4] + 2000);
    // Less than all processors for the whole time.
    let processors = std::thread::available_parallelism().unwrap().get() as u64;
    assert!(cpu <= figure("wall") * processors);
}

#[test]
fn pids_of_a_guest_with_5_threads() {
    needs!(Need::PIDS);
    let (ran, test) = run("uses_5_threads");
    // A kernel before 6.12 keeps no peak on v1.
    assert!(matches!(ran.figure(&test, "pids_peak"), Some(6) | None), "{}", ran.run_of(&test));
    assert_eq!(ran.figure(&test, "pids_limit"), Some(20));
    assert_eq!(ran.figure(&test, "pids_refused").unwrap_or(0), 0);
}

#[test]
fn refused_pids() {
    needs!(Need::PIDS);
    let (ran, test) = run("is_refused_a_process");
    assert_eq!(
        (ran.figure(&test, "pids_peak").unwrap_or(3), ran.figure(&test, "pids_refused")),
        (3, Some(3))
    );
}

#[test]
fn throttled_cpu() {
    needs!(Need::CPU);
    let (ran, test) = run("is_throttled");
    assert!(ran.figure(&test, "cpu_throttled_periods").unwrap() >= 1);
    assert!(ran.figure(&test, "cpu_throttled").unwrap() > 0);
}

#[test]
fn memory_of_files() {
    needs!(Need::MemoryPeak);
    let (ran, test) = run("fills_a_tmpfs");
    let peak = ran.figure(&test, "memory_peak").unwrap();
    // The source of the copy and the copy.
    assert!((32 * MIB..32 * MIB + SLACK).contains(&peak), "{peak}");
}

/// Absent, not 0: nothing counted them.
#[test]
fn figures_that_are_not_to_be_had() {
    needs!(Need::NAMESPACES);
    let (ran, test) = run("without_a_leaf");
    for figure in ["memory_peak", "memory_limit", "swap_peak", "pids_peak", "pids_limit", "cpu_throttled"] {
        assert!(ran.run_of(&test)["usage"].get(figure).is_none(), "{figure}");
    }
    assert!(ran.figure(&test, "maxrss").unwrap() > 0);
    assert!(ran.figure(&test, "wall").unwrap() > 0);
}
