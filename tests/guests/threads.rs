//! Threads of the body. A panic there is the affair of who joins the thread, as in a plain test.

use std::thread;

use harness::isolated;

use crate::hang;
use crate::raw::raw_thread;

/// A pass, as documented: `join` handed the panic to the test, and the test let it go. The panic's text
/// is in the test's output.
#[isolated(pid)]
fn a_panic_joined_and_ignored() {
    drop(thread::spawn(|| panic!("of the thread")).join());
}

#[isolated(pid)]
fn a_panic_joined_and_unwrapped() {
    thread::spawn(|| panic!("of the thread")).join().unwrap();
}

#[isolated(pid)]
fn a_panic_in_a_scope() {
    thread::scope(|scope| {
        scope.spawn(|| panic!("of the scoped thread"));
    });
}

/// Without std around it nothing catches the panic: the process aborts.
#[isolated(pid)]
fn a_panic_in_a_raw_thread() {
    extern "C" fn main(_: *mut libc::c_void) -> *mut libc::c_void {
        panic!("of the raw thread");
    }
    raw_thread(main);
}

#[isolated(pid)]
fn a_raw_thread_that_ends() {
    extern "C" fn main(_: *mut libc::c_void) -> *mut libc::c_void {
        std::ptr::null_mut()
    }
    raw_thread(main);
}

/// Threads end with the process.
#[isolated(pid)]
fn one_is_left_running() {
    thread::spawn(|| hang());
}

#[isolated(pid)]
fn one_overflows_its_stack() {
    drop(thread::spawn(|| crate::signals::recurse(1)).join());
}

#[isolated(pid)]
fn one_segfaults() {
    drop(thread::spawn(crate::raw::segfault).join());
}

#[isolated(pid, timeout = "300ms")]
fn two_wait_for_each_other() {
    let lock = std::sync::Mutex::new(());
    let _held = lock.lock().unwrap();
    thread::scope(|scope| {
        scope.spawn(|| drop(lock.lock().unwrap()));
    });
}
