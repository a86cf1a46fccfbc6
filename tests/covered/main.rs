//! What `foreign` builds with `-C instrument-coverage` and runs.

#![cfg(test)]

use harness::isolated;

/// Its loop runs a number of times that no other code does.
fn marked_by_its_count() -> u64 {
    let mut sum = 0_u64;
    for number in 0..0x00c0_ffee_u64 {
        sum = std::hint::black_box(sum.wrapping_add(number));
    }
    sum
}

#[isolated(pid, rootfs = "rootfs/empty")]
fn counts_in_an_empty_root() {
    assert_ne!(marked_by_its_count(), 0);
}

#[isolated(pid, rootfs = "rootfs/empty", expect = signal(SIGKILL))]
fn counts_and_is_killed() {
    assert_ne!(marked_by_its_count(), 0);
    nix::sys::signal::raise(nix::sys::signal::Signal::SIGKILL).unwrap();
}
