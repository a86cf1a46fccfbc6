//! Code that runs before `main`: the one place where a process still has a single thread.
//!
//! The entry lies in `.init_array` of every program that mentions this crate (the dynamic linker or
//! libc calls it); it survives LTO and gc-sections because it is `#[used]`.

use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

use libc::{c_char, c_int};

type Initializer = extern "C" fn(c_int, *const *const c_char, *const *const c_char);

#[used]
#[unsafe(link_section = ".init_array")]
static ENTRY: Initializer = entry;

/// The arguments that glibc gives to every constructor; musl gives none (garbage, passed on as it is).
static ARGC: AtomicUsize = AtomicUsize::new(0);
static ARGV: AtomicPtr<*const c_char> = AtomicPtr::new(std::ptr::null_mut());
static ENVP: AtomicPtr<*const c_char> = AtomicPtr::new(std::ptr::null_mut());

extern "C" fn entry(argc: c_int, argv: *const *const c_char, envp: *const *const c_char) {
    ARGC.store(argc.cast_unsigned() as usize, Ordering::Relaxed);
    ARGV.store(argv.cast_mut(), Ordering::Relaxed);
    ENVP.store(envp.cast_mut(), Ordering::Relaxed);
    crate::zygote::start();
}

unsafe extern "C" {
    #[link_name = "__init_array_start"]
    static ARRAY_START: [Option<Initializer>; 0];
    #[link_name = "__init_array_end"]
    static ARRAY_END: [Option<Initializer>; 0];
}

/// Runs the constructors that stand behind ours: in the runner they ran after the zygote was made, so a
/// guest has not seen them yet.
pub(crate) fn run_the_rest() {
    let argc = c_int::try_from(ARGC.load(Ordering::Relaxed)).unwrap_or(0);
    let (argv, envp) = (ARGV.load(Ordering::Relaxed), ENVP.load(Ordering::Relaxed));
    let behind_ours = initializers().skip_while(|initializer| !is_ours(*initializer)).skip(1);
    for initializer in behind_ours {
        initializer(argc, argv, envp);
    }
}

fn is_ours(initializer: Initializer) -> bool {
    std::ptr::fn_addr_eq(initializer, ENTRY)
}

fn initializers() -> impl Iterator<Item = Initializer> {
    let first = (&raw const ARRAY_START).cast::<Option<Initializer>>();
    let end = (&raw const ARRAY_END).cast::<Option<Initializer>>();
    let count = (end.addr() - first.addr()) / size_of::<Option<Initializer>>();
    // SAFETY: the linker defines both symbols around the array of constructors of this object, which
    // stays mapped and unchanged after relocation.
    let all = unsafe { std::slice::from_raw_parts(first, count) };
    all.iter().copied().flatten()
}
