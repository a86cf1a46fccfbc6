//! Counts the words of a text.

use std::io::{self, BufRead, BufReader, Read};

/// Line by line: the longest line is all that is in memory.
pub fn count(text: impl Read) -> io::Result<usize> {
    BufReader::new(text).lines().map(|line| Ok(line?.split_whitespace().count())).sum()
}

/// All at once: fine for a page, not for a library.
pub fn count_at_once(mut text: impl Read) -> io::Result<usize> {
    let mut all = String::new();
    text.read_to_string(&mut all)?;
    Ok(all.split_whitespace().count())
}
