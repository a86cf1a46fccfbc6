//! The kernel log from some moment on (Documentation/ABI/testing/dev-kmsg).
//!
//! The log is a witness, never the judge: it may be closed to us (`dmesg_restrict`), overwritten, or
//! thinned out by the kernel (10 OOM reports in 5 s). `oom.rs` says what is decided without it.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;

use libc::{EPIPE, O_NONBLOCK};

/// A record is one read; longer ones do not exist (`PRINTKRB_RECORD_MAX` and its dictionary).
const RECORD: usize = 8192;
/// Bounds the time spent with a kernel that does not stop talking.
const MOST_RECORDS: usize = 100_000;

/// A position in the kernel log.
#[derive(Debug)]
pub(super) struct Log(File);

impl Log {
    /// The position behind the newest record; none where the log is closed to us.
    pub(super) fn from_now() -> Option<Self> {
        let mut options = OpenOptions::new();
        let mut file = options.read(true).custom_flags(O_NONBLOCK).open("/dev/kmsg").ok()?;
        file.seek(SeekFrom::End(0)).ok()?;
        Some(Self(file))
    }

    /// The kernel's own lines since then, or since the last call.
    pub(super) fn read(&mut self, mut line: impl FnMut(&str)) {
        let mut buffer = [0; RECORD];
        for _ in 0..MOST_RECORDS {
            match self.0.read(&mut buffer) {
                // No kernel log: a container may have /dev/null in its place.
                Ok(0) => break,
                Ok(length) => record(&buffer[..length]).lines().for_each(&mut line),
                // EPIPE: the oldest ones were overwritten meanwhile; reading goes on behind the gap.
                Err(error) if error.raw_os_error() == Some(EPIPE) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // WouldBlock is the end; anything else is as good as no log.
                Err(_) => break,
            }
        }
    }
}

/// The text of `priority,sequence,time,flags;text`, without the dictionary lines behind it. Empty for a
/// record that a process wrote: its facility is never 0, the kernel's.
fn record(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let Some((prefix, text)) = text.split_once(';') else {
        return String::new();
    };
    let priority = prefix.split(',').next().and_then(|number| number.parse::<u32>().ok());
    let from_kernel = priority.is_some_and(|priority| priority >> 3 == 0);
    let line = text.lines().next().filter(|_| from_kernel);
    line.map_or_else(String::new, unescape)
}

/// What is not printable is written as `\xhh`, a newline within a record, too.
fn unescape(line: &str) -> String {
    let mut parts = line.split("\\x");
    let mut plain = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let code = part.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match code {
            Some(code) => {
                plain.push(code);
                plain.extend(&part.as_bytes()[2..]);
            }
            None => plain.extend([b"\\x", part.as_bytes()].concat()),
        }
    }
    String::from_utf8_lossy(&plain).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records() {
        let cases = [
            ("6,609,1583054889,-;hello; world\n", "hello; world"),
            ("3,1,2,-,caller=T12;Killed\n SUBSYSTEM=acpi\n DEVICE=+x\n", "Killed"),
            ("6,1,2,-;anon 1\\x0afile 2\\x0a\n", "anon 1\nfile 2\n"),
            ("6,1,2,-;a\\x5cb \\xzz \\x\n", "a\\b \\xzz \\x"),
            // Written by a process: facility 1, LOG_USER.
            ("12,1,2,-;oom-kill:forged\n", ""),
            ("garbage", ""),
            ("x,1;text", ""),
        ];
        for (bytes, text) in cases {
            assert_eq!(record(bytes.as_bytes()), text, "{bytes:?}");
        }
    }
}
