//! What an archive may ask of the machine at most: the only place of these figures.
//!
//! A root filesystem that needs more is unpacked with `HARNESS_UNPACK_MAX=64G`, `HARNESS_UNPACK_ENTRIES=2000000` or
//! `HARNESS_UNPACK_RATIO=1000` in the environment of the tests.

use std::env;

use super::super::error::Reason;
use crate::image::size;

/// The bytes of all files of a layer, holes included, and of its archive.
pub(crate) const MAX: &str = "HARNESS_UNPACK_MAX";
/// The entries of a layer's archive.
pub(crate) const ENTRIES: &str = "HARNESS_UNPACK_ENTRIES";
/// How many times larger than the compressed archive the uncompressed one is.
pub(crate) const RATIO: &str = "HARNESS_UNPACK_RATIO";

/// Small archives may be compressed as well as they like: that many bytes harm nobody.
pub(crate) const RATIO_FLOOR: u64 = 64 << 20;
/// With its NUL a path has at most PATH_MAX bytes (limits.h); longer ones could not be reached by their name.
pub(crate) const PATH: u64 = 4095;
/// NAME_MAX.
pub(crate) const NAME: u64 = 255;
/// Directories in directories.
pub(crate) const DEPTH: u64 = 256;
/// The bytes of a PAX header: 64 KiB is the longest value of an extended attribute.
pub(crate) const PAX: u64 = 1 << 20;
/// The extended attributes of a file: more than any file system of Linux but one has room for.
pub(crate) const XATTRS: usize = 1000;
/// The extents of a sparse file.
pub(crate) const EXTENTS: usize = 1 << 20;

/// The bounds that can be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) bytes: u64,
    pub(crate) entries: u64,
    pub(crate) ratio: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 16 << 30, entries: 500_000, ratio: 200 }
    }
}

impl Limits {
    /// As the environment has them. An empty variable is none.
    pub(crate) fn from_environment() -> Result<Self, Reason> {
        Self::read(|name| env::var(name).ok())
    }

    fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, Reason> {
        let default = Self::default();
        let value = |name| variable(name).filter(|value| !value.is_empty());
        let number = |name, default| value(name).map_or(Ok(default), |given| count(name, &given));
        let bytes = value(MAX).map_or(Ok(default.bytes), |given| size::parse(MAX, &given))?;
        Ok(Self { bytes, entries: number(ENTRIES, default.entries)?, ratio: number(RATIO, default.ratio)? })
    }
}

fn count(name: &'static str, given: &str) -> Result<u64, Reason> {
    let parsed = given.parse().ok().filter(|number| *number > 0);
    parsed.ok_or_else(|| Reason::Setting { name, given: given.to_owned(), accepted: "a number above 0" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, value: &str) -> Result<Limits, Reason> {
        Limits::read(|asked| (asked == name).then(|| value.to_owned()))
    }

    #[test]
    fn the_environment_sets_them() {
        let default = Limits::default();
        assert_eq!(read(MAX, ""), Ok(default));
        assert_eq!(read(MAX, "64G"), Ok(Limits { bytes: 64 << 30, ..default }));
        assert_eq!(read(ENTRIES, "7"), Ok(Limits { entries: 7, ..default }));
        assert_eq!(read(RATIO, "1000"), Ok(Limits { ratio: 1000, ..default }));
    }

    #[test]
    fn what_is_not_understood_is_an_error() {
        for (name, value) in [(MAX, "64X"), (MAX, "-1"), (ENTRIES, "0"), (ENTRIES, "1M"), (RATIO, "many")] {
            let Err(Reason::Setting { name: found, given, .. }) = read(name, value) else {
                panic!("{name}={value}")
            };
            assert_eq!((found, &*given), (name, value));
        }
    }
}
