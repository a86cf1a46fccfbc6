//! System calls, and what stands in their way.

use std::fs;

use nix::errno::Errno;

use super::attempt::{self, Answered, IT_IS, code, errno};
use super::cause::{self, sysctl};
use super::{Answer, Finding, namespaces};
use crate::error::Step;
use crate::render::{self, capability as text};
use crate::sys::probe;

pub(super) fn pidfd() -> Finding {
    match probe::pidfd_open() {
        Ok(()) => Finding::yes(text::PIDFD_OPENED),
        Err(errno) => Finding::no(text::refused("pidfd_open", errno), text::NEWER_OR_FILTERED),
    }
}

pub(super) fn clone3() -> Finding {
    match probe::clone3_is_known() {
        Ok(()) => Finding::yes(text::CLONE3_KNOWN),
        Err(errno) => Finding::no(
            text::refused("clone3", errno),
            render::remedy(Step::Clone, errno).unwrap_or_default(),
        ),
    }
}

/// System calls that a guest is made with, each called so that a kernel which sees it does nothing.
const NEEDED: [(&str, Call); 3] = [
    ("unshare", probe::unshare_is_let_through),
    ("mount", probe::mount_is_let_through),
    ("pidfd_open", probe::pidfd_open),
];

type Call = fn() -> Result<(), Errno>;

/// Those of them that a seccomp filter refuses, with its answer.
pub(super) fn refused_by_filter() -> Vec<String> {
    if status("Seccomp:").as_deref() != Some("2") {
        return Vec::new();
    }
    NEEDED.iter().filter_map(|(call, probe)| Some(text::refused(call, probe().err()?))).collect()
}

/// A filter that refuses nothing that we need is in nobody's way.
pub(super) fn no_seccomp() -> Finding {
    if status("Seccomp:").as_deref() != Some("2") {
        return Finding::yes(text::NO_FILTER);
    }
    let refused: Vec<_> = refused_by_filter().into_iter().chain(by_its_flags()).collect();
    let clone3 = clone3();
    match clone3.answer {
        _ if !refused.is_empty() => Finding::no(text::filter_refuses(&refused), text::UNCONFINED_SECCOMP),
        Answer::No => Finding::partly(text::filter_hides(&clone3.found), text::UNCONFINED_SECCOMP),
        _ => Finding::partly(text::HARMLESS_FILTER, ""),
    }
}

/// A filter may look at the flags of clone: where nothing else explains it, a refused namespace is its work.
fn by_its_flags() -> Option<String> {
    let guest = namespaces::uts();
    let is_refused = guest.found.ends_with(&render::errno(Errno::EPERM));
    (is_refused && cause::remedy(&["uts"]).is_none()).then_some(guest.found)
}

fn status(field: &str) -> Option<String> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let value = status.lines().find_map(|line| line.strip_prefix(field))?;
    Some(value.trim().to_owned())
}

/// Ubuntu restricts user namespaces for who has no profile; a profile may refuse mounts.
pub(super) fn no_apparmor() -> Finding {
    let is_on = fs::read_to_string("/sys/module/apparmor/parameters/enabled");
    if !is_on.is_ok_and(|text| text.starts_with('Y')) {
        return Finding::yes(text::NO_APPARMOR);
    }
    let profile = ["/proc/self/attr/apparmor/current", "/proc/self/attr/current"];
    let profile = profile.into_iter().find_map(|path| fs::read_to_string(path).ok()).unwrap_or_default();
    let profile = profile.trim_end_matches(['\n', '\0']);
    let restricts = sysctl("kernel.apparmor_restrict_unprivileged_userns").as_deref() == Some("1");
    if !restricts && matches!(profile, "" | "unconfined") {
        return Finding::yes(text::UNCONFINED);
    }
    let found = text::apparmor(profile, restricts);
    match [namespaces::user(), namespaces::mount()].into_iter().find(|finding| !finding.is_there()) {
        None => Finding::partly(text::harmless(&found), ""),
        Some(refused) => Finding::no(format!("{found}: {}", refused.found), text::APPARMOR_REMEDY),
    }
}

/// Of a child: what a debugger or strace that is started in a test does.
pub(super) fn ptrace() -> Finding {
    let scope = sysctl("kernel.yama.ptrace_scope");
    match attempt::run(&attempt::spec(), || code(probe::traces_a_child().map(|()| true))) {
        Ok(Answered { code: IT_IS, .. }) => match scope.as_deref() {
            None | Some("0") => Finding::yes(text::TRACED),
            Some(scope) => Finding::partly(text::traced_children(scope), text::RELAX_YAMA),
        },
        Ok(Answered { code, .. }) => {
            let errno = errno(code).unwrap_or(Errno::EPERM);
            Finding::no(text::refused("ptrace", errno), text::ALLOW_PTRACE)
        }
        Err(finding) => finding,
    }
}

/// A guest asks for a huge page and looks whether it has one.
pub(super) fn thp() -> Finding {
    let setting = fs::read_to_string("/sys/kernel/mm/transparent_hugepage/enabled").ok();
    let chosen = setting.as_deref().and_then(|text| text.split(['[', ']']).nth(1));
    let Some(chosen) = chosen else { return Finding::no(text::NO_THP, "") };
    if chosen == "never" {
        return Finding::no(text::thp_setting(chosen), text::ENABLE_THP);
    }
    match attempt::run(&attempt::spec(), gets_huge_page) {
        Ok(Answered { code: IT_IS, .. }) => Finding::yes(text::thp_setting(chosen)),
        Ok(_) => Finding::partly(text::thp_not_given(chosen), text::COMPACT),
        Err(finding) => finding,
    }
}

fn gets_huge_page() -> i32 {
    code(probe::with_huge_page(|| {
        let smaps = fs::read_to_string("/proc/self/smaps").unwrap_or_default();
        let sizes = smaps.lines().filter_map(|line| line.strip_prefix("AnonHugePages:"));
        sizes.map(|size| size.trim()).any(|size| size != "0 kB")
    }))
}
