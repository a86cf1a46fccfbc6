//! Signals: what std's runtime sets up before `main`, done again for a guest that skips it.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use libc::{c_int, c_void, siginfo_t};
use nix::errno::Errno;

/// Writes to a closed pipe answer EPIPE instead of killing (as std does before `main`).
pub(crate) fn ignore_sigpipe() -> Result<(), Errno> {
    // SAFETY: SIG_IGN is a valid disposition, and no handler of anyone is replaced.
    let previous = unsafe { libc::signal(libc::SIGPIPE, libc::SIG_IGN) };
    if previous == libc::SIG_ERR { Err(Errno::last()) } else { Ok(()) }
}

/// Signals that are ignored get their default action again: `nohup`, and a shell's `&`, leave SIGHUP and
/// SIGINT ignored, and a test that dies by them elsewhere would live on, and pass.
pub(crate) fn heed_ignored() -> Result<(), Errno> {
    for signal in 1..=libc::SIGRTMAX() {
        if is_ignored(signal) {
            // SAFETY: SIG_DFL is a valid disposition, and no handler of anyone is replaced.
            let previous = unsafe { libc::signal(signal, libc::SIG_DFL) };
            if previous == libc::SIG_ERR {
                return Err(Errno::last());
            }
        }
    }
    Ok(())
}

/// EINVAL for those that libc keeps for itself: they are not ignored.
fn is_ignored(signal: c_int) -> bool {
    // SAFETY: an all-zero sigaction is valid.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: without a new action the old one is only read into `action`.
    let result = unsafe { libc::sigaction(signal, std::ptr::null(), &raw mut action) };
    result == 0 && action.sa_sigaction == libc::SIG_IGN
}

/// Blocks every signal: the init reads them from a signalfd.
pub(crate) fn block_all() -> Result<(), Errno> {
    use nix::sys::signal::{SigSet, SigmaskHow, sigprocmask};
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::all()), None)
}

/// Lets every signal through: the body starts like a fresh program.
pub(crate) fn unblock_all() -> Result<(), Errno> {
    use nix::sys::signal::{SigSet, SigmaskHow, sigprocmask};
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None)
}

/// The name that the overflow message gives to the main thread.
static THREAD: OnceLock<String> = OnceLock::new();
/// Lowest address that the main thread's stack may grow to; 0 when it may grow without limit.
static STACK_LOW: AtomicUsize = AtomicUsize::new(0);

/// An overflow of the main thread's stack says so, then aborts, as under std's runtime.
///
/// A spawned thread's overflow stays a bare SIGSEGV: std gives threads an alternate stack only when
/// its own runtime has started.
pub(crate) fn report_stack_overflow(thread: &str) -> Result<(), Errno> {
    THREAD.get_or_init(|| thread.to_owned());
    STACK_LOW.store(lowest_stack_address(), Ordering::Relaxed);
    alternate_stack()?;
    for signal in [libc::SIGSEGV, libc::SIGBUS] {
        handle(signal)?;
    }
    Ok(())
}

fn lowest_stack_address() -> usize {
    let Ok(Some(limit)) = super::rlimit::get(crate::spec::Resource::Stack) else { return 0 };
    usize::try_from(limit).map_or(0, |limit| stack_pointer().saturating_sub(limit))
}

/// An address near the top of the stack, as the body has used little of it yet.
#[inline(never)]
fn stack_pointer() -> usize {
    let local = 0u8;
    std::hint::black_box(&raw const local).addr()
}

/// As large as std's; never unmapped, since the process ends with the body.
const ALTERNATE_STACK: usize = 64 << 10;

fn alternate_stack() -> Result<(), Errno> {
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    // SAFETY: a new anonymous mapping at an address of the kernel's choice.
    let memory = unsafe { libc::mmap(std::ptr::null_mut(), ALTERNATE_STACK, protection, flags, -1, 0) };
    if memory == libc::MAP_FAILED {
        return Err(Errno::last());
    }
    let stack = libc::stack_t { ss_sp: memory, ss_flags: 0, ss_size: ALTERNATE_STACK };
    // SAFETY: the mapping above is never unmapped.
    let result = unsafe { libc::sigaltstack(&raw const stack, std::ptr::null_mut()) };
    Errno::result(result).map(drop)
}

fn handle(signal: c_int) -> Result<(), Errno> {
    // SAFETY: an all-zero sigaction is valid.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = on_fault as *const () as usize;
    action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
    // SAFETY: `on_fault` has the signature of SA_SIGINFO and calls async-signal-safe functions only.
    let result = unsafe { libc::sigaction(signal, &raw const action, std::ptr::null_mut()) };
    Errno::result(result).map(drop)
}

/// The kernel keeps a guard gap of 1 MiB below a stack; frames larger than that are rare.
const GUARD: usize = 16 << 20;

extern "C" fn on_fault(signal: c_int, info: *mut siginfo_t, _: *mut c_void) {
    // SAFETY: the kernel passes a valid siginfo.
    let info = unsafe { &*info };
    let is_sent = info.si_code <= 0;
    // SAFETY: the address field is set for a fault; what is read of a signal that was sent is not used.
    let address = unsafe { info.si_addr() }.addr();
    let low = STACK_LOW.load(Ordering::Relaxed);
    if !is_sent && low != 0 && address.abs_diff(low) < GUARD {
        say("\nthread '");
        say(THREAD.get().map_or("main", String::as_str));
        say("' has overflowed its stack\nfatal runtime error: stack overflow, aborting\n");
        // SAFETY: abort is async-signal-safe.
        unsafe { libc::abort() };
    }
    // Any other one: back to the default action, which kills. A fault faults again by itself; a signal
    // that was sent (si_code of kill, raise, sigqueue) must be sent again, or the test would go on.
    // SAFETY: SIG_DFL is a valid disposition.
    unsafe { libc::signal(signal, libc::SIG_DFL) };
    if is_sent {
        // SAFETY: raise is async-signal-safe; the signal is delivered when the handler returns.
        unsafe { libc::raise(signal) };
    }
}

fn say(text: &str) {
    // SAFETY: write(2) of valid bytes; async-signal-safe. Nothing can be done if it fails.
    unsafe { libc::write(2, text.as_ptr().cast(), text.len()) };
}
