//! Does it fit? Both ways of counting, on the licence text of the toolchain's machine repeated to 40 MiB.

use std::fs::File;
use std::io::{self, Read};

use harness::isolated;

const TEXT: &str = "/usr/share/common-licenses/GPL-3";

/// 40 MiB of real text, without a file of that size.
fn library() -> io::Result<(impl Read, usize)> {
    let page = std::fs::read(TEXT)?;
    let copies = (40 << 20) / page.len();
    let (words, length) = (wordcount::count(page.as_slice())?, page.len() * copies);
    Ok((Endless { page, at: 0 }.take(length as u64), words * copies))
}

/// A page over and over.
struct Endless {
    page: Vec<u8>,
    at: usize,
}

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = (&self.page[self.at..]).read(buffer)?;
        self.at = (self.at + count) % self.page.len();
        Ok(count)
    }
}

#[isolated(pid, net, mem = "16M", readonly)]
fn a_page_is_counted() -> io::Result<()> {
    let words = wordcount::count(File::open(TEXT)?)?;
    assert_eq!(words, wordcount::count_at_once(File::open(TEXT)?)?);
    Ok(())
}

#[isolated(pid, mem = "16M", timeout = "60s")]
fn a_library_fits_in_16_mib() -> io::Result<()> {
    let (text, words) = library()?;
    assert_eq!(wordcount::count(text)?, words);
    Ok(())
}

#[isolated(pid, mem = "32M", expect = oom)]
fn a_library_at_once_does_not_fit_in_32_mib() -> io::Result<()> {
    let (text, _) = library()?;
    wordcount::count_at_once(text)?;
    Ok(())
}

/// The same without `expect`: what a developer sees who did not know. `ci/demo.sh` shows it.
#[isolated(pid, uts, mem = "32M")]
#[ignore = "fails on purpose"]
fn an_oom_explains_itself() -> io::Result<()> {
    let (text, _) = library()?;
    wordcount::count_at_once(text)?;
    Ok(())
}
