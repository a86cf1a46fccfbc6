//! The reading end of one output pipe of a guest.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Read at most before frames and deadlines are looked at again. As much as a pipe can hold
/// (/proc/sys/fs/pipe-max-size), so that one turn after the guest's end drains it.
const TURN: usize = 1 << 20;

/// When nobody is left who could fill it again, but for what a test may leave behind: more than any pipe holds.
const LAST_TURN: usize = 64 << 20;

/// A pipe that does not block.
#[derive(Debug)]
pub(super) struct Pipe {
    file: File,
    open: bool,
    /// Of this turn.
    left: usize,
}

impl Pipe {
    pub(super) fn new(pipe: OwnedFd) -> Self {
        Self { file: File::from(pipe), open: true, left: 0 }
    }

    /// What to poll, unless it is at its end.
    pub(super) fn source(&self) -> Option<BorrowedFd<'_>> {
        self.open.then(|| self.file.as_fd())
    }

    pub(super) fn begin_turn(&mut self) {
        self.left = TURN;
    }

    pub(super) fn begin_last_turn(&mut self) {
        self.left = LAST_TURN;
    }

    /// The next bytes; `None` when there are none for now, or this turn is over.
    pub(super) fn read<'buffer>(&mut self, buffer: &'buffer mut [u8]) -> Option<&'buffer [u8]> {
        while self.open && self.left > 0 {
            match self.file.read(buffer) {
                Ok(0) => self.open = false,
                Ok(count) => {
                    self.left = self.left.saturating_sub(count);
                    return Some(&buffer[..count]);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // WouldBlock: empty for now.
                Err(_) => return None,
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use nix::fcntl::{FcntlArg, OFlag, fcntl};

    use super::*;

    #[test]
    fn the_last_turn_reads_all_of_a_large_pipe() {
        let (reader, writer) = nix::unistd::pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK).unwrap();
        // Without privilege a pipe is not as large: then there is nothing to see.
        let _ = fcntl(&writer, FcntlArg::F_SETPIPE_SZ(4 << 20));
        let mut writer = File::from(writer);
        let mut written = 0;
        while let Ok(count) = writer.write(&[b'x'; 4096]) {
            written += count;
        }
        let mut pipe = Pipe::new(reader);
        let mut buffer = vec![0; 64 << 10];
        pipe.begin_last_turn();
        let mut found = 0;
        while let Some(bytes) = pipe.read(&mut buffer) {
            found += bytes.len();
        }
        assert_eq!(found, written);
    }
}
