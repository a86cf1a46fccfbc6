//! Capabilities (capabilities(7)).

use nix::errno::Errno;

/// `_LINUX_CAPABILITY_VERSION_3` of linux/capability.h: two words a set.
const VERSION_3: u32 = 0x2008_0522;

#[repr(C)]
struct Header {
    version: u32,
    pid: i32,
}

#[repr(C)]
#[derive(Default, Clone, Copy)]
struct Word {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

/// Gives up every capability of this process (capset(2)).
pub(crate) fn drop_capabilities() -> Result<(), Errno> {
    let header = Header { version: VERSION_3, pid: 0 };
    let words = [Word::default(); 2];
    // SAFETY: version 3 reads one header and two words, all valid for reading.
    let result = unsafe { libc::syscall(libc::SYS_capset, &raw const header, words.as_ptr()) };
    Errno::result(result).map(drop)
}
