//! What the evidence says of guests that end in every way.

use std::os::unix::process::ExitStatusExt;

use super::*;

const SIGKILL: Option<i32> = Some(libc::SIGKILL);

#[test]
fn own_limit() {
    let Some(mut leaf) = leaf(&memory(16)) else { return };
    assert_eq!(run(&leaf, &format!("exec {HOG}")).signal(), SIGKILL);
    let (oom, usage) = evidence(&mut leaf);
    let oom = oom.unwrap();
    assert_eq!((oom.by, oom.kills), (OomBy::OwnLimit, 1));
    // The kernel log may have been silent: 10 reports in 5 s.
    assert!(oom.victims.iter().all(|victim| victim.comm == "tail"), "{oom:?}");
    assert_eq!(usage.memory_limit.unwrap().value, 16 * MIB);
    assert_eq!(usage.memory_peak.unwrap().value, 16 * MIB);
    assert_eq!(usage.swap_limit.map(|limit| limit.value), Some(0));
    if !oom.victims.is_empty() {
        let stat = usage.memory_stat.unwrap();
        assert_eq!((stat.value.when.as_str(), stat.source), ("at the OOM kill", "kernel log"));
        let anon = stat.value.bytes.iter().find(|(name, _)| name == "anon").unwrap().1;
        assert!((14 * MIB..=16 * MIB).contains(&anon), "{anon}");
    }
    remove(leaf);
}

/// The log would have named victims.
fn without_log(oom: Option<Oom>) -> (OomBy, u64, Option<PathBuf>) {
    let oom = oom.unwrap();
    assert_eq!(oom.victims, []);
    (oom.by, oom.kills, oom.limit_of)
}

#[test]
fn own_limit_without_the_kernel_log() {
    let Some(mut leaf) = leaf(&memory(16)) else { return };
    leaf.watch.close_log();
    leaf.sample();
    assert_eq!(run(&leaf, &format!("exec {HOG}")).signal(), SIGKILL);
    let (oom, usage) = evidence(&mut leaf);
    assert_eq!(without_log(oom), (OomBy::OwnLimit, 1, None));
    let when = usage.memory_stat.unwrap().value.when;
    assert!(when.starts_with("sampled ") && when.ends_with(" ms before the end"), "{when}");
    remove(leaf);
}

#[test]
fn within_the_limit() {
    let Some(mut leaf) = leaf(&memory(64)) else { return };
    assert!(run(&leaf, "head -c 1000000 /dev/zero | tail -c 1000000 > /dev/null").success());
    let (oom, usage) = evidence(&mut leaf);
    assert_eq!(oom, None);
    assert!((MIB..64 * MIB).contains(&usage.memory_peak.unwrap().value));
    assert_eq!(usage.memory_stat.unwrap().value.when, "at the end");
    remove(leaf);
}

#[test]
fn a_sigkill_proves_nothing() {
    let Some(mut leaf) = leaf(&memory(64)) else { return };
    assert_eq!(run(&leaf, "kill -9 $$").signal(), SIGKILL);
    assert_eq!(evidence(&mut leaf).0, None);
    remove(leaf);
}

#[test]
fn a_child_that_nobody_minds() {
    let Some(mut leaf) = leaf(&memory(16)) else { return };
    assert!(run(&leaf, &format!("{HOG}; {HOG}; exit 0")).success());
    assert_eq!(evidence(&mut leaf).0.unwrap().kills, 2);
    remove(leaf);
}

/// v1 counts a kill in the sub-cgroup only.
#[test]
fn a_victim_in_a_sub_cgroup() {
    for limit in ["", "echo 8M > $M/sub/memory.limit_in_bytes;"] {
        let Some(mut leaf) = leaf(&memory(16)) else { return };
        leaf.watch.close_log();
        let script = format!("mkdir $M/sub; {limit} (echo 0 > $M/sub/cgroup.procs; exec {HOG})");
        assert_eq!(run(&leaf, &script).code(), Some(128 + libc::SIGKILL));
        let oom = evidence(&mut leaf).0;
        assert_eq!(without_log(oom), (OomBy::OwnLimit, 1, None), "{limit}");
        remove(leaf);
    }
}

/// There the kernel log is all there is, and its rate limit has to let our report through.
#[test]
fn a_victim_in_a_sub_cgroup_that_is_gone() {
    for _ in 0..100 {
        let (Some(mut leaf), Some(mut log)) = (leaf(&memory(8)), kmsg::Log::from_now()) else { return };
        let script = format!("mkdir $M/sub; (echo 0 > $M/sub/cgroup.procs; exec {HOG}); rmdir $M/sub");
        assert!(run(&leaf, &script).success());
        let name = leaf.paths()[0].file_name().unwrap().to_string_lossy().into_owned();
        let mut logged = false;
        log.read(|line| logged |= line.starts_with("oom-kill:") && line.contains(&name));
        let oom = evidence(&mut leaf).0;
        remove(leaf);
        if logged {
            let oom = oom.unwrap();
            assert_eq!((oom.by, oom.kills, oom.victims.len()), (OomBy::OwnLimit, 1, 1));
            assert!(oom.victims[0].anon_rss.unwrap() > 4 * MIB);
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("the kernel log never had our report");
}

/// With the kernel log and without it.
#[test]
fn an_ancestors_limit() {
    for log in [true, false] {
        let Some(ancestor) = Ancestor::make(Controller::Memory) else { return };
        fs::write(ancestor.0.join("memory.limit_in_bytes"), "16M").unwrap();
        let mut leaf = Leaf::make(&ancestor.layout(), &memory(64)).unwrap();
        if !log {
            leaf.watch.close_log();
        }
        assert_eq!(run(&leaf, &format!("exec {HOG}")).signal(), SIGKILL);
        let (oom, usage) = evidence(&mut leaf);
        let oom = oom.unwrap();
        assert_eq!((oom.by, oom.kills), (OomBy::Ancestor, 1), "{log}");
        // The ancestor's memory.stat is in the log, but it is not ours.
        assert_eq!(usage.memory_stat, None);
        remove(leaf);
    }
}

#[test]
fn two_at_once_are_not_mixed_up() {
    let Some(layout) = layout(&memory(16)) else { return };
    let one = |script: String| {
        let mut leaf = Leaf::make(&layout, &memory(16)).unwrap();
        let status = run(&leaf, &script);
        let oom = evidence(&mut leaf).0;
        remove(leaf);
        (status, oom)
    };
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let hungry = scope.spawn(|| one(format!("exec {HOG}")));
            let modest = scope.spawn(|| one("head -c 1000000 /dev/zero | tail -c 1000000".to_owned()));
            assert_eq!(modest.join().unwrap().1, None);
            let (status, oom) = hungry.join().unwrap();
            assert_eq!((status.signal(), oom.unwrap().kills), (SIGKILL, 1));
        }
    });
}

#[test]
fn no_leaf_no_verdict() {
    let Some(mut leaf) = leaf(&memory(16)) else { return };
    fs::remove_dir(memory_dir(&leaf)).unwrap();
    let error = leaf.oom(&mut Usage::default()).unwrap_err();
    assert_eq!((error.step, error.cause), (Step::ReadLeaf, Cause::Errno(Errno::ENOENT)));
    remove(leaf);
}
