//! Each kind of namespace: a guest in a new one compares it with the runner's.

use std::fs;
use std::path::Path;

use super::attempt::{self, IT_IS, IT_IS_NOT, code};
use super::{Answer, Finding};
use crate::host;
use crate::render::capability as text;
use crate::spec::{Namespaces, Spec};

/// Tells the body which link of /proc/self/ns to read, and what the runner reads there.
const KIND: &str = "HARNESS_PROBE_KIND";
const OURS: &str = "HARNESS_PROBE_OURS";

/// Used over a UTS namespace: AppArmor lets a user namespace be made that then gives no power.
pub(super) fn user() -> Finding {
    let spec = attempt::spec().unshare(Namespaces::USER);
    used(in_new("user", spec), || in_new("user", spec.hostname("probe")))
}

pub(super) fn pid() -> Finding {
    through_userns(in_new("pid", attempt::spec().unshare(Namespaces::PID)))
}

/// With a tmpfs: being in a mount namespace is not yet being allowed to mount.
pub(super) fn mount() -> Finding {
    const ON_TMP: &[crate::spec::Tmpfs<'static>] = &[crate::spec::Tmpfs { target: "/tmp", size: None }];
    through_userns(in_new("mnt", attempt::spec().tmpfs(ON_TMP)))
}

pub(super) fn uts() -> Finding {
    let plain = in_new("uts", attempt::spec().unshare(Namespaces::UTS));
    through_userns(used(plain, || in_new("uts", attempt::spec().hostname("probe"))))
}

pub(super) fn ipc() -> Finding {
    through_userns(in_new("ipc", attempt::spec().unshare(Namespaces::IPC)))
}

pub(super) fn net() -> Finding {
    through_userns(in_new("net", attempt::spec().unshare(Namespaces::NET)))
}

pub(super) fn cgroup() -> Finding {
    through_userns(in_new("cgroup", attempt::spec().unshare(Namespaces::CGROUP)))
}

pub(super) fn time() -> Finding {
    through_userns(in_new("time", attempt::spec().unshare(Namespaces::TIME)))
}

/// What is there and cannot be used is there in part.
fn used(there: Finding, with_hostname: impl FnOnce() -> Finding) -> Finding {
    if !there.is_there() {
        return there;
    }
    let used = with_hostname();
    if used.is_there() {
        return used;
    }
    Finding { answer: Answer::Partly, found: text::of_no_use(&used.found), remedy: used.remedy }
}

fn in_new(kind: &str, spec: Spec<'_>) -> Finding {
    let link = Path::new("/proc/self/ns").join(kind);
    let Ok(ours) = fs::read_link(&link) else {
        return Finding::no(text::no_such_namespace(&link), text::KERNEL_WITHOUT_NAMESPACE);
    };
    let ours = ours.to_string_lossy();
    let environment = [(KIND, kind), (OURS, &*ours)];
    let (found, unlike) = (text::new_namespace(kind), text::same_namespace(kind));
    attempt::finding(&spec.env(&environment), is_another, &found, &unlike).for_namespaces(&[kind])
}

/// In the guest: whether its namespace is not the runner's.
fn is_another() -> i32 {
    let variable = |name| std::env::var(name).unwrap_or_default();
    match fs::read_link(Path::new("/proc/self/ns").join(variable(KIND))) {
        Ok(mine) if mine != Path::new(&variable(OURS)) => IT_IS,
        Ok(_) => IT_IS_NOT,
        Err(error) => attempt::io_code::<()>(Err(error)),
    }
}

/// Without CAP_SYS_ADMIN every namespace comes with a user namespace.
pub(super) fn through_userns(finding: Finding) -> Finding {
    let is_privileged = host::get(None).is_ok_and(|host| host.privileged);
    if finding.answer == Answer::Yes && !is_privileged {
        return Finding::partly(text::through_userns(&finding.found), text::WITHOUT_USERNS);
    }
    finding
}

/// In the guest of a pid namespace.
pub(super) fn is_second() -> i32 {
    let stat = fs::read_link("/proc/self");
    code(Ok(std::process::id() == 2 && stat.is_ok_and(|name| name == Path::new("2"))))
}
