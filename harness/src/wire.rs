//! What runner, zygote, init and body say to each other.
//!
//! ```text
//!  runner                zygote                init                  body
//!    |  Request + fds      |                     |                     |
//!    |-------------------->|  clone3             |                     |
//!    |  (makes the leaf)   |-------------------->|                     |
//!    |  Cloned + pidfd     |  (id maps, gate)    |                     |
//!    |<--------------------|                     |  reads its plan,    |
//!    |  (Upper)*, Ready                          |  set-up steps       |
//!    |<------------------------------------------|                     |
//!    |  Enter + the leaf                         |                     |
//!    |------------------------------------------>|  fork               |
//!    |                                           |-------------------->|
//!    |  Started                                                        |
//!    |<----------------------------------------------------------------| runs the test function
//!    |  (Panicking, PanicPrinted)*, Returned | Panicked | Escaped      |
//!    |<----------------------------------------------------------------| exit
//!    |  BodyEnded, Leftovers                     |
//!    |<------------------------------------------|  exit, reaped by pidfd
//! ```
//!
//! At any step instead: `SetupFailed`. The runner may say `Stop` to the init: kill all, then report.
//!
//! Two sockets for each guest: **control** (zygote and init; the body closes it before it does anything)
//! and **report** (body only). A frame of one can overtake a frame of the other, so the runner keeps
//! what it saw, in no order. Frames on the report socket begin with the run's random token: whatever
//! else a test writes to a descriptor that is not its own, it does not forge a verdict.

pub(crate) mod codec;
#[cfg(test)]
mod tests;

use nix::errno::Errno;

use crate::error::{Cause, Object, SetupError, Step};
use crate::evidence::{Panic, Process, Rusage, WaitStatus};
use crate::rootfs::Seen;
use codec::{Malformed, Reader, Wire, choice, record};

/// First byte of every message; runner and guest are one image, so another version is a forged message.
const VERSION: u8 = 1;

/// Longest frame; well below the default socket buffer (net.core.wmem_default, 208 KiB).
pub(crate) const MAX_FRAME: usize = 128 << 10;

/// Longest text inside a frame: panic messages and backtraces are cut there.
pub(crate) const MAX_TEXT: usize = 48 << 10;

/// Runner to zygote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    /// `CLONE_NEW*` for the guest.
    pub(crate) flags: u64,
    /// What the zygote writes for a new user namespace.
    pub(crate) id_maps: Option<IdMaps>,
}
record! { Request { flags, id_maps } }

/// `user_namespaces(7)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IdMaps {
    pub(crate) uid_map: String,
    pub(crate) gid_map: String,
    /// Whether setgroups must be denied first (a gid_map without CAP_SETGID).
    pub(crate) deny_setgroups: bool,
}
record! { IdMaps { uid_map, gid_map, deny_setgroups } }

/// On the control socket, to the runner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Control {
    /// The guest exists; carries its pidfd.
    Cloned,
    /// A step failed.
    SetupFailed(SetupError),
    /// The init has done its steps and is about to fork the body.
    Ready,
    /// The body ended.
    BodyEnded { status: WaitStatus, rusage: Rusage },
    /// What was still running then.
    Leftovers(Vec<Process>),
    /// One of the upperdirs of the guest's root; carries it.
    Upper(Seen),
}
choice! { Control {
    1 Cloned, 2 SetupFailed(error), 3 Ready, 4 BodyEnded { status, rusage }, 5 Leftovers(processes),
    6 Upper(seen),
} }

/// On the control socket, to the init.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Order {
    /// Kill everything, then report and end.
    Stop,
    /// Fork the body; carries what it enters its leaf by: `tasks` of each v1 hierarchy and then, with
    /// `v2`, the directory of the v2 one. `leaf` is its name, empty where there is none.
    Enter { v2: bool, leaf: String },
}
choice! { Order { 1 Stop, 2 Enter { v2, leaf } } }

/// On the report socket, from the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Report {
    /// A step in the body failed.
    SetupFailed(SetupError),
    /// The test function is called next. `pid` is the body's own, as it sees itself.
    Started { pid: i32 },
    /// The test function returned; the code of `Termination::report`, 0 for success.
    Returned(i32),
    /// The test function panicked.
    Panicked(Panic),
    /// This process, a forked child of the body, came out of the test function.
    Escaped { pid: i32 },
    /// A panic, of any thread, is about to be printed with its backtrace.
    Panicking,
    /// It was printed.
    PanicPrinted,
    /// The body is pid 1 and, at its end, not alone in its namespace.
    Leftovers(Vec<Process>),
    /// As [`Control::Upper`], of a body that is pid 1 and does the set-up itself.
    Upper(Seen),
}
choice! { Report {
    1 SetupFailed(error), 2 Started { pid }, 3 Returned(code), 4 Panicked(panic), 5 Escaped { pid },
    6 Leftovers(processes), 7 Panicking, 8 PanicPrinted, 9 Upper(seen),
} }

record! { SetupError { step, object, cause } }
choice! { Object {
    0 None, 1 Name(name), 2 Path(path), 3 Mount { source, target }, 4 Write { path, value },
} }
choice! { Cause { 1 Errno(errno), 2 ReadBack { found }, 3 Malformed { found }, 4 Refused { reason } } }
choice! { WaitStatus { 1 Exited(code), 2 Signaled { signal, core }, 3 Stopped { signal } } }
record! { Process { pid, comm, cmdline } }
record! { Panic { message, location, backtrace } }
record! { Rusage {
    user, system, maxrss, minor_faults, major_faults, blocks_in, blocks_out, voluntary_switches,
    involuntary_switches,
} }

impl Wire for Step {
    fn put(&self, out: &mut Vec<u8>) {
        (*self as u8).put(out);
    }
    fn take(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        Self::from_code(u8::take(from)?).ok_or(Malformed)
    }
}

impl Wire for Errno {
    fn put(&self, out: &mut Vec<u8>) {
        (*self as i32).put(out);
    }
    fn take(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self::from_raw(i32::take(from)?))
    }
}

/// One message.
pub(crate) fn encode(value: &impl Wire) -> Vec<u8> {
    let mut message = vec![VERSION];
    value.put(&mut message);
    message
}

/// The value of one message, all of it.
pub(crate) fn decode<T: Wire>(message: &[u8]) -> Result<T, Malformed> {
    let mut reader = Reader::new(message);
    if u8::take(&mut reader)? != VERSION {
        return Err(Malformed);
    }
    let value = T::take(&mut reader)?;
    reader.finish()?;
    Ok(value)
}

/// A message on the report socket: the token, then the frame.
pub(crate) fn encode_report(token: u64, report: Report) -> Vec<u8> {
    encode(&Sealed { token, report })
}

/// The frame of a message on the report socket, if it carries this run's token.
pub(crate) fn decode_report(token: u64, message: &[u8]) -> Result<Report, Malformed> {
    let sealed: Sealed = decode(message)?;
    if sealed.token == token { Ok(sealed.report) } else { Err(Malformed) }
}

struct Sealed {
    token: u64,
    report: Report,
}
record! { Sealed { token, report } }

/// A text that fits a frame, cut at a character and marked where it was longer.
pub(crate) fn clip(mut text: String) -> String {
    if text.len() > MAX_TEXT {
        let end = (0..=MAX_TEXT).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
        text.push_str(" [cut here: the text was longer]");
    }
    text
}
