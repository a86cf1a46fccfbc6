//! What std and nix do not offer safely.

use std::os::fd::RawFd;

use nix::unistd::{ForkResult, Pid};

/// Forks; the child's pid in the parent, `None` in the child.
pub(crate) fn fork() -> Option<Pid> {
    // SAFETY: the body has one thread, so the child may do what it likes.
    match unsafe { nix::unistd::fork() }.expect("fork") {
        ForkResult::Parent { child } => Some(child),
        ForkResult::Child => None,
    }
}

/// Waits for a child, whatever becomes of it.
pub(crate) fn wait(child: Pid) {
    nix::sys::wait::waitpid(child, None).expect("the child can be waited for");
}

/// `_exit(2)`: neither destructors nor atexit handlers.
pub(crate) fn exit_now(code: i32) -> ! {
    // SAFETY: no precondition.
    unsafe { libc::_exit(code) }
}

/// The name that `ps` and /proc show.
pub(crate) fn set_name(name: &std::ffi::CStr) {
    // SAFETY: the kernel reads at most 16 bytes of a NUL-terminated string.
    unsafe { libc::prctl(libc::PR_SET_NAME, name.as_ptr()) };
}

/// Ends the calling thread only (`exit`, not `exit_group`).
pub(crate) fn end_thread(code: i32) {
    // SAFETY: the thread's stack holds nothing that another thread looks at.
    unsafe { libc::syscall(libc::SYS_exit, code) };
}

/// `raise(3)`, with any number: nix knows no real-time signals.
pub(crate) fn raise(signal: i32) {
    // SAFETY: no precondition.
    unsafe { libc::raise(signal) };
}

/// Sets the disposition of a signal to the default.
pub(crate) fn default_action(signal: i32) {
    // SAFETY: SIG_DFL is a valid disposition.
    unsafe { libc::signal(signal, libc::SIG_DFL) };
}

/// Reads from an address that is not mapped.
pub(crate) fn segfault() -> u8 {
    let nowhere = std::ptr::without_provenance::<u8>(std::hint::black_box(8));
    // SAFETY: not safe: the first page is never mapped, and the kernel answers with SIGSEGV.
    unsafe { nowhere.read_volatile() }
}

/// An instruction that no processor knows.
pub(crate) fn illegal_instruction() {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: traps; changes nothing.
    unsafe {
        std::arch::asm!("ud2");
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: traps; changes nothing.
    unsafe {
        std::arch::asm!("udf #0");
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    raise(libc::SIGILL);
}

/// Runs this when the process ends by `exit`.
pub(crate) fn at_exit(handler: extern "C" fn()) {
    // SAFETY: the handler is a function of this image, which is never unloaded.
    unsafe { libc::atexit(handler) };
}

/// A thread that std knows nothing of, to its end.
pub(crate) fn raw_thread(main: extern "C" fn(*mut libc::c_void) -> *mut libc::c_void) {
    let nothing = std::ptr::null_mut();
    let mut thread = 0;
    // SAFETY: `thread` is valid for writing; default attributes; the function ignores its argument.
    let result = unsafe { libc::pthread_create(&raw mut thread, std::ptr::null(), main, nothing) };
    assert_eq!(result, 0, "pthread_create");
    // SAFETY: the thread was made above and is joined once; its result is not wanted.
    unsafe { libc::pthread_join(thread, std::ptr::null_mut()) };
}

/// Only `read`, `write`, `exit` and `sigreturn` from here on (seccomp(2)).
pub(crate) fn strict_seccomp() {
    // SAFETY: takes integers only.
    unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_STRICT) };
}

/// Every descriptor of this process but standard input.
pub(crate) fn descriptors() -> Vec<RawFd> {
    let entries = std::fs::read_dir("/proc/self/fd").expect("/proc is mounted");
    let names = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    names.filter(|fd| *fd > 0).collect()
}

/// Writes to a descriptor that is not ours, in one message, without blocking on a full pipe.
pub(crate) fn write(fd: RawFd, bytes: &[u8]) -> bool {
    // SAFETY: `bytes` is valid for reading; a descriptor that is closed answers EBADF.
    unsafe { libc::write(fd, bytes.as_ptr().cast(), bytes.len()) >= 0 }
}

/// Closes a descriptor, whoever it belongs to.
pub(crate) fn close(fd: RawFd) {
    // SAFETY: not safe in general: std's and the harness's descriptors are closed under them, which is
    // what the tests that call this are about. None of them touches its own files afterwards.
    unsafe { libc::close(fd) };
}
