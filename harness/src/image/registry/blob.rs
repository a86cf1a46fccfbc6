//! One blob, from a registry into a file that may hold its beginning already.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use ureq::Body;
use ureq::http::{Response, StatusCode, header};

use super::super::digest::{Digest, Hashing};
use super::super::error::Reason;
use super::super::manifest::Descriptor;
use super::super::unpack::limits::Limits;
use super::client::{Client, Request};
use super::{Fault, Watch};

/// As the documents of an image.
const DOCUMENT: u64 = 4 << 20;
/// As often a body that breaks off is gone on with.
const BREAKS: u32 = 5;

/// A document whose size nobody has promised.
pub(super) fn small(response: Response<Body>, url: &str) -> Result<Vec<u8>, Reason> {
    let mut bytes = Vec::new();
    let read = response.into_body().into_reader().take(DOCUMENT + 1).read_to_end(&mut bytes);
    read.map_err(|error| Fault::Unreachable { url: url.to_owned(), why: error.to_string() })?;
    match u64::try_from(bytes.len()) {
        Ok(length) if length <= DOCUMENT => Ok(bytes),
        _ => Err(Fault::TooLong { url: url.to_owned(), limit: DOCUMENT }.into()),
    }
}

/// Makes these bytes the whole file.
pub(super) fn rewrite(file: &mut File, bytes: &[u8]) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(bytes)
}

/// A blob, and where it comes from and goes to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fetch<'a> {
    pub(super) client: &'a Client,
    pub(super) wanted: &'a Descriptor,
    /// Where the file lies, for messages.
    pub(super) cache: &'a Path,
    pub(super) watch: Option<&'a dyn Watch>,
}

enum End {
    Whole,
    Broken(String),
}

impl Fetch<'_> {
    /// Fetches what is missing, and checks the whole. A beginning that does not fit is thrown away once.
    pub(super) fn into(self, file: &mut File) -> Result<(), Reason> {
        let there = file.metadata().map_or(0, |metadata| metadata.len());
        let limit = Limits::from_environment()?.bytes;
        if self.wanted.size > limit {
            return Err(Reason::TooLarge { limit });
        }
        if let Some(watch) = self.watch {
            watch.begins(&self.wanted.digest, self.wanted.size, there.min(self.wanted.size));
        }
        let mut found = self.complete(file)?;
        if found != self.wanted.digest && there > 0 {
            self.empty(file)?;
            found = self.complete(file)?;
        }
        if let Some(watch) = self.watch {
            watch.ends();
        }
        if found == self.wanted.digest {
            return Ok(());
        }
        self.empty(file)?;
        Err(Reason::Digest { wanted: self.wanted.digest, found })
    }

    /// Asks for the rest until it is there; the digest of the whole.
    fn complete(self, file: &mut File) -> Result<Digest, Reason> {
        let kind = if self.wanted.is_index() || self.wanted.is_manifest() { "manifests" } else { "blobs" };
        let path = format!("{kind}/{}", self.wanted.digest);
        let mut breaks = 0;
        loop {
            let from = file.seek(SeekFrom::End(0)).map_err(|error| self.local(&error))?;
            if from == self.wanted.size && from > 0 {
                return self.whole(file);
            }
            if from > self.wanted.size {
                self.empty(file)?;
                continue;
            }
            match self.append(&path, file)? {
                // Shorter than promised, and nothing broke: the size lies.
                End::Whole => return self.whole(file),
                End::Broken(_) if breaks < BREAKS => breaks += 1,
                End::Broken(why) => return Err(Fault::Unreachable { url: path, why }.into()),
            }
        }
    }

    /// One answer, as far as it comes.
    fn append(self, path: &str, file: &mut File) -> Result<End, Reason> {
        let from = file.stream_position().map_err(|error| self.local(&error))?;
        let response = self.client.get(Request { path, accept: &self.wanted.media_type, from })?;
        let goes_on = response.status() == StatusCode::PARTIAL_CONTENT && begins_at(&response, from);
        if from > 0 && !goes_on {
            // The server gives the whole.
            self.empty(file)?;
            file.rewind().map_err(|error| self.local(&error))?;
        }
        let most = self.wanted.size - if goes_on { from } else { 0 };
        let mut body = response.into_body().into_reader().take(most.saturating_add(1));
        let mut buffer = vec![0; 128 << 10];
        let mut passed = 0;
        loop {
            let length = match body.read(&mut buffer) {
                Ok(0) => return Ok(End::Whole),
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Ok(End::Broken(error.to_string())),
            };
            let bytes = u64::try_from(length).unwrap_or(u64::MAX);
            passed += bytes;
            if passed > most {
                self.empty(file)?;
                return Err(Fault::TooLong { url: path.to_owned(), limit: self.wanted.size }.into());
            }
            file.write_all(&buffer[..length]).map_err(|error| self.local(&error))?;
            self.watch.into_iter().for_each(|watch| watch.passes(bytes));
        }
    }

    fn empty(self, file: &File) -> Result<(), Reason> {
        file.set_len(0).map_err(|error| self.local(&error))
    }

    fn whole(self, file: &mut File) -> Result<Digest, Reason> {
        file.rewind().map_err(|error| self.local(&error))?;
        let mut reader = Hashing::new(file);
        io::copy(&mut reader, &mut io::sink()).map_err(|error| self.local(&error))?;
        Ok(reader.digest().unwrap_or_else(|| Digest::of(b"")))
    }

    /// A failure of the file, not of the registry.
    fn local(self, error: &io::Error) -> Reason {
        Reason::io(self.cache, error)
    }
}

/// `Content-Range: bytes 7-99/100`.
fn begins_at(response: &Response<Body>, from: u64) -> bool {
    let range = response.headers().get(header::CONTENT_RANGE).and_then(|range| range.to_str().ok());
    range.is_some_and(|range| range.starts_with(&format!("bytes {from}-")))
}
