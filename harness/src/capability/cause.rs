//! The one setting that forbids namespaces, where the machine has such a one: the remedy by errno must name
//! them all.

use std::fs;

use super::{Finding, kernel};
use crate::host;
use crate::render::capability as text;

impl Finding {
    /// With the remedy for these kinds of namespaces, by their names in /proc/self/ns, in place of a general
    /// one.
    pub(super) fn for_namespaces(mut self, kinds: &[&str]) -> Self {
        if !self.is_there() {
            self.remedy = remedy(kinds).or(self.remedy);
        }
        self
    }
}

/// What to set so that such namespaces can be made, where a setting forbids them.
pub(super) fn remedy(kinds: &[&str]) -> Option<String> {
    let is_privileged = host::get(None).is_ok_and(|host| host.privileged);
    let needed = kinds.iter().copied().chain((!is_privileged).then_some("user"));
    let limits = needed.map(|kind| format!("user.max_{kind}_namespaces"));
    if let Some(limit) = limits.into_iter().find(|limit| sysctl(limit).as_deref() == Some("0")) {
        return Some(text::sysctl(&limit, "15000"));
    }
    if !kernel::refused_by_filter().is_empty() {
        return Some(text::UNCONFINED_SECCOMP.to_owned());
    }
    if is_privileged {
        return None;
    }
    if sysctl("kernel.unprivileged_userns_clone").as_deref() == Some("0") {
        return Some(text::sysctl("kernel.unprivileged_userns_clone", "1"));
    }
    let is_restricted = sysctl("kernel.apparmor_restrict_unprivileged_userns").as_deref() == Some("1");
    is_restricted.then(|| text::APPARMOR_REMEDY.to_owned())
}

/// The value of a setting; `None` where the kernel has no such one.
pub(super) fn sysctl(name: &str) -> Option<String> {
    let path = format!("/proc/sys/{}", name.replace('.', "/"));
    fs::read_to_string(path).ok().map(|value| value.trim().to_owned())
}
