//! The test function as a number: it travels to the guest as its address in the shared image.

/// A test function: the code of `Termination::report`.
pub(crate) type Body = fn() -> i32;

/// The address of a test function.
pub(crate) fn address(body: Body) -> u64 {
    body as usize as u64
}

/// The test function at an address that [`address`] gave in the runner.
///
/// `None` if no object that is loaded here holds it: it came by dlopen after the zygote was made.
pub(crate) fn at(address: u64) -> Option<Body> {
    let address = usize::try_from(address).ok().filter(|address| *address != 0)?;
    let pointer = std::ptr::with_exposed_provenance::<libc::c_void>(address);
    let mut found = std::mem::MaybeUninit::<libc::Dl_info>::zeroed();
    // SAFETY: dladdr only looks the address up; `found` is valid for writing.
    let loaded = unsafe { libc::dladdr(pointer, found.as_mut_ptr()) };
    if loaded == 0 {
        return None;
    }
    // SAFETY: the runner sent the address of a `Body` over a socket that only it and the zygote hold,
    // and this process is a copy of the runner's image before main: the same function lies there.
    Some(unsafe { std::mem::transmute::<usize, Body>(address) })
}
