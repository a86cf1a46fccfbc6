//! Extended attributes (xattr(7)).

use std::ffi::{CStr, CString};
#[cfg(any(test, feature = "images"))]
use std::os::fd::{AsRawFd, BorrowedFd};
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

/// Sets an attribute of an open file (fsetxattr(2)).
#[cfg(any(test, feature = "images"))]
pub(crate) fn set_open(file: BorrowedFd<'_>, name: &CStr, value: &[u8]) -> Result<(), Errno> {
    let (value, size) = (value.as_ptr().cast(), value.len());
    // SAFETY: a NUL-terminated string, and a value that is valid for its own length.
    let result = unsafe { libc::fsetxattr(file.as_raw_fd(), name.as_ptr(), value, size, 0) };
    Errno::result(result).map(drop)
}

/// Sets an attribute of what stands at the path, which may be a link (lsetxattr(2)).
#[cfg(feature = "images")]
pub(crate) fn set_link(path: &CStr, name: &CStr, value: &[u8]) -> Result<(), Errno> {
    let (value, size) = (value.as_ptr().cast(), value.len());
    // SAFETY: two NUL-terminated strings, and a value that is valid for its own length.
    let result = unsafe { libc::lsetxattr(path.as_ptr(), name.as_ptr(), value, size, 0) };
    Errno::result(result).map(drop)
}
