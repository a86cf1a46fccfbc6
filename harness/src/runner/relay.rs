//! The guest's stdout and stderr, passed on line by line through `print!` and `eprint!` while it runs:
//! libtest captures exactly these, by thread.
//!
//! What libtest captures it keeps until the test ends. So that a gigabyte of output does not become a
//! gigabyte of the runner's memory, the middle of a long output is left out, and the text says so.
//! Uncaptured (`--nocapture`, nextest) everything goes through.

use std::collections::VecDeque;
use std::os::fd::{BorrowedFd, OwnedFd};

use super::pipe::Pipe;
use crate::render;

/// Of a captured stream, this much of the beginning is passed on at once,
const HEAD: u64 = 1 << 20;
/// and this much of the end afterwards.
const TAIL: usize = 64 << 10;
/// A line longer than this is passed on in pieces.
const LONGEST_LINE: usize = 64 << 10;

/// Both streams.
#[derive(Debug)]
pub(crate) struct Relay {
    streams: [Stream; 2],
}

#[derive(Debug)]
struct Stream {
    pipe: Pipe,
    name: &'static str,
    print: fn(&str),
    /// An incomplete line.
    pending: Vec<u8>,
    /// How much may still be passed on; `None` is without limit.
    head_left: Option<u64>,
    tail: VecDeque<u8>,
    omitted: u64,
    /// Whether what was passed on last is an unfinished line.
    in_line: bool,
    /// How the main thread of the body is called in a panic message, and how it should be.
    rename: Option<(String, String)>,
    thread: String,
}

impl Relay {
    /// A relay for the reading ends of two pipes; `thread` is the test's name.
    pub(crate) fn new(stdout: OwnedFd, stderr: OwnedFd, thread: &str) -> Self {
        let head = super::output_is_captured().then_some(HEAD);
        let stdout = Stream::new(stdout, "stdout", |text| print!("{text}"), head, thread);
        let stderr = Stream::new(stderr, "stderr", |text| eprint!("{text}"), head, thread);
        Self { streams: [stdout, stderr] }
    }

    /// The pipes that are not at their end.
    pub(crate) fn sources(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.streams.iter().filter_map(|stream| stream.pipe.source())
    }

    /// The pid of the body, which has no thread name before `main`: its panics say `<unnamed>`.
    pub(crate) fn rename_thread(&mut self, pid: i32) {
        for stream in &mut self.streams {
            let unnamed = format!("thread '<unnamed>' ({pid}) ");
            stream.rename = Some((unnamed, format!("thread '{}' ({pid}) ", stream.thread)));
        }
    }

    /// Passes on what is there now, through this buffer.
    pub(crate) fn forward(&mut self, buffer: &mut [u8]) {
        for stream in &mut self.streams {
            stream.pipe.begin_turn();
            stream.read(buffer);
        }
    }

    /// Passes on the rest, unfinished lines and what was kept of the end.
    pub(crate) fn finish(&mut self, buffer: &mut [u8]) {
        for stream in &mut self.streams {
            stream.pipe.begin_last_turn();
            stream.read(buffer);
            stream.finish();
        }
        // What is said about the run follows there, on a line of its own.
        let [_, stderr] = &self.streams;
        if stderr.in_line {
            eprintln!();
        }
    }
}

impl Stream {
    fn new(pipe: OwnedFd, name: &'static str, print: fn(&str), head: Option<u64>, thread: &str) -> Self {
        Self {
            pipe: Pipe::new(pipe),
            name,
            print,
            pending: Vec::new(),
            head_left: head,
            tail: VecDeque::new(),
            omitted: 0,
            in_line: false,
            rename: None,
            // The crate's name is not part of libtest's name for a test.
            thread: thread.split_once("::").map_or(thread, |(_, path)| path).to_owned(),
        }
    }

    /// Reads until the pipe is empty, or this turn is over.
    fn read(&mut self, chunk: &mut [u8]) {
        while let Some(bytes) = self.pipe.read(chunk) {
            self.take(bytes);
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        if self.head_left == Some(0) {
            return self.keep_end(bytes);
        }
        self.pending.extend_from_slice(bytes);
        let whole = self.pending.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let ready = if self.pending.len() - whole > LONGEST_LINE { complete(&self.pending) } else { whole };
        let lines: Vec<u8> = self.pending.drain(..ready).collect();
        self.emit(&lines);
    }

    fn emit(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        self.in_line = bytes.last() != Some(&b'\n');
        let text = String::from_utf8_lossy(bytes);
        match &self.rename {
            Some((from, to)) if text.contains(from.as_str()) => (self.print)(&text.replace(from, to)),
            Some(_) | None => (self.print)(&text),
        }
        if let Some(left) = &mut self.head_left {
            *left = left.saturating_sub(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        }
    }

    fn keep_end(&mut self, bytes: &[u8]) {
        self.tail.extend(bytes);
        let over = self.tail.len().saturating_sub(TAIL);
        self.tail.drain(..over);
        self.omitted += u64::try_from(over).unwrap_or(u64::MAX);
    }

    fn finish(&mut self) {
        let rest = std::mem::take(&mut self.pending);
        self.emit(&rest);
        if self.omitted > 0 {
            (self.print)(&render::cut(self.name, self.omitted));
        }
        let tail: Vec<u8> = std::mem::take(&mut self.tail).into();
        self.emit(&tail);
    }
}

/// As much of a long line as ends at a character: without the beginning of a UTF-8 sequence at its end.
fn complete(bytes: &[u8]) -> usize {
    for back in 1..=bytes.len().min(3) {
        let at = bytes.len() - back;
        let width = match bytes[at] {
            0x00..=0x7f => 1,
            0x80..=0xbf => continue,
            0xc0..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xff => 4,
        };
        return if width > back { at } else { bytes.len() };
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::complete;

    #[test]
    fn a_long_line_is_cut_between_characters() {
        let cases: [(&[u8], usize); 7] = [
            (b"", 0),
            (b"abc", 3),
            ("ä".as_bytes(), 2),
            (b"a\xc3", 1),
            (b"a\xe2\x82", 1),
            (b"a\xf0\x9f\x92", 1),
            (b"\x80\x80\x80\x80", 4),
        ];
        for (bytes, length) in cases {
            assert_eq!(complete(bytes), length, "{bytes:?}");
        }
    }
}
