//! The machine that is looked at.

use std::ffi::OsStr;

use nix::sys::utsname::{UtsName, uname};
use nix::unistd::Uid;

use crate::host;

/// What a report on a machine says of it.
#[derive(Debug, Clone)]
pub(crate) struct Machine {
    /// As `uname -r`.
    pub(crate) release: String,
    /// As `uname -m`.
    pub(crate) architecture: String,
    pub(crate) uid: u32,
    /// CAP_SYS_ADMIN.
    pub(crate) privileged: bool,
}

impl Machine {
    /// This one. Without /proc nothing is known of privilege.
    pub(super) fn this() -> Self {
        let name = uname().ok();
        let text = |field: fn(&UtsName) -> &OsStr| {
            name.as_ref().map(|name| field(name).to_string_lossy().into_owned()).unwrap_or_default()
        };
        Self {
            release: text(UtsName::release),
            architecture: text(UtsName::machine),
            uid: Uid::effective().as_raw(),
            privileged: host::get(None).is_ok_and(|host| host.privileged),
        }
    }
}
