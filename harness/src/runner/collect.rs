//! The output of a program, kept as it is for the caller of the sandbox.

use std::os::fd::{BorrowedFd, OwnedFd};

use super::pipe::Pipe;
use crate::evidence::Output;

/// Both streams, kept up to a limit on their sum.
#[derive(Debug)]
pub(super) struct Collector {
    stdout: Pipe,
    stderr: Pipe,
    kept: Output,
    /// How much more may be kept.
    left: u64,
}

impl Collector {
    /// For the reading ends of two pipes.
    pub(super) fn new(stdout: OwnedFd, stderr: OwnedFd, limit: u64) -> Self {
        let [stdout, stderr] = [stdout, stderr].map(Pipe::new);
        Self { stdout, stderr, kept: Output::default(), left: limit }
    }

    /// The pipes that are not at their end.
    pub(super) fn sources(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        [&self.stdout, &self.stderr].into_iter().filter_map(Pipe::source)
    }

    /// Takes what is there now, through this buffer. What is over the limit is read all the same, until the guest is stopped for it.
    pub(super) fn collect(&mut self, buffer: &mut [u8]) {
        [&mut self.stdout, &mut self.stderr].into_iter().for_each(Pipe::begin_turn);
        self.take(buffer);
    }

    fn take(&mut self, buffer: &mut [u8]) {
        let Self { stdout, stderr, kept, left } = self;
        let Output { stdout: out, stderr: err, overflows } = kept;
        for (pipe, stream) in [(stdout, out), (stderr, err)] {
            while let Some(bytes) = pipe.read(buffer) {
                let fits = usize::try_from(*left).map_or(bytes.len(), |left| left.min(bytes.len()));
                stream.extend_from_slice(&bytes[..fits]);
                *left -= u64::try_from(fits).unwrap_or(*left);
                *overflows |= fits < bytes.len();
            }
        }
    }

    /// Whether there was more than may be kept.
    pub(super) fn overflows(&self) -> bool {
        self.kept.overflows
    }

    /// All that was kept.
    pub(super) fn finish(&mut self, buffer: &mut [u8]) -> Output {
        [&mut self.stdout, &mut self.stderr].into_iter().for_each(Pipe::begin_last_turn);
        self.take(buffer);
        std::mem::take(&mut self.kept)
    }
}
