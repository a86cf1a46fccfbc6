//! Extended attributes (xattr(7)).

use std::ffi::{CStr, CString};
#[cfg(any(test, feature = "images"))]
use std::os::fd::{AsRawFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::errno::Errno;

/// The value of an attribute (getxattr(2)).
///
/// # Errors
/// ENODATA without it, ENOTSUP where the filesystem has none.
pub(crate) fn get(path: &Path, name: &CStr) -> Result<Vec<u8>, Errno> {
    let path = CString::new(path.as_os_str().as_bytes()).map_err(|_| Errno::EINVAL)?;
    read(|buffer| {
        // SAFETY: two NUL-terminated strings, and a buffer that is valid for its own length.
        unsafe { libc::getxattr(path.as_ptr(), name.as_ptr(), buffer.as_mut_ptr().cast(), buffer.len()) }
    })
}

/// The names of all attributes (listxattr(2)); none where the filesystem has none.
#[cfg(feature = "images")]
pub(crate) fn list(path: &Path) -> Result<Vec<CString>, Errno> {
    let path = CString::new(path.as_os_str().as_bytes()).map_err(|_| Errno::EINVAL)?;
    let names = read(|buffer| {
        // SAFETY: a NUL-terminated string, and a buffer that is valid for its own length.
        unsafe { libc::listxattr(path.as_ptr(), buffer.as_mut_ptr().cast(), buffer.len()) }
    });
    let names = names.or_else(|errno| if errno == Errno::ENOTSUP { Ok(Vec::new()) } else { Err(errno) })?;
    Ok(names
        .split_inclusive(|byte| *byte == 0)
        .filter_map(|name| CStr::from_bytes_with_nul(name).ok())
        .map(CStr::to_owned)
        .collect())
}

/// Most are short; the longest value, and the longest list, has 64 KiB (xattr(7)).
fn read(call: impl Fn(&mut [u8]) -> isize) -> Result<Vec<u8>, Errno> {
    let read = |most: usize| {
        let mut value = vec![0; most];
        let length = Errno::result(call(&mut value))?;
        value.truncate(usize::try_from(length).unwrap_or(0));
        Ok(value)
    };
    match read(64) {
        Err(Errno::ERANGE) => read(1 << 16),
        answer => answer,
    }
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
