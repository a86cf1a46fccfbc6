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
    let address = usize::try_from(address).ok().filter(|address| is_code(*address))?;
    // SAFETY: the runner sent the address of a `Body` over a socket that only it and the zygote hold,
    // and this process is a copy of the runner's image before main: the same function lies there.
    Some(unsafe { std::mem::transmute::<usize, Body>(address) })
}

/// Whether an object that is loaded here has code at this address. Not by dladdr, which goes through its symbols.
fn is_code(address: usize) -> bool {
    let address = &raw const address;
    // SAFETY: `has_code` is given this very pointer, and only while this call lasts.
    (unsafe { libc::dl_iterate_phdr(Some(has_code), address.cast_mut().cast()) }) != 0
}

/// Not 0 where the object has code at the address that `wanted` points to.
unsafe extern "C" fn has_code(
    object: *mut libc::dl_phdr_info,
    _size: libc::size_t,
    wanted: *mut libc::c_void,
) -> libc::c_int {
    // SAFETY: dl_iterate_phdr(3) gives a valid object.
    let object = unsafe { &*object };
    // SAFETY: `is_code` gives a pointer to an address.
    let wanted = unsafe { *wanted.cast::<usize>() };
    // SAFETY: the object's program headers, as many as it says, mapped as long as it is.
    let headers = unsafe { std::slice::from_raw_parts(object.dlpi_phdr, usize::from(object.dlpi_phnum)) };
    let holds = headers.iter().any(|header| {
        let is_code = header.p_type == libc::PT_LOAD && header.p_flags & libc::PF_X != 0;
        let start = usize::try_from(object.dlpi_addr.wrapping_add(header.p_vaddr));
        let size = usize::try_from(header.p_memsz);
        is_code && start.is_ok_and(|start| size.is_ok_and(|size| wanted.wrapping_sub(start) < size))
    });
    libc::c_int::from(holds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_code_is_called() {
        let body: Body = || 7;
        assert_eq!(at(address(body)).map(|body| body()), Some(7));
        static DATA: u64 = 1;
        let stack = 1;
        for address in [0, 1, (&raw const DATA).addr(), (&raw const stack).addr(), usize::MAX] {
            assert!(at(address as u64).is_none(), "{address:#x}");
        }
    }
}
