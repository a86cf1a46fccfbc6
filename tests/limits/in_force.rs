//! The limits stand in the leaf while the body runs, and the body, nobody else, is in it.

use harness_tests::machine::Need;
use harness_tests::needs;
use harness_tests::outside;
use harness_tests::twin::{Running, Twin};

/// Looks at the leaf of a guest that waits.
fn look(test: &str, look: impl FnOnce(&Running)) {
    let test = format!("limits::{test}");
    let twin = Twin::tests(&[&test]);
    let mut gate = twin.gate("limit");
    let running = twin.start();
    gate.arrived();
    look(&running);
    gate.open();
    running.finish().must_pass();
}

const MEMORY: &[&str] = &["memory.limit_in_bytes", "memory.max"];
const MIB: u64 = 1 << 20;

/// Without `swap`, there is none.
#[test]
fn memory() {
    needs!(Need::MEMORY);
    look("memory", |run| {
        assert_eq!(run.figure(MEMORY), (32 * MIB).to_string());
        assert_eq!(swap(run), 0);
    });
}

#[test]
fn memory_and_swap() {
    needs!(Need::MEMORY);
    look("swap", |run| {
        assert_eq!(run.figure(MEMORY), (32 * MIB).to_string());
        assert_eq!(swap(run), 8 * MIB);
    });
}

/// On v1 the file counts both.
fn swap(run: &Running) -> u64 {
    let number = |names: &[&str]| run.figure(names).parse::<u64>().unwrap();
    let is_v1 = outside::leaves(run.pid).iter().any(|leaf| leaf.join("memory.limit_in_bytes").exists());
    if is_v1 {
        number(&["memory.memsw.limit_in_bytes"]) - number(MEMORY)
    } else {
        number(&["memory.swap.max"])
    }
}

#[test]
fn pids() {
    needs!(Need::PIDS);
    look("pids", |run| assert_eq!(run.figure(&["pids.max"]), "7"));
}

#[test]
fn cpu() {
    needs!(Need::CPU);
    look("cpu", |run| assert_eq!(share(run), 500));
}

/// Thousandths of a core.
fn share(run: &Running) -> u64 {
    let quota = run.figure(&["cpu.cfs_quota_us", "cpu.max"]);
    let quota = quota.split(' ').next().unwrap().parse::<u64>().unwrap();
    let period = run.figure(&["cpu.cfs_period_us", "cpu.max"]);
    let period = period.split(' ').next_back().unwrap().parse::<u64>().unwrap();
    quota * 1000 / period
}

#[test]
fn cpuset() {
    needs!(Need::CPUSET);
    look("cpuset", |run| {
        assert_eq!(run.figure(&["cpuset.effective_cpus", "cpuset.cpus.effective"]), "0");
        let body = run.process("harness-body").pid;
        assert_eq!(outside::field(body, "Cpus_allowed_list:").as_deref(), Some("0"));
    });
}

#[test]
fn all_of_them_together() {
    needs!(Need::MEMORY, Need::PIDS, Need::CPU, Need::CPUSET);
    look("together", |run| {
        assert_eq!(run.figure(MEMORY), (48 * MIB).to_string());
        assert_eq!((run.figure(&["pids.max"]).as_str(), share(run)), ("9", 1500));
        assert_eq!(run.figure(&["cpuset.effective_cpus", "cpuset.cpus.effective"]), "0");
    });
}

#[test]
fn the_body_is_inside_and_its_init_is_not() {
    needs!(Need::MEMORY);
    look("memory", |run| {
        let body = run.process("harness-body").pid.to_string();
        for leaf in outside::leaves(run.pid) {
            let inside = std::fs::read_to_string(leaf.join("cgroup.procs")).unwrap();
            assert_eq!(inside.trim(), body, "{}", leaf.display());
        }
    });
}
