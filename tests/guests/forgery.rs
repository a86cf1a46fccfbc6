//! Writing where only the harness writes. The layout is that of `harness/src/wire.rs`; what a test cannot
//! know is the run's token.

use std::os::fd::RawFd;

use harness::isolated;
use nix::sys::socket::{MsgFlags, Shutdown, send, shutdown};

use crate::raw::{close, descriptors, exit_now, write};

const VERSION: u8 = 1;
const STARTED: u8 = 2;
const RETURNED: u8 = 3;

/// `Started` or `Returned(0)`, sealed with a token that is not this run's.
fn frame(tag: u8) -> Vec<u8> {
    let token = 0x0123_4567_89ab_cdef_u64;
    let mut frame = vec![VERSION];
    frame.extend(token.to_le_bytes());
    frame.push(tag);
    frame.extend(0i32.to_le_bytes());
    frame
}

/// The harness's own: above stdin, stdout and stderr.
fn channels() -> Vec<RawFd> {
    descriptors().into_iter().filter(|fd| *fd > 2).collect()
}

fn write_everywhere(bytes: &[u8]) {
    for fd in descriptors() {
        write(fd, bytes);
    }
}

#[isolated(pid)]
fn garbage_then_exit_0() {
    write_everywhere(b"not a frame at all\n");
    exit_now(0);
}

#[isolated(pid)]
fn garbage_then_return() {
    write_everywhere(b"not a frame at all\n");
}

#[isolated(pid)]
fn half_a_frame_then_exit_0() {
    write_everywhere(&frame(RETURNED)[..7]);
    exit_now(0);
}

#[isolated(pid)]
fn returned_then_exit_0() {
    write_everywhere(&frame(STARTED));
    write_everywhere(&frame(RETURNED));
    exit_now(0);
}

#[isolated]
fn returned_then_exit_0_without_a_namespace() {
    write_everywhere(&frame(RETURNED));
    exit_now(0);
}

#[isolated(pid)]
fn returned_then_panic() {
    write_everywhere(&frame(RETURNED));
    panic!("after the forgery");
}

#[isolated(pid)]
fn a_child_forges_for_the_parent() {
    match crate::raw::fork() {
        Some(child) => crate::raw::wait(child),
        None => write_everywhere(&frame(RETURNED)),
    }
    exit_now(0);
}

#[isolated(pid)]
fn a_message_larger_than_any_frame() {
    for fd in channels() {
        write(fd, &vec![VERSION; 150 << 10]);
    }
}

/// An empty message looks like end of file.
#[isolated(pid)]
fn an_empty_message_then_exit_0() {
    for fd in channels() {
        let _ = send(fd, &[], MsgFlags::empty());
    }
    exit_now(0);
}

#[isolated(pid)]
fn an_empty_message_then_return() {
    for fd in channels() {
        let _ = send(fd, &[], MsgFlags::empty());
    }
}

#[isolated(pid)]
fn an_empty_message_then_panic() {
    for fd in channels() {
        let _ = send(fd, &[], MsgFlags::empty());
    }
    panic!("after an empty message");
}

#[isolated(pid)]
fn fills_the_pipe_then_exit_0() {
    let frame = frame(RETURNED);
    for fd in channels() {
        for _ in 0..10_000 {
            let _ = send(fd, &frame, MsgFlags::MSG_DONTWAIT);
        }
    }
    exit_now(0);
}

/// As long as it goes on there is always something to read; the clock is looked at all the same.
#[isolated(pid, timeout = "500ms")]
fn floods_the_pipe_for_ever() {
    for _ in 0..4 {
        if crate::raw::fork().is_none() {
            let channels = channels();
            loop {
                channels.iter().for_each(|fd| {
                    write(*fd, b"x");
                });
            }
        }
    }
    crate::hang();
}

/// What cannot be told cannot be believed: a body that cuts the line fails.
#[isolated(pid)]
fn closes_all_then_returns() {
    descriptors().into_iter().for_each(close);
}

#[isolated(pid)]
fn closes_all_then_exit_0() {
    descriptors().into_iter().for_each(close);
    exit_now(0);
}

#[isolated(pid)]
fn closes_all_then_panics() {
    descriptors().into_iter().for_each(close);
    panic!("unheard");
}

/// Nor is it an exit that was asked for.
#[isolated(pid, expect = exit(101))]
fn closes_all_then_panics_and_asks_for_101() {
    descriptors().into_iter().for_each(close);
    panic!("unheard");
}

#[isolated(pid, expect = exit(0))]
fn closes_all_then_returns_and_asks_for_0() {
    descriptors().into_iter().for_each(close);
}

#[isolated(pid, expect = exit(70))]
fn closes_all_then_returns_and_asks_for_70() {
    descriptors().into_iter().for_each(close);
}

/// The twin: an exit needs no line.
#[isolated(pid, expect = exit(3))]
fn closes_all_then_exit_3() {
    descriptors().into_iter().for_each(close);
    exit_now(3);
}

#[isolated(pid)]
fn shuts_all_down_then_returns() {
    for fd in channels() {
        let _ = shutdown(fd, Shutdown::Both);
    }
}

/// The twin: what belongs to the test may be closed.
#[isolated(pid)]
fn closes_stdin_stdout_and_stderr() {
    println!("before");
    [0, 1, 2].into_iter().for_each(close);
}

#[isolated(pid)]
fn writes_to_stdout_and_stderr_only() {
    for fd in [1, 2] {
        write(fd, b"plain text\n");
    }
}
