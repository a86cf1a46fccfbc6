//! The limits hold, and their figures are read.

use super::*;

#[test]
fn pids() {
    let limits = LeafLimits { pids_max: Some(4), ..LeafLimits::default() };
    let Some(mut leaf) = leaf(&limits) else { return };
    // dash gives up at the first fork that fails.
    assert!(!run(&leaf, "for i in 1 2 3 4 5 6 7 8; do cat /dev/zero & done").success());
    let (oom, usage) = evidence(&mut leaf);
    assert_eq!((oom, usage.pids_limit.unwrap().value), (None, 4));
    assert!(usage.pids_refused.unwrap().value >= 1);
    assert_eq!(usage.pids_peak.map(|peak| peak.value), Some(4));
    remove(leaf);
}

#[test]
fn cpu() {
    let limits = LeafLimits { cpu_max_millis: Some(200), ..LeafLimits::default() };
    let Some(mut leaf) = leaf(&limits) else { return };
    assert!(run(&leaf, "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done").success());
    let cpu_time = leaf.cpu_time().unwrap();
    let (_, usage) = evidence(&mut leaf);
    assert!(usage.cpu_throttled_periods.unwrap().value > 0);
    assert!(usage.cpu_throttled.unwrap().value > Duration::ZERO);
    // Both halves are cut to whole µs.
    let used = usage.cpu_user.unwrap().value + usage.cpu_system.unwrap().value + Duration::from_micros(2);
    assert!(cpu_time > Duration::ZERO && used >= cpu_time, "{used:?} {cpu_time:?}");
    remove(leaf);
}

#[test]
fn cpuset() {
    let limits = LeafLimits { cpuset_cpus: Some("0".to_owned()), ..LeafLimits::default() };
    let Some(leaf) = leaf(&limits) else { return };
    assert!(run(&leaf, "grep -q '^Cpus_allowed_list:.0$' /proc/self/status").success());
    remove(leaf);
}

#[test]
fn every_limit_at_once() {
    let limits = LeafLimits {
        pids_max: Some(10),
        cpu_max_millis: Some(500),
        cpuset_cpus: Some("0".to_owned()),
        cpu_time: true,
        ..memory(32)
    };
    let Some(mut leaf) = leaf(&limits) else { return };
    assert!(run(&leaf, "cat /proc/self/cgroup").success());
    let (oom, usage) = evidence(&mut leaf);
    assert_eq!(oom, None);
    let limits = (usage.memory_limit.unwrap().value, usage.pids_limit.unwrap().value);
    assert_eq!(limits, (32 * MIB, 10));
    assert!(usage.cpu_throttled.is_some());
    remove(leaf);
}

/// Each mistake is one error with step, object and cause, and nothing is left.
#[test]
fn limits_that_the_kernel_refuses_or_bends() {
    let Some(ancestor) = Ancestor::make(Controller::Memory) else { return };
    let huge = LeafLimits { memory_max: Some(1 << 63), ..LeafLimits::default() };
    let error = Leaf::make(&ancestor.layout(), &huge).unwrap_err();
    assert_eq!(error.step, Step::ReadBack);
    assert!(matches!(error.cause, Cause::ReadBack { .. }), "{error:?}");
    assert_eq!(ancestor.children(), Vec::<PathBuf>::new());

    let Some(ancestor) = Ancestor::make(Controller::Cpuset) else { return };
    for file in ["cpuset.cpus", "cpuset.mems"] {
        let above = fs::read_to_string(ancestor.0.parent().unwrap().join(file)).unwrap();
        fs::write(ancestor.0.join(file), above).unwrap();
    }
    let layout = Layout { hierarchies: vec![ancestor.hierarchy(Controller::Cpuset)] };
    let limits = LeafLimits { cpuset_cpus: Some("4000".to_owned()), ..LeafLimits::default() };
    let error = Leaf::make(&layout, &limits).unwrap_err();
    assert_eq!(error.step, Step::WriteLimit);
    assert!(matches!(&error.object, Object::Write { value, .. } if value == "4000"), "{error:?}");
    assert_eq!(ancestor.children(), Vec::<PathBuf>::new());
}
