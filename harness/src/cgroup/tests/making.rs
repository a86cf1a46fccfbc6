//! Making, entering, removing and sweeping leaves.

use std::os::unix::process::ExitStatusExt;

use super::*;
use crate::maker::Maker;

#[test]
fn the_guest_enters_through_the_entrances() {
    let Some(leaf) = leaf(&memory(64)) else { return };
    assert_eq!(leaf.rungs().len(), leaf.paths().len());
    let born_inside = leaf.of_version(Version::V2).count();
    assert_eq!(leaf.entrances().len() + born_inside, leaf.paths().len());
    assert_eq!(leaf.clone_into().is_some(), born_inside > 0);
    for (entrance, node) in leaf.entrances().into_iter().zip(leaf.of_version(Version::V1)) {
        let entrance = entrance.try_clone_to_owned().unwrap();
        let script = "echo 0 >&0; cat /proc/self/cgroup";
        let output = Command::new("/bin/sh").args(["-c", script]).stdin(entrance).output().unwrap();
        let inside = String::from_utf8(output.stdout).unwrap();
        let name = node.dir.file_name().unwrap().to_str().unwrap();
        assert_eq!(inside.lines().filter(|line| line.ends_with(name)).count(), 1, "{inside}");
    }
    remove(leaf);
}

/// Daemons, sub-cgroups and processes in them; with cgroup.kill where there is one, and without.
#[test]
fn removal_kills_what_is_inside() {
    let Some(ancestor) = Ancestor::make(Controller::Memory) else { return };
    let Some(usual) = layout(&memory(64)) else { return };
    for layout in [usual, ancestor.layout()] {
        let leaf = Leaf::make(&layout, &memory(64)).unwrap();
        let script = "mkdir $M/a $M/a/b; setsid sleep 600 & (echo 0 > $M/a/b/cgroup.procs; exec sleep 600) &
            echo ready; exec sleep 600";
        let mut command = shell(&leaf, script);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut ready = [0; 6];
        std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut ready).unwrap();
        remove(leaf);
        assert_eq!(child.wait().unwrap().signal(), Some(libc::SIGKILL));
    }
}

/// Twenty processes, each of which forks the next one and ends.
const HOPPING: &str = "hop() { hop & exit 0; }; for i in $(seq 20); do hop & done; echo ready; exec cat";

/// A list of pids is out of date when it has been read: round after round, until all are gone.
#[test]
fn removal_outruns_those_who_fork() {
    let limits = LeafLimits { pids_max: Some(1000), ..LeafLimits::default() };
    // Without the v2 hierarchy, which has cgroup.kill.
    let Some(ancestor) = Ancestor::make(Controller::Pids) else { return };
    let layout = Layout { hierarchies: vec![ancestor.hierarchy(Controller::Pids)] };
    let leaf = Leaf::make(&layout, &limits).unwrap();
    let mut command = shell(&leaf, HOPPING);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut ready = [0; 6];
    std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut ready).unwrap();
    remove(leaf);
    assert_eq!(child.wait().unwrap().signal(), Some(libc::SIGKILL));
}

#[test]
fn a_panic_removes_the_leaf() {
    let Some(layout) = layout(&memory(64)) else { return };
    let paths = std::sync::Mutex::new(Vec::new());
    let result = std::thread::scope(|scope| {
        let runner = scope.spawn(|| {
            let leaf = Leaf::make(&layout, &memory(64)).unwrap();
            paths.lock().unwrap().extend(leaf.paths());
            panic!("a runner's mistake");
        });
        runner.join()
    });
    let paths = paths.into_inner().unwrap();
    assert!(result.is_err() && !paths.is_empty() && paths.iter().all(|path| !path.exists()));
}

#[test]
fn a_tree_that_vanished() {
    let Some(ancestor) = Ancestor::make(Controller::Memory) else { return };
    let gone = Hierarchy::v1(&ancestor.0.join("gone"), vec![Controller::Pids]);
    let layout = Layout { hierarchies: vec![ancestor.hierarchy(Controller::Memory), gone] };
    // Asked for: an error, and the directory in the other hierarchy is removed again.
    let limits = LeafLimits { pids_max: Some(9), ..memory(64) };
    let error = Leaf::make(&layout, &limits).unwrap_err();
    assert_eq!((error.step, error.cause), (Step::MakeLeaf, Cause::Errno(Errno::ENOENT)));
    assert!(matches!(&error.object, Object::Path(path) if path.starts_with(ancestor.0.join("gone"))));
    assert_eq!(ancestor.children(), Vec::<PathBuf>::new());
    // Only wanted: the figures are absent.
    let mut leaf = Leaf::make(&layout, &memory(64)).unwrap();
    assert_eq!((leaf.paths().len(), evidence(&mut leaf).1.pids_peak), (1, None));
    remove(leaf);
}

#[test]
fn a_killed_runners_leaf_is_swept() {
    let Some(ancestor) = Ancestor::make(Controller::Memory) else { return };
    let mut parts: Vec<String> =
        Maker::this_process().unwrap().next_name().split('.').map(str::to_owned).collect();
    parts[3] = i32::MAX.to_string();
    let abandoned = ancestor.0.join(parts.join("."));
    fs::create_dir(&abandoned).unwrap();
    let script = format!("echo 0 > {}/cgroup.procs && echo ready && exec cat", abandoned.display());
    let mut command = Command::new("/bin/sh");
    command.args(["-c", &script]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut orphan = command.spawn().unwrap();
    let mut ready = [0; 6];
    std::io::Read::read_exact(orphan.stdout.as_mut().unwrap(), &mut ready).unwrap();

    let mut leaf = Leaf::make(&ancestor.layout(), &memory(64)).unwrap();
    assert_eq!(leaf.sweep_failures(), []);
    assert_eq!(ancestor.children(), leaf.paths());
    assert_eq!(orphan.wait().unwrap().signal(), Some(libc::SIGKILL));
    remove(leaf);
}

#[test]
fn what_this_machine_lacks() {
    let nothing = Layout { hierarchies: vec![] };
    let cases = [
        (memory(1), "mem = ..."),
        (LeafLimits { pids_max: Some(1), ..LeafLimits::default() }, "pids = ..."),
        (LeafLimits { cpu_max_millis: Some(1), ..LeafLimits::default() }, "cpu = ..."),
        (LeafLimits { cpuset_cpus: Some("0".into()), ..LeafLimits::default() }, "cpuset = ..."),
        (LeafLimits { cpu_time: true, ..LeafLimits::default() }, "cpu_time = ..."),
    ];
    for (limits, need) in cases {
        let missing = nothing.supports(&limits).unwrap_err();
        assert_eq!(missing.need, need);
        assert!(!missing.found.is_empty() && !missing.remedy.is_empty());
    }
    assert_eq!(nothing.supports(&LeafLimits::default()), Ok(()));
    let v1 = Layout { hierarchies: vec![Hierarchy::v1("/m".as_ref(), vec![Controller::Memory])] };
    assert_eq!(v1.supports(&memory(1)), Ok(()));
    let swap = LeafLimits { swap_max: Some(0), ..LeafLimits::default() };
    assert_eq!(v1.supports(&swap).unwrap_err().need, "swap = ...");
}
