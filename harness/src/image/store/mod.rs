//! The cache of unpacked layers, shared by every runner of this user.
//!
//! ```text
//! layers/sha256/HEX.root/           a layer, as root of the machine unpacks it (HEX.user: as anybody else), or many
//!                                   of them as one (merge.rs)
//!                        tree/      what overlayfs stacks
//!                        record     its format and size, and what was left out (JSON)
//! layers/sha256/HEX.root.partial/   the same, half done
//! layers/sha256/HEX.root.lock       its time is the layer's last use
//! blobs/, blobs.lock                what came from registries
//! digests/                          digests of archives, so that they are not read again (digests.rs)
//! ```
//!
//! Whoever uses a layer holds its lock shared, whoever unpacks or removes it holds it alone (flock(2): it ends with the
//! process). A layer appears by a rename, whole; one of another version's format is made again. Half a layer whose lock
//! is free is that of somebody who was killed, and goes. All of it is open to its owner only: layers have setuid programs, which are nobody else's to run.

pub(super) mod digests;
mod lock;
mod merge;
#[cfg_attr(not(feature = "cli"), expect(dead_code, reason = "what the command does"))]
pub(crate) mod prune;
mod record;
mod remove;
#[cfg(test)]
mod tests;

use std::fs::{self, DirBuilder};
use std::io::Read;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;

use self::lock::Lock;
use super::digest::Digest;
use super::error::{Error, Reason};
use super::unpack::limits::Limits;
pub(crate) use super::unpack::{LeftOut, Variant};
use super::unpack::{Order, Unpacked, unpack};
use crate::rootfs::lower::Directory;
use crate::{cache, host};

/// The cache.
#[derive(Debug)]
pub(crate) struct Store {
    directory: PathBuf,
    limits: Limits,
    variant: Variant,
    /// Blobs stay while this value lives.
    _blobs: Lock,
}

/// Which layer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    /// What messages call it.
    pub(crate) archive: &'a str,
    /// What it is kept under: the digest of the archive as it is given, the diff id, or the chain id.
    pub(crate) key: Digest,
    /// The digest of the uncompressed archive, where it is known: verified.
    pub(crate) diff_id: Option<Digest>,
    /// The size of the archive as it is given.
    pub(crate) compressed_size: u64,
    /// What it lies on, if `key` stands for that, too.
    pub(crate) below: Option<&'a Directory>,
}

/// Gives the uncompressed archive.
pub(crate) type Open<'a> = dyn FnMut() -> Result<Box<dyn Read>, Error> + 'a;

/// Makes the directory of a layer.
type Make<'a> = dyn FnMut(&Path) -> Result<Unpacked, Error> + 'a;

/// An unpacked layer. `harness clean` leaves it alone while this value lives.
#[derive(Debug)]
pub(crate) struct Layer {
    /// For overlayfs: whiteouts and opaque directories are overlayfs's own.
    pub(crate) directory: PathBuf,
    /// What the archive has and the directory has not, the first of it.
    pub(crate) left_out: Vec<LeftOut>,
    /// How many more there are.
    pub(crate) more_left_out: u64,
    /// Whether files are in directories that the archive has no entries for: those say nothing of their mode.
    pub(crate) implied: bool,
    _lease: Lock,
}

/// What messages call the cache, where no archive is concerned.
const CACHE: &str = "the cache";

impl Store {
    /// The cache of this process (place.rs).
    pub(crate) fn open() -> Result<Self, Error> {
        Self::at(&cache::of_process().ok_or_else(|| of_cache(Reason::NoCache))?)
    }

    /// The cache in this directory, which is made if need be. What killed runners left half done is removed.
    pub(crate) fn at(directory: &Path) -> Result<Self, Error> {
        Self::with(directory, Limits::from_environment().map_err(of_cache)?, variant())
    }

    fn with(directory: &Path, limits: Limits, variant: Variant) -> Result<Self, Error> {
        let make = || {
            make_directories(directory)?;
            // Absolute: the guest has another working directory.
            let directory = directory.canonicalize().map_err(|error| Reason::io(directory, &error))?;
            for part in ["layers/sha256", "blobs", "digests"] {
                make_directories(&directory.join(part))?;
            }
            let blobs = Lock::shared(&directory.join("blobs.lock"))?;
            let store = Self { directory, limits, variant, _blobs: blobs };
            remove::remains(&store.layers())?;
            Ok(store)
        };
        make().map_err(of_cache)
    }

    /// The layer, unpacked by us or by whoever was first; `open` gives the uncompressed archive, on a miss.
    pub(crate) fn layer(&self, wanted: &Wanted<'_>, open: &mut Open<'_>) -> Result<Layer, Error> {
        self.obtain(wanted.key, wanted.archive, &mut |into| self.unpack(wanted, into, open))
    }

    /// Many layers, the lowest first, as one that is kept under this key; `layers` gives them, on a miss.
    pub(crate) fn merged(
        &self,
        key: Digest,
        archive: &str,
        layers: &mut dyn FnMut() -> Result<Vec<Layer>, Error>,
    ) -> Result<Layer, Error> {
        self.obtain(key, archive, &mut |into| {
            let merged = merge::merge(&layers()?, into, self.variant);
            merged.map_err(|reason| Error::new(archive, reason))
        })
    }

    /// What is kept under this key, if something is; messages call it `archive`.
    pub(crate) fn known(&self, key: Digest, archive: &str) -> Result<Option<Layer>, Error> {
        let place = self.place(key);
        let find = || {
            // No lock is left behind for what is not there.
            if record::is_good(&place) {
                found(&place, Lock::shared(&lock::beside(&place))?)
            } else {
                Ok(None)
            }
        };
        find().map_err(|reason| Error::new(archive, reason))
    }

    /// The same, made by us or by whoever was first.
    fn obtain(&self, key: Digest, archive: &str, make: &mut Make<'_>) -> Result<Layer, Error> {
        let place = self.place(key);
        let of_archive = |reason| Error::new(archive, reason);
        let mut give_up = Instant::now() + PATIENCE;
        loop {
            let asked = Instant::now();
            let lease = Lock::shared(&lock::beside(&place)).map_err(of_archive)?;
            // However long another one worked at it, it may have failed: then it is our turn.
            give_up += asked.elapsed();
            if let Some(layer) = found(&place, lease).map_err(of_archive)? {
                return Ok(layer);
            }
            // Whoever makes it keeps us waiting for the lock. Others who come and go share it for a moment only; one
            // who keeps sharing the lock of what is not there has seen it removed under his feet.
            if Instant::now() >= give_up {
                return Err(of_archive(Reason::errno(&place, Errno::EBUSY)));
            }
            // It has let go of the lock: whoever is alone now, looks again.
            make_alone(&place, archive, make)?;
        }
    }

    fn unpack(&self, wanted: &Wanted<'_>, into: &Path, open: &mut Open<'_>) -> Result<Unpacked, Error> {
        let mut archive = open()?;
        let order = Order {
            archive: wanted.archive,
            digest: wanted.diff_id,
            compressed_size: wanted.compressed_size,
            below: wanted.below,
            limits: self.limits,
            variant: self.variant,
        };
        unpack(&order, &mut *archive, into)
    }

    /// The digest of a file's bytes, taken again only when the file has changed.
    pub(crate) fn digest_of(&self, path: &Path) -> Result<Digest, Error> {
        let of_file = |reason| Error::new(path.to_string_lossy(), reason);
        digests::of(path, &self.directory.join("digests")).map_err(of_file)
    }

    /// Where blobs from registries are kept: what is in it, is removed by age and size, file by file.
    pub(crate) fn blobs(&self) -> PathBuf {
        self.directory.join("blobs")
    }

    /// What an archive may ask of the machine.
    pub(crate) fn limits(&self) -> Limits {
        self.limits
    }

    fn place(&self, key: Digest) -> PathBuf {
        self.layers().join(format!("{}.{}", key.hex(), self.variant.name()))
    }

    fn layers(&self) -> PathBuf {
        self.directory.join("layers/sha256")
    }
}

/// Longer than any number of runners look for the same layer at the same time.
const PATIENCE: Duration = Duration::from_secs(30);

/// Makes a layer, unless another one does so or has done so before us. It may be in use since: not to be waited for, as
/// nobody knows for how long.
fn make_alone(place: &Path, archive: &str, make: &mut Make<'_>) -> Result<(), Error> {
    let alone = Lock::alone_now(&lock::beside(place));
    let alone = alone.map_err(|reason| Error::new(archive, reason))?;
    if alone.is_none() || record::is_good(place) { Ok(()) } else { make_whole(place, archive, make) }
}

/// It appears when it is done.
fn make_whole(place: &Path, archive: &str, make: &mut Make<'_>) -> Result<(), Error> {
    let of_archive = |reason| Error::new(archive, reason);
    let partial = lock::suffixed(place, "partial");
    let mut made = || {
        for old in [place, &partial] {
            remove::tree(old).map_err(of_archive)?;
        }
        make_directories(&partial).map_err(of_archive)?;
        let unpacked = make(&partial.join(record::TREE))?;
        record::write(&partial, &unpacked).map_err(of_archive)?;
        fs::rename(&partial, place).map_err(|error| of_archive(Reason::io(place, &error)))
    };
    made().inspect_err(|_| {
        // The first error is the one to tell; what is left, the next one to open the cache removes.
        drop(remove::tree(&partial));
    })
}

/// The layer, if it is there; its time of use is now.
fn found(place: &Path, lease: Lock) -> Result<Option<Layer>, Reason> {
    let Ok(record) = record::read(place) else { return Ok(None) };
    lease.touch()?;
    Ok(Some(Layer {
        directory: place.join(record::TREE),
        left_out: record.left_out,
        more_left_out: record.more,
        implied: record.implied,
        _lease: lease,
    }))
}

impl Variant {
    const fn name(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::User => "user",
        }
    }
}

/// Root of the machine is more than the id 0: a container's or a user namespace's may not do everything that a layer
/// needs.
fn variant() -> Variant {
    let is_root = host::get(None).is_ok_and(|host| host.privileged && !host.nested && host.uid == 0);
    if is_root { Variant::Root } else { Variant::User }
}

fn of_cache(reason: Reason) -> Error {
    Error::new(CACHE, reason)
}

fn make_directories(path: &Path) -> Result<(), Reason> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|error| Reason::io(path, &error))
}
