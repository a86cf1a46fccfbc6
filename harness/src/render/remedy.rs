//! What to do about a step that failed, by step and errno. Only what the errno really tells: where it
//! tells nothing, there is no remedy.

use nix::errno::Errno;

use crate::error::Step;

/// The remedy for a failed step, where there is one.
pub(super) fn of(step: Step, errno: Errno) -> Option<&'static str> {
    specific(step, errno).or_else(|| general(errno))
}

fn specific(step: Step, errno: Errno) -> Option<&'static str> {
    match step {
        Step::AskZygote => zygote(errno),
        Step::Clone | Step::Unshare | Step::WriteMap => namespaces(step, errno),
        Step::ForkBody => fork(errno),
        Step::FindCgroup | Step::MakeLeaf | Step::EnableControllers | Step::MakeRoom => leaf(errno),
        Step::WriteLimit | Step::EnterLeaf | Step::ReadLeaf | Step::RemoveLeaf => in_leaf(step, errno),
        Step::OpenRootfs | Step::Stage | Step::Overlay | Step::PivotRoot | Step::MakeUpper => {
            rootfs(step, errno)
        }
        Step::Bind | Step::KeepVisible | Step::MountPoint | Step::Tmpfs => mounts(step, errno),
        Step::Propagation | Step::Proc | Step::Sys | Step::Dev | Step::Readonly => system(step, errno),
        Step::FindProgram | Step::Exec => program(step, errno),
        Step::Hostname | Step::Rlimit | Step::SetIds | Step::Workdir => process(step, errno),
        _ => None,
    }
}

/// What an errno says whatever the step was.
fn general(errno: Errno) -> Option<&'static str> {
    match errno {
        Errno::EMFILE | Errno::ENFILE => Some(
            "raise the limit of open files (`ulimit -n 4096`), or run fewer tests at once (`--test-threads=4`)",
        ),
        Errno::ENOMEM => Some("the machine is short of memory: run fewer tests at once (`--test-threads=2`)"),
        _ => None,
    }
}

fn zygote(errno: Errno) -> Option<&'static str> {
    match errno {
        Errno::EPIPE | Errno::ECONNRESET | Errno::ENOTCONN => Some(
            "the zygote was killed: by the OOM killer (see `dmesg`), or by a test that signals its whole \
             process group, its parent's children or `kill(-1, ..)`; isolate that test, too",
        ),
        _ => None,
    }
}

pub(super) const APPARMOR: &str = "AppArmor forbids user namespaces here, as on Ubuntu: \
    `sysctl -w kernel.apparmor_restrict_unprivileged_userns=0`, or a profile with `userns,` for this test binary, \
    or run as root";
const FORBIDDEN: &str = "a namespace was granted, and its use is forbidden: by AppArmor on Ubuntu, `sysctl -w \
    kernel.apparmor_restrict_unprivileged_userns=0`, or a profile with `userns,` for this test binary; in a \
    container, `docker run --security-opt apparmor=unconfined`";
const CONTAINER: &str = "mounts are forbidden here: in a container, `docker run --cap-add SYS_ADMIN \
    --security-opt seccomp=unconfined --security-opt apparmor=unconfined`; or run as root";

fn namespaces(step: Step, errno: Errno) -> Option<&'static str> {
    match (step, errno) {
        (Step::WriteMap, Errno::EPERM | Errno::EACCES) | (_, Errno::EACCES) => Some(APPARMOR),
        (Step::WriteMap, Errno::EINVAL) => {
            Some("without root, one id can be mapped: leave out `uid` and `gid`, or run as root")
        }
        (_, Errno::EPERM) => Some(
            "namespaces are forbidden here: in a container, `docker run --cap-add SYS_ADMIN --security-opt \
             seccomp=unconfined --security-opt apparmor=unconfined`; on Debian, `sysctl -w \
             kernel.unprivileged_userns_clone=1`; or run as root of the machine",
        ),
        (_, Errno::ENOSPC | Errno::EUSERS) => Some(
            "no more namespaces of a kind are allowed: raise what is low in `sysctl user`, for example \
             `sysctl -w user.max_user_namespaces=15000`",
        ),
        (_, Errno::EINVAL) => Some(
            "this kernel lacks one of these namespaces: see /proc/self/ns (`time` is there since Linux 5.6)",
        ),
        (_, Errno::ENOSYS) => Some(
            "a seccomp profile hides clone3: update the container's runtime (Docker 20.10.10 or newer), or \
             `docker run --security-opt seccomp=unconfined`",
        ),
        (_, Errno::EAGAIN) => fork(errno),
        _ => None,
    }
}

fn fork(errno: Errno) -> Option<&'static str> {
    match errno {
        Errno::EAGAIN => Some(
            "a limit of processes is reached: raise `pids` of the test, `ulimit -u`, or pids.max of the cgroup \
             that the tests run in",
        ),
        _ => None,
    }
}

const DELEGATE: &str = "this user may not make cgroups here: `harness scope -- cargo test` (`cargo install \
    isolated-harness --features cli`), or run as root";

fn leaf(errno: Errno) -> Option<&'static str> {
    match errno {
        Errno::EACCES | Errno::EPERM => Some(DELEGATE),
        Errno::EROFS => Some(
            "the cgroup file system is mounted read-only (a container): \
             `docker run --privileged --cgroupns=private`, or `mount -o remount,rw /sys/fs/cgroup`",
        ),
        Errno::EBUSY => Some(
            "this cgroup has processes of its own, and so cannot enable controllers for children (cgroups(7), \
             \"no internal processes\"): `harness scope -- cargo test`",
        ),
        Errno::EAGAIN | Errno::ENOSPC => Some(
            "the cgroup may have no more children: raise its cgroup.max.descendants, and remove what killed runs \
             have left (`find /sys/fs/cgroup -name 'harness*'`)",
        ),
        Errno::ENOENT => Some("mount the cgroup file system: `mount -t cgroup2 none /sys/fs/cgroup`"),
        _ => None,
    }
}

fn in_leaf(step: Step, errno: Errno) -> Option<&'static str> {
    match (step, errno) {
        (Step::WriteLimit, Errno::EINVAL | Errno::ERANGE | Errno::ENOSPC | Errno::ENODEV) => Some(
            "the kernel does not take this value: check the limit (a `cpuset` may name present cpus only)",
        ),
        (Step::WriteLimit, Errno::ENOENT) => Some(
            "the controller is not enabled here: add it to the parent's cgroup.subtree_control, or \
             `harness scope -- cargo test`",
        ),
        (Step::ReadLeaf, Errno::ENOENT | Errno::ENODEV) => {
            Some("somebody removed the cgroup while the test ran: look for a clean-up job of this machine")
        }
        (Step::RemoveLeaf, Errno::EBUSY | Errno::ENOTEMPTY) => Some(
            "a process in it cannot be killed: look for state D in `ps -eo pid,stat,wchan,cmd`; the next run \
             removes what this one left",
        ),
        (Step::WriteLimit | Step::EnterLeaf | Step::RemoveLeaf, Errno::EACCES | Errno::EPERM) => {
            Some(DELEGATE)
        }
        _ => None,
    }
}

fn rootfs(step: Step, errno: Errno) -> Option<&'static str> {
    match (step, errno) {
        (Step::OpenRootfs, Errno::ENOENT) => Some(
            "make it, or check `rootfs = \"...\"`: a relative path starts at the crate's directory (where its \
             Cargo.toml is)",
        ),
        (Step::OpenRootfs, Errno::ENOTDIR) => Some("`rootfs` takes a directory: unpack the archive first"),
        (Step::OpenRootfs, Errno::EACCES) => {
            Some("the user who runs the tests must be able to read it: check its owner and mode")
        }
        (Step::Overlay, Errno::ENODEV) => Some("this kernel has no overlay file system: `modprobe overlay`"),
        (Step::Overlay, Errno::EINVAL) => Some(
            "overlay does not take this directory as a lower layer: it may itself lie on an overlay of overlays \
             (a container in a container), on a network or FAT file system, or, without root, hold other mounts: \
             put it on a plain file system; with `upper = \"disk\"`, the cache, too (`HARNESS_CACHE=DIR`)",
        ),
        (Step::Overlay, Errno::EPERM | Errno::EACCES) => Some(
            "without root, overlay needs Linux 5.11 or newer, and may be forbidden by AppArmor: run as root, or with \
             `upper = \"copy\"`",
        ),
        (Step::Stage, Errno::ENOENT | Errno::ENOTDIR) => {
            Some("the new root is staged there, and it must be a directory: make it")
        }
        (Step::MakeUpper, Errno::EACCES | Errno::EROFS | Errno::ENOTDIR | Errno::ENOSPC) => {
            Some("`upper = \"disk\"` needs a directory that can be written to: `HARNESS_CACHE=DIR`")
        }
        (Step::PivotRoot, Errno::EINVAL) => Some(
            "this machine runs from its initramfs, which pivot_root cannot leave: switch to a real root first",
        ),
        (Step::Stage | Step::PivotRoot, Errno::EPERM | Errno::EACCES) => Some(CONTAINER),
        _ => None,
    }
}

fn mounts(step: Step, errno: Errno) -> Option<&'static str> {
    match (step, errno) {
        (Step::Bind, Errno::ENOENT) => Some(
            "check the source of `bind`: a relative path starts at the crate's directory (where its Cargo.toml is)",
        ),
        // move_mount(2) says EINVAL, mount(2) ENOTDIR.
        (Step::Bind, Errno::ENOTDIR | Errno::EINVAL) => {
            Some("source and target of `bind` must be of one kind: both directories, or both files")
        }
        (Step::Bind | Step::KeepVisible, Errno::EACCES) => {
            Some("the user who runs the tests must be able to read it: check the modes along its path")
        }
        (Step::MountPoint, Errno::ENOENT | Errno::EROFS | Errno::EACCES | Errno::EPERM) => Some(
            "a mount point cannot be made there: make it beforehand, or give a `rootfs`, which is copied on write",
        ),
        (Step::MountPoint, Errno::ENOTDIR | Errno::EEXIST | Errno::EISDIR) => {
            Some("a file stands where the mount point's directory should be (or the other way round)")
        }
        (Step::Tmpfs, Errno::EINVAL) => Some("check the size of `tmpfs`"),
        (Step::Tmpfs, Errno::EPERM | Errno::EACCES) => Some(CONTAINER),
        _ => None,
    }
}

fn system(step: Step, errno: Errno) -> Option<&'static str> {
    match (step, errno) {
        (Step::Proc, Errno::EPERM) => Some(
            "parts of /proc are masked (a container), so no new one may be mounted: \
             `docker run --security-opt systempaths=unconfined`",
        ),
        (Step::Propagation, Errno::EPERM | Errno::EACCES) => Some(FORBIDDEN),
        (_, Errno::EPERM | Errno::EACCES) => Some(CONTAINER),
        _ => None,
    }
}

fn process(step: Step, errno: Errno) -> Option<&'static str> {
    match (step, errno) {
        (Step::Hostname, Errno::EINVAL) => Some("a host name has at most 64 bytes"),
        (Step::Hostname, Errno::EPERM) => Some(FORBIDDEN),
        (Step::Rlimit, Errno::EPERM) => Some(
            "a hard limit can only be raised with CAP_SYS_RESOURCE: ask for at most what `ulimit -H -a` shows, or \
             run with that capability",
        ),
        (Step::Rlimit, Errno::EINVAL) => Some("the kernel does not take this value: check `rlimit(...)`"),
        (Step::SetIds, Errno::EINVAL) => Some(
            "this id does not exist in the user namespace: leave out `user`, or run as root of the machine",
        ),
        (Step::SetIds, Errno::EPERM) => Some("only root may change to another uid or gid: run as root"),
        (Step::Workdir, Errno::ENOENT | Errno::ENOTDIR) => Some(
            "give `workdir = \"/...\"` a directory that exists in the guest (`rootfs`, `tmpfs` and `bind` may hide \
             the one of the host)",
        ),
        (Step::Workdir, Errno::EACCES) => Some(
            "the guest's uid must be able to enter it: give another `workdir`, or check the modes along it",
        ),
        _ => None,
    }
}

fn program(step: Step, errno: Errno) -> Option<&'static str> {
    match (step, errno) {
        (Step::FindProgram, Errno::ENOENT | Errno::ENOTDIR) => Some(
            "the guest looks in its own root (`rootfs`, `bind` and `tmpfs` may hide what the host has) and, for a name \
             without a slash, in the PATH of its own environment",
        ),
        (Step::Exec, Errno::ENOENT | Errno::ENOTDIR) => Some(
            "the file is there, but not the loader or `#!` interpreter that it names: the guest's root needs that, and \
             its libraries, at the same path; or take a statically linked program",
        ),
        (Step::Exec, Errno::EACCES) => Some(
            "it must be a file with an execute bit (`chmod +x`) for the guest's uid, on a path that this uid can enter \
             and a mount without noexec",
        ),
        (Step::Exec, Errno::ENOEXEC) => Some(
            "neither a program for this machine's architecture nor a script: a script's first line is `#!` and its \
             interpreter",
        ),
        (Step::Exec, Errno::E2BIG) => {
            Some("arguments and environment are too long together (execve(2)): hand the rest over in a file")
        }
        (Step::Exec, Errno::ETXTBSY) => {
            Some("somebody has the file open for writing: wait until it is closed")
        }
        _ => None,
    }
}
