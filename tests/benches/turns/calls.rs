//! The system calls of the rows that show the floor.
#![expect(unsafe_code, reason = "bare system calls")]

use std::fs;
use std::os::fd::AsRawFd;

/// clone3(2) with SIGCHLD, as fork would, into a v2 cgroup if there is one.
pub(crate) fn clone(flags: u64, cgroup: Option<&fs::File>) -> i32 {
    const INTO_CGROUP: u64 = 0x2_0000_0000;
    let mut args = [0_u64; 11];
    args[0] = flags | cgroup.map_or(0, |_| INTO_CGROUP);
    args[4] = u64::from(libc::SIGCHLD.unsigned_abs());
    args[10] = cgroup.map_or(0, |cgroup| u64::from(cgroup.as_raw_fd().unsigned_abs()));
    // SAFETY: CLONE_ARGS_SIZE_VER2 is these eleven words; this process has one thread.
    let pid = unsafe { libc::syscall(libc::SYS_clone3, args.as_ptr(), size_of_val(&args)) };
    assert!(pid >= 0, "clone3: {}", std::io::Error::last_os_error());
    i32::try_from(pid).expect("a pid")
}

/// Reaps a child that must have ended well.
pub(crate) fn wait(child: i32) {
    let mut status = 0;
    // SAFETY: `status` is valid for writing.
    let pid = unsafe { libc::waitpid(child, &raw mut status, 0) };
    assert_eq!((pid, status), (child, 0));
}
