//! Extended attributes (xattr(7)).

use std::ffi::{CStr, CString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::errno::Errno;

/// The value of an attribute, up to 64 bytes of it (getxattr(2)).
///
/// # Errors
/// ENODATA without it, ENOTSUP where the filesystem has none, ERANGE for a longer one.
pub(crate) fn get(path: &Path, name: &CStr) -> Result<Vec<u8>, Errno> {
    let path = CString::new(path.as_os_str().as_bytes()).map_err(|_| Errno::EINVAL)?;
    let mut value = vec![0_u8; 64];
    // SAFETY: two NUL-terminated strings, and a buffer that is valid for its own length.
    let length =
        unsafe { libc::getxattr(path.as_ptr(), name.as_ptr(), value.as_mut_ptr().cast(), value.len()) };
    value.truncate(usize::try_from(Errno::result(length)?).unwrap_or(0));
    Ok(value)
}
