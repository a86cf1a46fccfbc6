//! Figures, signals and foreign text in the words of a message, and the table they stand in.

use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::Signal;

use crate::evidence::Process;

/// A number of bytes in powers of 1024, with one decimal where there is one: `1.5 GiB`.
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    // In tenths of the unit, rounded; 1023.96 KiB is 1 MiB.
    let mut tenths = rounded(u128::from(bytes) * 10, 1024);
    let mut unit = 0;
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        unit += 1;
        tenths = rounded(u128::from(bytes) * 10, 1 << (10 * (unit + 1)));
    }
    format!("{} {}", decimal(tenths), UNITS[unit])
}

/// A time in the unit that a person would choose: `640 µs`, `134 ms`, `1.2 s`, `2 min 5 s`.
pub(super) fn time(time: Duration) -> String {
    let micros = time.as_micros();
    let (millis, tenths, seconds) =
        (rounded(micros, 1000), rounded(micros, 100_000), rounded(micros, 1_000_000));
    match () {
        () if micros == 0 => "0 s".to_owned(),
        () if micros < 1000 => format!("{micros} µs"),
        () if millis < 1000 => format!("{millis} ms"),
        () if tenths < 600 => format!("{} s", decimal(tenths)),
        () => format!("{} min {} s", seconds / 60, seconds % 60),
    }
}

fn rounded(value: u128, unit: u128) -> u128 {
    (value + unit / 2) / unit
}

fn decimal(tenths: u128) -> String {
    match (tenths / 10, tenths % 10) {
        (whole, 0) => whole.to_string(),
        (whole, tenth) => format!("{whole}.{tenth}"),
    }
}

/// `1 process`, `2 processes`.
pub(super) fn count(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// A length as a number to print.
pub(super) fn length<T>(items: &[T]) -> u64 {
    u64::try_from(items.len()).unwrap_or(u64::MAX)
}

/// `no such file or directory (ENOENT)`.
pub(crate) fn errno(errno: Errno) -> String {
    let text = match errno {
        // nix has the words of another system here, and some mislead: "try again", "math result".
        Errno::EAGAIN => "resource temporarily unavailable".to_owned(),
        Errno::ERANGE => "value out of range".to_owned(),
        Errno::EBADF => "bad file descriptor".to_owned(),
        errno => errno.desc().to_lowercase(),
    };
    format!("{text} ({errno:?})")
}

/// `SIGSEGV`; a real-time signal by its number.
pub(crate) fn signal_name(signal: i32) -> String {
    Signal::try_from(signal).map_or_else(|_| format!("signal {signal}"), |signal| signal.as_str().to_owned())
}

/// `SIGSEGV (invalid memory reference)`.
pub(super) fn signal(signal: i32) -> String {
    let name = signal_name(signal);
    meaning(signal).map_or_else(|| name.clone(), |meaning| format!("{name} ({meaning})"))
}

/// signal(7), for those that end a test.
fn meaning(signal: i32) -> Option<&'static str> {
    Some(match signal {
        libc::SIGABRT => "abort",
        libc::SIGALRM => "alarm",
        libc::SIGBUS => "access beyond the end of a mapping, or misaligned",
        libc::SIGFPE => "arithmetic error",
        libc::SIGHUP => "hang-up",
        libc::SIGILL => "illegal instruction",
        libc::SIGINT => "interrupt",
        libc::SIGPIPE => "write to a closed pipe",
        libc::SIGSEGV => "invalid memory reference",
        libc::SIGSYS => "forbidden system call",
        libc::SIGTERM => "termination",
        libc::SIGTRAP => "breakpoint",
        libc::SIGTSTP => "stop from the terminal",
        libc::SIGTTIN => "read from the terminal in the background",
        libc::SIGTTOU => "write to the terminal in the background",
        libc::SIGXCPU => "cpu time limit",
        libc::SIGXFSZ => "file size limit",
        _ => return None,
    })
}

/// Text that the guest chose, on one line: it can neither forge a line of ours nor command the terminal.
pub(super) fn shown(text: &str) -> String {
    text.chars().flat_map(shown_char).collect()
}

fn shown_char(char: char) -> impl Iterator<Item = char> {
    let is_plain = !char.is_control();
    let escaped = (!is_plain).then(|| char.escape_default());
    is_plain.then_some(char).into_iter().chain(escaped.into_iter().flatten())
}

/// A text in lines of at most this many characters, broken at spaces, and in a word that is longer.
pub(super) fn wrapped(text: &str, width: usize) -> String {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let letters: Vec<char> = word.chars().collect();
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + letters.len() <= width => line.extend([" ", word]),
            _ => lines.extend(letters.chunks(width.max(1)).map(String::from_iter)),
        }
    }
    lines.join("\n")
}

/// The first line of a text, and not too much of it.
pub(super) fn first_line(text: &str) -> String {
    const LONGEST: usize = 120;
    let line = text.lines().next().unwrap_or_default();
    let cut: String = line.chars().take(LONGEST).collect();
    let is_whole = cut == text;
    shown(&cut) + if is_whole { "" } else { " ..." }
}

/// `pid 7 sleep: sleep 1000`; pid 0 is one that has no name.
pub(super) fn process(process: &Process) -> String {
    let Process { pid, comm, cmdline } = process;
    let name = if *pid == 0 { shown(comm) } else { format!("pid {pid} {}", shown(comm)) };
    if cmdline.is_empty() { name } else { format!("{name}: {}", shown(cmdline)) }
}

/// A row for each process, or for the first few of many.
pub(super) fn processes(processes: &[Process]) -> String {
    const MOST: usize = 10;
    // Those that the init has not listed stand at the end, without a pid.
    let (listed, unlisted) = match processes {
        [listed @ .., last] if last.pid == 0 && listed.len() > MOST => (listed, Some(last)),
        all => (all, None),
    };
    let mut lines: Vec<String> = listed.iter().take(MOST).map(process).collect();
    if let Some(more) = listed.len().checked_sub(MOST).filter(|more| *more > 0) {
        lines.push(format!("and {more} more"));
    }
    lines.extend(unlisted.map(process));
    lines.join("\n")
}

/// A headline with rows of label and value below it, the values aligned, also over several lines.
#[derive(Debug)]
pub(super) struct Table {
    headline: String,
    rows: Vec<(&'static str, String)>,
}

impl Table {
    pub(super) fn new(headline: String) -> Self {
        Self { headline, rows: Vec::new() }
    }

    /// Adds a row, if there is something to say.
    pub(super) fn row(&mut self, label: &'static str, value: impl Into<Option<String>>) {
        self.rows.extend(value.into().filter(|value| !value.is_empty()).map(|value| (label, value)));
    }

    pub(super) fn text(self) -> String {
        let width = self.rows.iter().map(|(label, _)| label.len()).max().unwrap_or(0);
        let mut text = self.headline;
        for (label, value) in self.rows {
            let indent = format!("\n  {:width$}  ", "");
            text.push_str(&format!("\n  {label:width$}  {}", value.replace('\n', &indent)));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (bytes, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1 KiB"),
            (1536, "1.5 KiB"),
            ((1 << 20) - 1, "1 MiB"),
            (100 << 20, "100 MiB"),
            ((100 << 20) + 52_428, "100 MiB"),
            ((100 << 20) + 52_429, "100.1 MiB"),
            (5 << 30, "5 GiB"),
            (u64::MAX, "16384 PiB"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }

    #[test]
    fn times() {
        for (micros, text) in [
            (0, "0 s"),
            (640, "640 µs"),
            (1000, "1 ms"),
            (134_400, "134 ms"),
            (999_600, "1 s"),
            (1_234_000, "1.2 s"),
            (5_000_000, "5 s"),
            (59_960_000, "1 min 0 s"),
            (125_000_000, "2 min 5 s"),
        ] {
            assert_eq!(time(Duration::from_micros(micros)), text);
        }
    }

    #[test]
    fn foreign_text_stays_on_its_line() {
        assert_eq!(shown("a\n  remedy  rm -rf\x1b[2J ä"), "a\\n  remedy  rm -rf\\u{1b}[2J ä");
        assert_eq!(first_line("one\ntwo"), "one ...");
        assert_eq!(first_line("one"), "one");
        assert_eq!(first_line(""), "");
        assert_eq!(first_line(&"x".repeat(200)).len(), 124);
    }

    #[test]
    fn lines_are_broken_at_spaces() {
        assert_eq!(wrapped("a bc def ghij", 5), "a bc\ndef\nghij");
        assert_eq!(wrapped("abcdefgh i", 3), "abc\ndef\ngh\ni");
        assert_eq!(wrapped("abcdefgh i", 4), "abcd\nefgh\ni");
        assert_eq!(wrapped("", 3), "");
    }

    #[test]
    fn every_signal_has_a_name() {
        assert_eq!(signal(libc::SIGSEGV), "SIGSEGV (invalid memory reference)");
        assert_eq!(signal(libc::SIGUSR1), "SIGUSR1");
        assert_eq!(signal(40), "signal 40");
    }
}
