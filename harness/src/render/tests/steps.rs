//! Every step that can fail, with an errno that it really gives: its line, and its remedy.

use std::path::{Path, PathBuf};

use nix::errno::Errno;

use super::{AGAIN, spec};
use crate::error::{Cause, Object, SetupError, Step};
use crate::render::{OUTSIDE_OF_LEAF, not_run, setup_error};

fn failed(step: Step, object: impl Into<Object>, errno: Errno) -> SetupError {
    SetupError::new(step, object, errno)
}

fn write(path: &str, value: &str) -> Object {
    Object::Write { path: PathBuf::from(path), value: value.to_owned() }
}

fn read_back(object: Object, found: &str) -> SetupError {
    let cause = Cause::ReadBack { found: found.to_owned() };
    SetupError { step: Step::ReadBack, object, cause }
}

fn malformed(step: Step, object: Object, found: &str) -> SetupError {
    SetupError { step, object, cause: Cause::Malformed { found: found.to_owned() } }
}

fn refused(step: Step, path: &Path, reason: &str) -> SetupError {
    let cause = Cause::Refused { reason: reason.to_owned() };
    SetupError { step, object: Object::from(path), cause }
}

const LEAF: &str = "/sys/fs/cgroup/memory/harness.1";

/// Each step with an errno that it really gives.
fn failures() -> Vec<SetupError> {
    [starting(), in_cgroups(), with_mounts(), in_the_guest()].concat()
}

/// The way to a guest.
fn starting() -> Vec<SetupError> {
    vec![
        failed(Step::AskZygote, Object::None, Errno::EPIPE),
        failed(Step::Clone, "pid, uts", Errno::EPERM),
        failed(Step::Clone, "user, pid, uts", Errno::ENOSPC),
        failed(Step::Clone, "user", Errno::EACCES),
        failed(Step::Clone, "time", Errno::EINVAL),
        failed(Step::Clone, "pid", Errno::ENOSYS),
        failed(Step::Clone, "pid", Errno::EAGAIN),
        failed(Step::WriteMap, write("/proc/4711/uid_map", "0 1000 1"), Errno::EPERM),
        failed(Step::WriteMap, write("/proc/4711/gid_map", "0 0 1\n1 1 9"), Errno::EINVAL),
        failed(Step::Channel, "the control socket", Errno::EMFILE),
        failed(Step::SendPlan, "a memfd", Errno::ENOMEM),
        failed(Step::ReadPlan, Object::None, Errno::EIO),
        malformed(Step::ReadPlan, Object::None, "12 bytes that are no plan"),
    ]
}

/// The leaf.
fn in_cgroups() -> Vec<SetupError> {
    let leaf = Path::new(LEAF);
    vec![
        failed(Step::FindCgroup, "memory", Errno::ENOENT),
        failed(Step::MakeLeaf, leaf, Errno::EACCES),
        failed(Step::MakeLeaf, leaf, Errno::EROFS),
        failed(Step::MakeLeaf, leaf, Errno::EAGAIN),
        failed(Step::MakeRoom, leaf, Errno::EACCES),
        failed(
            Step::EnableControllers,
            write("/sys/fs/cgroup/a/cgroup.subtree_control", "+memory"),
            Errno::EBUSY,
        ),
        failed(Step::WriteLimit, write("/sys/fs/cgroup/a/cpuset.cpus", "0-99"), Errno::ERANGE),
        failed(Step::WriteLimit, write("/sys/fs/cgroup/a/memory.max", "4096"), Errno::ENOENT),
        failed(Step::ReadBack, leaf, Errno::ENOENT),
        read_back(write("/sys/fs/cgroup/a/memory.max", "104857600"), "max\n"),
        read_back(Object::from("rlimit nofile 64"), "1024"),
        failed(Step::EnterLeaf, "cgroup.procs", Errno::EACCES),
        failed(Step::RemoveLeaf, leaf, Errno::EBUSY),
        failed(Step::ReadLeaf, leaf, Errno::ENOENT),
        refused(Step::StayInLeaf, leaf, OUTSIDE_OF_LEAF),
        failed(Step::StayInLeaf, "/proc/self/cgroup", Errno::EBADF),
    ]
}

/// The tree.
fn with_mounts() -> Vec<SetupError> {
    let bind = Object::Mount { source: PathBuf::from("/demo/fixtures"), target: PathBuf::from("/data") };
    vec![
        failed(Step::OpenRootfs, Path::new("/demo/fixtures/busybox"), Errno::ENOENT),
        failed(Step::OpenRootfs, Path::new("/demo/Cargo.toml"), Errno::ENOTDIR),
        failed(Step::OpenRootfs, Path::new("/root/fs"), Errno::EACCES),
        malformed(Step::OpenRootfs, Object::from("/proc/self/mountinfo"), "24 1 x"),
        failed(Step::Stage, Path::new("/tmp"), Errno::ENOENT),
        failed(Step::Stage, Path::new("/tmp"), Errno::EPERM),
        failed(Step::Overlay, Path::new("/demo/fixtures/busybox"), Errno::EINVAL),
        failed(Step::Overlay, Path::new("/"), Errno::ENODEV),
        failed(Step::Overlay, Path::new("/"), Errno::EPERM),
        failed(Step::Bind, Path::new("/demo/fixture"), Errno::ENOENT),
        failed(Step::Bind, bind, Errno::ENOTDIR),
        failed(Step::Bind, Path::new("/root/x"), Errno::EACCES),
        failed(Step::Tmpfs, Path::new("/tmp"), Errno::EINVAL),
        failed(Step::Tmpfs, Path::new("/tmp"), Errno::EPERM),
        failed(Step::Proc, Path::new("/proc"), Errno::EPERM),
        failed(Step::Sys, Path::new("/sys"), Errno::EPERM),
        failed(Step::Dev, Path::new("/dev/null"), Errno::EPERM),
        failed(Step::Readonly, Path::new("/data"), Errno::EPERM),
        failed(Step::PivotRoot, Path::new("/tmp/root"), Errno::EINVAL),
        failed(Step::MountPoint, Path::new("/data"), Errno::EROFS),
        failed(Step::MountPoint, Path::new("/etc/passwd/x"), Errno::ENOTDIR),
        failed(Step::KeepVisible, Path::new("/target/debug/deps/demo-1"), Errno::EACCES),
    ]
}

/// The guest itself.
fn in_the_guest() -> Vec<SetupError> {
    vec![
        failed(Step::Hostname, "a-name-that-is-too-long", Errno::EINVAL),
        failed(Step::Hostname, "box", Errno::EPERM),
        failed(Step::Loopback, "lo", Errno::EPERM),
        failed(Step::Unshare, "cgroup", Errno::EPERM),
        failed(Step::Propagation, Path::new("/"), Errno::EACCES),
        failed(Step::ForkBody, Object::None, Errno::EAGAIN),
        failed(Step::Rlimit, "nofile", Errno::EPERM),
        failed(Step::Rlimit, "nofile", Errno::EINVAL),
        failed(Step::SetIds, "uid 1000", Errno::EINVAL),
        failed(Step::SetIds, "gid 1000", Errno::EPERM),
        failed(Step::DropCapabilities, Object::None, Errno::EPERM),
        failed(Step::Workdir, Path::new("/nowhere"), Errno::ENOENT),
        failed(Step::Workdir, Path::new("/root"), Errno::EACCES),
        failed(Step::Stdio, "stdout", Errno::EBADF),
        failed(Step::Signals, "the process group", Errno::EPERM),
        failed(Step::Environment, Object::None, Errno::EINVAL),
        failed(Step::FindProgram, "nope, in PATH", Errno::ENOENT),
        failed(Step::FindProgram, Path::new("/bin/nope"), Errno::ENOENT),
        failed(Step::Exec, "/bin/ls, whose interpreter is /lib64/ld-linux-x86-64.so.2", Errno::ENOENT),
        failed(Step::Exec, Path::new("/etc/passwd"), Errno::EACCES),
        failed(Step::Exec, Path::new("/data/program"), Errno::ENOEXEC),
        failed(Step::Exec, Path::new("/bin/ls"), Errno::E2BIG),
        failed(Step::MakeFile, Path::new("/etc/hosts"), Errno::ENOSPC),
        failed(Step::CopyRootfs, Path::new("/srv/root/dev/sda"), Errno::EPERM),
        failed(Step::MakeUpper, Path::new("/target/harness/upper"), Errno::EACCES),
        failed(Step::RemoveUpper, Path::new("/target/harness/upper/harness.1"), Errno::EBUSY),
        failed(Step::ReadChanges, Object::None, Errno::EACCES),
        refused(Step::UseImage, Path::new("/srv/root.tar"), "entry ../x: its name leads out of the root"),
        failed(Step::Wait, Object::None, Errno::ECHILD),
        failed(Step::Wait, "the init", Errno::EPIPE),
    ]
}

#[test]
fn not_run_by_step() {
    let texts: Vec<_> = failures().iter().map(|error| not_run(&spec(), error, AGAIN)).collect();
    let text = texts.join("\n\n");
    insta::assert_snapshot!(text);
}

#[test]
fn every_step_is_in_the_table() {
    let shown: Vec<_> = failures().iter().map(|error| error.step).collect();
    for step in Step::ALL {
        assert!(shown.contains(step), "no text of {step:?} was looked at");
    }
}

/// The rule of a step's line: lowercase where it is ours, the errno once, one line.
#[test]
fn a_step_is_told_on_one_line_with_its_errno_once() {
    for error in failures() {
        let line = setup_error(&error);
        assert!(line.starts_with(error.step.text()), "{line}");
        assert!(!line.contains('\n'), "{line}");
        if let Cause::Errno(errno) = error.cause {
            let name = format!("({errno:?})");
            assert_eq!(line.matches(&name).count(), 1, "{line}");
            assert!(line.ends_with(&name), "{line}");
        }
    }
}
