//! The environment of the guest.

use std::ffi::{CString, OsStr, c_char};
use std::os::unix::ffi::OsStrExt;

use nix::errno::Errno;

unsafe extern "C" {
    /// environ(7): what `getenv` and `execve` read. A program may let it point to an array of its own.
    static mut environ: *const *const c_char;
}

/// Replaces the whole environment by these variables, of which no two have one name.
///
/// In one go: a `setenv` looks through all that were set before it, and puts each into a tree.
///
/// # Errors
/// EINVAL for a variable with a NUL in it.
pub(crate) fn replace<'a>(variables: impl Iterator<Item = (&'a OsStr, &'a OsStr)>) -> Result<(), Errno> {
    let entries = variables.map(|(name, value)| entry(name, value)).collect::<Result<Vec<_>, _>>()?;
    let ends = entries.into_iter().map(|entry| entry.into_raw().cast_const());
    // Never freed: they are the environment.
    let array: &[_] = Vec::leak(ends.chain([std::ptr::null()]).collect());
    // SAFETY: the guest has one thread (guest.rs), so nobody reads the environment meanwhile; the array ends with
    // a null and lives as long as the process, like the strings in it.
    unsafe { environ = array.as_ptr() };
    Ok(())
}

fn entry(name: &OsStr, value: &OsStr) -> Result<CString, Errno> {
    CString::new([name.as_bytes(), b"=", value.as_bytes()].concat()).map_err(|_| Errno::EINVAL)
}
