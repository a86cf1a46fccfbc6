//! A layer's archive becomes a directory that overlayfs can stack.
//!
//! The archive is hostile until it is done: every name is judged (name.rs), every write goes to a place that the
//! kernel has looked up below the root (tree.rs), nothing is ever replaced, and all of it is bounded (limits.rs).
//! stream.rs has the bytes, entry.rs and its neighbours (number, pax, sparse) say what they mean, metadata.rs and
//! whiteout.rs what they become.
//!
//! What no honest archive does is an error: a second file of the same name, a parent that is a file, an entry of
//! unknown type, data after the end. What this machine or this user cannot make is left out, and listed.

mod entry;
pub(crate) mod limits;
mod metadata;
mod name;
mod number;
mod pax;
mod sparse;
mod stream;
mod tree;
mod whiteout;
mod write;

use std::io::Read;
use std::path::Path;

use self::entry::{Entries, Entry, Metadata, What};
use self::limits::Limits;
pub(crate) use self::metadata::Variant;
use self::name::Name;
use self::stream::Stream;
use self::tree::Tree;
use self::whiteout::{Mark, Whiteouts};
use super::digest::{Digest, Hashing};
use super::error::{Error, Reason};
use crate::render;
use crate::rootfs::lower::Directory;

/// What is unpacked, and how.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Order<'a> {
    /// What messages call it.
    pub(crate) archive: &'a str,
    /// The digest that its uncompressed bytes must have.
    pub(crate) digest: Option<Digest>,
    pub(crate) compressed_size: u64,
    /// The layers that it lies on, where they are known: they say what directories are that it does not mention.
    pub(crate) below: Option<&'a Directory>,
    pub(crate) limits: Limits,
    pub(crate) variant: Variant,
}

/// What was unpacked.
#[derive(Debug, Default)]
pub(crate) struct Unpacked {
    /// The bytes of the files, as the disk has them, roughly.
    pub(crate) bytes: u64,
    pub(crate) left_out: Vec<LeftOut>,
    /// How many more were left out.
    pub(crate) more: u64,
    /// Whether it has directories, other than its root, that are no entries.
    pub(crate) implied: bool,
}

/// Something that could not be made here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LeftOut {
    /// Its name, in a form that can be shown.
    pub(crate) entry: String,
    /// What of it was left out, and why.
    pub(crate) what: String,
}

/// So many are listed; the rest is counted.
const LISTED: usize = 100;

/// Unpacks the archive into a directory that it makes.
///
/// # Errors
/// The first thing that is wrong; the directory is then half done, and the caller's to remove.
pub(crate) fn unpack(order: &Order<'_>, archive: &mut dyn Read, into: &Path) -> Result<Unpacked, Error> {
    let hashing = if order.digest.is_some() { Hashing::new(archive) } else { Hashing::counting(archive) };
    let stream = Stream::new(hashing, order.archive, order.compressed_size, order.limits);
    let mut entries = Entries::new(order.limits);
    let done = Work::start(order, into).and_then(|work| work.run(stream, &mut entries));
    done.map_err(|reason| Error { archive: order.archive.to_owned(), entry: entries.name.take(), reason })
}

/// An unpacking under way.
#[derive(Debug)]
struct Work<'a> {
    order: &'a Order<'a>,
    tree: Tree<'a>,
    /// The bytes of files so far, holes included.
    apparent: u64,
    whiteouts: Whiteouts,
    unpacked: Unpacked,
}

impl<'a> Work<'a> {
    fn start(order: &'a Order<'a>, into: &Path) -> Result<Self, Reason> {
        let tree = Tree::make(into, order.below)?;
        let whiteouts = Whiteouts::new(order.variant);
        Ok(Self { order, tree, apparent: 0, whiteouts, unpacked: Unpacked::default() })
    }

    fn run<R: Read>(mut self, mut stream: Stream<R>, entries: &mut Entries) -> Result<Unpacked, Reason> {
        while let Some(entry) = entries.next(&mut stream)? {
            self.entry(&mut stream, &entry)?;
        }
        self.end(stream, entries)?;
        self.whiteouts.remove_useless(&self.tree)?;
        self.finish_directories()?;
        Ok(self.unpacked)
    }

    fn entry<R: Read>(&mut self, stream: &mut Stream<R>, entry: &Entry) -> Result<(), Reason> {
        let name = Name::parse(&entry.name)?;
        metadata::check(&entry.metadata)?;
        for record in &entry.unknown {
            self.leave_out(&name, render::image::unknown_record(record));
        }
        match (whiteout::mark(&name)?, &entry.what) {
            (Mark::None, what) => self.make(stream, &name, &entry.name, what, &entry.metadata),
            // aufs had its whiteouts as links to one file.
            (mark, What::File { data, .. }) => {
                stream.pass(*data, |_| Ok(()))?;
                stream.padding(*data)?;
                self.white_out(&name, &mark)
            }
            (mark, What::Link(_)) => self.white_out(&name, &mark),
            _ => Err(Reason::BadWhiteout),
        }
    }

    fn white_out(&mut self, name: &Name, mark: &Mark<'_>) -> Result<(), Reason> {
        let parent = self.tree.directory(name.split().0)?;
        match mark {
            Mark::Gone(gone) => self.whiteouts.hide(&self.tree, &parent, gone),
            _ => self.whiteouts.make_opaque(&self.tree, Name::known(parent.name())),
        }
    }

    /// After the last entry: nothing but zeros, and the digest that was promised.
    ///
    /// The digest vouches for an archive without a mark of its end, or with something behind it.
    fn end<R: Read>(&self, mut stream: Stream<R>, entries: &mut Entries) -> Result<(), Reason> {
        entries.name = None;
        let is_blank = stream.drain()?;
        match (self.order.digest, stream.digest()) {
            (Some(wanted), Some(found)) if wanted != found => Err(Reason::Digest { wanted, found }),
            (None, _) if !entries.is_marked => Err(Reason::Truncated),
            (None, _) if !is_blank => Err(Reason::Corrupt("it goes on after its end".to_owned())),
            _ => Ok(()),
        }
    }

    fn finish_directories(&mut self) -> Result<(), Reason> {
        for (name, metadata) in self.tree.take_directories() {
            self.unpacked.bytes += write::PAGE;
            let directory = self.tree.reopen(&name)?;
            self.unpacked.implied |= metadata.is_none() && !name.is_root();
            let metadata = match metadata {
                Some(metadata) => metadata,
                None => self.tree.metadata_below(&name)?.unwrap_or_else(Metadata::of_parent),
            };
            let lost = metadata::of_open(&directory, &metadata, self.order.variant);
            self.note_lost(&name, lost.map_err(self.tree.failed(name.as_bytes()))?);
        }
        Ok(())
    }

    fn note_lost(&mut self, name: &Name, lost: metadata::Lost) {
        for what in lost {
            self.leave_out(name, what);
        }
    }

    fn leave_out(&mut self, name: &Name, what: String) {
        self.unpacked.leave_out(LeftOut { entry: render::image::name(name.as_bytes()), what });
    }
}

impl Unpacked {
    /// Lists it, or counts it.
    pub(crate) fn leave_out(&mut self, one: LeftOut) {
        if self.left_out.len() < LISTED {
            self.left_out.push(one);
        } else {
            self.more += 1;
        }
    }
}
