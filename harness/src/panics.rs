//! Panics of the body's main thread: the message is printed by the hook as always (the runner forwards
//! it), and message, place and backtrace go into the report.

use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, set_hook, take_hook};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, ThreadId};

use crate::evidence::Panic;
use crate::sys::body::Body;
use crate::wire::{Report, clip};

/// How the test function ended.
#[derive(Debug)]
pub(crate) enum End {
    /// It returned this code.
    Returned(i32),
    /// It panicked.
    Panicked(Panic),
}

/// Where the last panic of the main thread came from. A panic caught by the test itself is overwritten
/// by the one that ends it.
static LAST: Mutex<Option<Place>> = Mutex::new(None);

struct Place {
    location: Option<String>,
    backtrace: Option<String>,
}

/// Prints every panic as the hook before did, then notes its place if it is this thread's. In this order:
/// the message is out before the symbols of a backtrace are looked up.
///
/// `tell` hears of the beginning and the end of it, in any thread: the symbols of a backtrace can take
/// more memory or time than the test is given, and then the body dies of its failed assertion.
pub(crate) fn watch(tell: impl Fn(Report) + Send + Sync + 'static) {
    let main = thread::current().id();
    let print = take_hook();
    set_hook(Box::new(move |info| {
        tell(Report::Panicking);
        print(info);
        note(main, info);
        tell(Report::PanicPrinted);
    }));
}

fn note(main: ThreadId, info: &PanicHookInfo<'_>) {
    if thread::current().id() != main {
        return;
    }
    let location = info.location().map(ToString::to_string);
    let place = Place { location, backtrace: backtrace() };
    *LAST.lock().unwrap_or_else(PoisonError::into_inner) = Some(place);
}

/// Only where `RUST_BACKTRACE` asks for one.
fn backtrace() -> Option<String> {
    let backtrace = Backtrace::capture();
    (backtrace.status() == BacktraceStatus::Captured).then(|| clip(backtrace.to_string()))
}

/// Calls the test function.
pub(crate) fn catch(test: Body) -> End {
    match catch_unwind(AssertUnwindSafe(|| __rust_begin_short_backtrace(test))) {
        Ok(code) => End::Returned(code),
        Err(payload) => End::Panicked(describe(payload)),
    }
}

/// Std cuts a short backtrace at a frame of this name.
#[inline(never)]
fn __rust_begin_short_backtrace(test: Body) -> i32 {
    let code = test();
    // Keeps this frame: without work after the call it would be a jump.
    std::hint::black_box(());
    code
}

fn describe(payload: Box<dyn Any + Send>) -> Panic {
    // Never dropped: a payload whose drop panics would unwind out of here.
    let payload = ManuallyDrop::new(payload);
    let text = payload.downcast_ref::<String>().cloned();
    let text = text.or_else(|| payload.downcast_ref::<&str>().map(|text| (*text).to_owned()));
    let place = LAST.lock().unwrap_or_else(PoisonError::into_inner).take();
    let (location, backtrace) = place.map_or((None, None), |place| (place.location, place.backtrace));
    Panic { message: text.map(clip), location, backtrace }
}
