//! The environment of the guest.

use std::ffi::OsStr;

use nix::errno::Errno;

/// Replaces the whole environment by these variables.
pub(crate) fn replace<'a>(variables: impl Iterator<Item = (&'a OsStr, &'a OsStr)>) -> Result<(), Errno> {
    // SAFETY: the guest has one thread (guest.rs), so nobody reads the environment meanwhile.
    Errno::result(unsafe { libc::clearenv() })?;
    for (name, value) in variables {
        // SAFETY: as above.
        unsafe { std::env::set_var(name, value) };
    }
    Ok(())
}
