//! What a guest gets from its runner as it is now. Each of these tests is run in a process of its own.

use std::fs;
use std::io::Read;
use std::process::Command;

use harness::isolated;
use harness_tests::{checks, gate, sys};

/// The environment and the directory of the moment, not those of the zygote.
#[test]
fn environment_and_directory() {
    sys::set_variable("HARNESS_PRESENT", "now");
    sys::set_variable("HARNESS_STARTED_WITH", "something else");
    std::env::set_current_dir("/usr").unwrap();
    sees_them();
}

#[isolated(pid, uts)]
fn sees_them() {
    assert_eq!(std::env::var("HARNESS_PRESENT").as_deref(), Ok("now"));
    assert_eq!(std::env::var("HARNESS_STARTED_WITH").as_deref(), Ok("something else"));
    assert_eq!(std::env::var_os("HARNESS_PAST"), None);
    assert_eq!(std::env::current_dir().unwrap().to_str(), Some("/usr"));
    let shown = Command::new("sh").args(["-c", "echo $HARNESS_PRESENT; pwd"]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&shown.stdout), "now\n/usr\n");
}

/// Descriptors that the runner was started with (57) and those that it has opened do not arrive.
#[test]
fn descriptors() {
    let file = fs::File::open("/usr").unwrap();
    sys::copy_to(std::os::fd::AsFd::as_fd(&file), 58).unwrap();
    assert!(fs::metadata("/proc/self/fd/57").is_ok(), "the test outside gives us 57");
    sees_three_the_report_and_its_cgroup();
}

#[isolated(pid, mem = "100M", pids = 20)]
fn sees_three_the_report_and_its_cgroup() {
    let mut found: Vec<_> = fs::read_dir("/proc/self/fd").unwrap().map(|fd| fd.unwrap().path()).collect();
    // The one that reads the directory is gone by now.
    found.retain(|path| fs::read_link(path).is_ok());
    found.sort();
    let targets: Vec<_> = found.iter().map(|path| fs::read_link(path).unwrap()).collect();
    assert_eq!(found.len(), 5, "{found:?} {targets:?}");
    // By which the body shows at its end that it is in its leaf.
    assert_eq!(targets[4].to_str(), Some("/proc/2/cgroup"));
    assert_eq!(targets[0].to_str(), Some("/dev/null"));
    for (target, kind) in targets[1..4].iter().zip(["socket:", "pipe:", "pipe:"].iter().cycle().skip(1)) {
        assert!(target.to_str().unwrap().starts_with(kind), "{targets:?}");
    }
    assert_eq!(std::io::stdin().read(&mut [0]).unwrap(), 0);
}

/// Whatever groups the runner is in.
#[isolated(uid = 1000, gid = 1000)]
fn ordinary_user() {
    checks::unprivileged(1000, 1000);
}

/// The umask that the runner was started with.
#[isolated(uts)]
fn umask() {
    let path = gate::directory().join("made");
    fs::write(&path, "").unwrap();
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&path).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o640);
}

/// What the runner has open is the same before and after guests of every ending.
#[test]
fn open_descriptors_of_the_runner() {
    let open = || fs::read_dir("/proc/self/fd").unwrap().count();
    // The first run probes the machine.
    crate::endings::all();
    let before = open();
    for _ in 0..5 {
        crate::endings::all();
    }
    assert_eq!(open(), before);
}
