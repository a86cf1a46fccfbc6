//! Leaves that are too small for anything, that are taken away while the guest runs, whose controller is
//! not there, and that outlive their init.

use std::fs;
use std::path::{Path, PathBuf};

use harness_tests::machine::Need;
use harness_tests::needs;
use harness_tests::outside;
use harness_tests::twin::{Ran, Twin};

use crate::error::{Expected, failed, once, unsupported};

/// An OOM kill on the way to the test function is one, whatever the test expects.
#[test]
fn a_limit_below_what_a_guest_takes() {
    needs!(Need::MEMORY, Need::PIDS);
    for test in ["leaves::one_byte", "leaves::one_page", "leaves::one_page_is_expected"] {
        let ran = Twin::tests(&[test]).run();
        let run = ran.run_of(test);
        assert!(!ran.passed() && run["verdict"] == "fail", "{}", ran.output());
        assert_eq!(
            (&run["outcome"]["kind"], &run["outcome"]["by"]),
            (&"oom_killed".into(), &"own_limit".into())
        );
        once(&ran.output(), "less than it takes to get to the test function: raise `mem`");
    }
}

/// Lets the guest go on when `change` has been at its leaf's directories. Cgroups that it answers are removed at
/// the end.
fn meanwhile(change: impl FnOnce(&[PathBuf]) -> Vec<PathBuf>) -> Ran {
    meanwhile_of("leaves::waits", change)
}

fn meanwhile_of(test: &'static str, change: impl FnOnce(&[PathBuf]) -> Vec<PathBuf>) -> Ran {
    let twin = Twin::tests(&[test]);
    let mut gate = twin.gate("leaf");
    let running = twin.start();
    gate.arrived();
    let made = change(&outside::leaves(running.pid));
    gate.open();
    let ran = running.end();
    for cgroup in made {
        // systemd removes what is in the scope of a runner that has ended.
        let removed = fs::remove_dir(&cgroup);
        let is_gone = removed.as_ref().is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound);
        assert!(removed.is_ok() || is_gone, "{}: {removed:?}", cgroup.display());
    }
    ran.left_nothing();
    ran
}

/// Its processes go to a cgroup beside it: the one above may have controllers enabled, and then takes none.
fn take_away(leaf: &Path) -> PathBuf {
    let beside = move_out(leaf);
    fs::remove_dir(leaf).unwrap();
    beside
}

fn move_out(leaf: &Path) -> PathBuf {
    let beside = leaf.with_file_name(format!("beside-{}", leaf.file_name().unwrap().display()));
    move_to(leaf, &beside);
    beside
}

fn move_to(leaf: &Path, place: &Path) {
    fs::create_dir(place).unwrap();
    for pid in fs::read_to_string(leaf.join("cgroup.procs")).unwrap().lines() {
        fs::write(place.join("cgroup.procs"), pid).unwrap();
    }
}

/// As code does that manages cgroups, in the test itself too: then no limit binds.
#[test]
fn a_body_that_has_left_its_leaf() {
    needs!(Need::MEMORY, Need::PIDS, Need::CGROUP_NAMESPACE);
    for test in ["leaves::waits", "leaves::waits_in_a_namespace"] {
        let ran = meanwhile_of(test, |leaves| leaves.iter().map(|leaf| move_out(leaf)).collect());
        let run = ran.run_of(test);
        assert!(!ran.passed() && run["verdict"] == "fail", "{}", ran.output());
        assert_eq!(run["setup_error"]["step"], "stay in the cgroup leaf", "{run}");
        once(&ran.output(), "where its limits do not hold");
        once(&ran.output(), "has no verdict");
    }
}

/// Those that say nothing themselves, whatever ending was expected.
const SILENT: [&str; 3] =
    ["leaves::waits_and_exits", "leaves::waits_and_is_killed", "leaves::a_program_waits"];

#[test]
fn a_body_that_ends_outside_of_its_leaf() {
    needs!(Need::MEMORY, Need::NAMESPACES);
    for test in SILENT {
        let mut is_of_v2 = false;
        let ran = meanwhile_of(test, |leaves| {
            is_of_v2 = leaves.iter().any(|leaf| leaf.join("cgroup.events").exists());
            leaves.iter().map(|leaf| move_out(leaf)).collect()
        });
        if !is_of_v2 {
            eprintln!("not run: cgroup v1 does not say where a process was when it ended");
            return;
        }
        assert!(!ran.passed(), "{}", ran.output());
        once(&ran.output(), "stay in the cgroup leaf");
        once(&ran.output(), "where its limits do not hold");
    }
}

#[test]
fn a_body_that_ends_in_its_leaf_or_below() {
    needs!(Need::MEMORY, Need::NAMESPACES);
    for test in SILENT {
        meanwhile_of(test, |_| Vec::new()).must_pass();
        meanwhile_of(test, |leaves| {
            leaves.iter().for_each(|leaf| move_to(leaf, &leaf.join("below")));
            Vec::new()
        })
        .must_pass();
    }
}

/// What is below has the limits of what is above.
#[test]
fn a_body_that_has_gone_below_its_leaf() {
    needs!(Need::MEMORY, Need::PIDS, Need::CGROUP_NAMESPACE);
    for test in ["leaves::waits", "leaves::waits_in_a_namespace"] {
        let below = |leaves: &[PathBuf]| {
            // A leaf of v1's cpuset has nothing for its children.
            let able = leaves.iter().filter(|leaf| !leaf.join("cpuset.cpus").exists());
            able.for_each(|leaf| move_to(leaf, &leaf.join("below")));
            Vec::new()
        };
        meanwhile_of(test, below).must_pass();
    }
}

fn gone(ran: &Ran, file: &str) {
    let run = ran.run_of("leaves::waits");
    let path = run["setup_error"]["object"]["path"].as_str().unwrap_or_default().to_owned();
    assert!(path.ends_with(file), "{run}");
    let line = format!("read the cgroup leaf {path}");
    let remedy = "somebody removed the cgroup while the test ran";
    failed(ran, "leaves::waits", &Expected { line: &line, errno: "ENOENT", remedy });
    once(&ran.output(), "has no verdict");
}

#[test]
fn a_leaf_that_vanishes() {
    needs!(Need::MEMORY, Need::PIDS);
    let ran = meanwhile(|leaves| leaves.iter().map(|leaf| take_away(leaf)).collect());
    let run = ran.run_of("leaves::waits");
    let path = run["setup_error"]["object"]["path"].as_str().unwrap_or_default();
    gone(&ran, Path::new(path).file_name().unwrap().to_str().unwrap());
}

/// With the OOM counter still there, but a limit gone.
#[test]
fn one_limits_leaf_vanishes() {
    needs!(Need::MEMORY, Need::PIDS);
    let mut is_of_its_own = false;
    let ran = meanwhile(|leaves| {
        let of_pids = leaves.iter().find(|leaf| leaf.join("pids.max").exists()).unwrap();
        is_of_its_own =
            ["memory.limit_in_bytes", "memory.max"].iter().all(|file| !of_pids.join(file).exists());
        vec![take_away(of_pids)]
    });
    // On v2 the same directory has the OOM counter, which is looked for first.
    gone(&ran, if is_of_its_own { "pids.max" } else { "memory.events" });
}

/// With the test's own leave or without: nobody has to trust it.
#[test]
fn a_limit_that_is_lifted() {
    needs!(Need::MEMORY, Need::PIDS);
    let lift = |leaves: &[PathBuf]| {
        let of_pids = leaves.iter().find(|leaf| leaf.join("pids.max").exists()).unwrap();
        fs::write(of_pids.join("pids.max"), "max").unwrap();
        Vec::new()
    };
    for (test, ran) in [
        ("leaves::waits", meanwhile(lift)),
        ("leaves::lifts_its_limit", Twin::tests(&["leaves::lifts_its_limit"]).run()),
    ] {
        assert!(!ran.passed() && ran.run_of(test)["verdict"] == "fail", "{}", ran.output());
        once(&ran.output(), "pids.max: asked for `7`, reads back `max`");
        once(&ran.output(), "has no verdict");
    }
}

#[test]
fn left_alone() {
    needs!(Need::MEMORY, Need::PIDS);
    meanwhile(|_| Vec::new()).must_pass();
}

/// One hierarchy of several is not mounted: no limit of its kind, and all others.
#[test]
fn a_controller_that_is_missing() {
    needs!(Need::MEMORY, Need::PIDS);
    if !Path::new("/sys/fs/cgroup/pids").exists() {
        eprintln!("not run: cgroup v2 has all controllers in one hierarchy");
        return;
    }
    let hide = "mount -t tmpfs none /sys/fs/cgroup/pids";
    let unshare = ["unshare", "--mount", "--propagation=private"];
    let tests = ["everywhere::few_processes", "everywhere::little_memory"];
    let ran = Twin::in_shell(&unshare, hide, &tests).run();
    assert_eq!(ran.outcome("everywhere::little_memory"), "passed", "{}", ran.output());
    let (found, remedy) = ("has the pids controller", "mount -t cgroup -o pids");
    unsupported(&ran, "everywhere::few_processes", "pids = ...", found, remedy);
}

/// What its init left is named, and does not stay.
#[test]
fn a_leaf_without_an_init() {
    needs!(Need::MEMORY, Need::PIDS);
    let twin = Twin::tests(&["leaves::kills_its_init"]);
    let mut gate = twin.gate("leaf");
    let running = twin.start();
    gate.arrived();
    gate.open();
    let ran = running.finish();
    let run = ran.run_of("leaves::kills_its_init");
    assert!(!ran.passed() && run["verdict"] == "fail");
    let left = run["evidence"]["leftovers"].as_array().unwrap();
    assert_eq!(left.len(), 1, "{run}");
    once(&ran.output(), "\n  left    ");
}
