//! A meeting point of a guest and the test outside: two named pipes in a directory that both see.
//!
//! The guest arrives with a message and waits; the test looks at it from outside for as long as it likes,
//! and then lets it go on. Nobody sleeps, and nobody waits for ever: the test has a deadline here, the
//! guest its `timeout`.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use crate::sys;

/// Where the gates of a twin are: the variable that [`crate::twin::Twin`] sets.
pub const DIRECTORY: &str = "HARNESS_TWIN_DIR";

/// The test's side.
#[derive(Debug)]
pub struct Gate {
    here: File,
    go: File,
}

impl Gate {
    /// Makes a gate of this name.
    ///
    /// # Panics
    /// When it cannot be made.
    pub fn new(directory: &Path, name: &str) -> Self {
        let [here, go] = ["here", "go"].map(|end| {
            let path = pipe(directory, name, end);
            mkfifo(&path, Mode::from_bits_truncate(0o666)).expect("make a named pipe");
            // Open for both ends: opening does not wait, and what is written stays there.
            let options = OpenOptions::new().read(true).write(true).custom_flags(libc::O_NONBLOCK).open(path);
            options.expect("open a named pipe")
        });
        Self { here, go }
    }

    /// Waits until the guest is here; its message.
    ///
    /// # Panics
    /// When it does not come.
    pub fn arrived(&mut self) -> String {
        let mut message = Vec::new();
        while message.last() != Some(&b'\n') {
            assert!(sys::readable(self.here.as_fd()), "the guest did not come to the gate");
            let mut byte = [0];
            self.here.read_exact(&mut byte).expect("read what the guest says");
            message.push(byte[0]);
        }
        String::from_utf8_lossy(&message).trim_end().to_owned()
    }

    /// Lets the guest go on.
    ///
    /// # Panics
    /// When the pipe is broken.
    pub fn open(&mut self) {
        self.go.write_all(b"\n").expect("open the gate");
    }
}

fn pipe(directory: &Path, name: &str, end: &str) -> PathBuf {
    directory.join(format!("{name}.{end}"))
}

/// The directory that guest and test share.
///
/// # Panics
/// Outside of a twin.
pub fn directory() -> PathBuf {
    std::env::var_os(DIRECTORY).expect("run by Twin").into()
}

/// The guest's side: says that it is here, without waiting.
///
/// # Panics
/// When there is no such gate.
pub fn tell(name: &str, message: &str) {
    let path = pipe(&directory(), name, "here");
    let mut here = OpenOptions::new().write(true).open(path).expect("the gate");
    // One write, so that the messages of several guests stay whole (pipe(7), PIPE_BUF).
    here.write_all(format!("{message}\n").as_bytes()).expect("say that the guest is here");
}

/// The guest's side: says that it is here, and waits until it may go on.
///
/// # Panics
/// When there is no such gate.
pub fn arrive(name: &str, message: &str) {
    tell(name, message);
    wait(name);
}

/// The guest's side: waits until it may go on.
///
/// # Panics
/// When there is no such gate.
pub fn wait(name: &str) {
    let path = pipe(&directory(), name, "go");
    let mut go = File::open(path).expect("the gate");
    go.read_exact(&mut [0]).expect("wait at the gate");
}
