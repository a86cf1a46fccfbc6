//! The limits of a leaf: what is asked, as data; written, read back and compared.
//!
//! `v1.rs` and `v2.rs` say which file gets which value; nothing is believed until the kernel repeats it.

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use nix::errno::Errno;

use super::files;
use super::layout::{Controller, Version};
use super::{v1, v2};
use crate::error::{At, Cause, Object, SetupError, Step};

/// What a leaf shall enforce. `None` is no limit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct LeafLimits {
    /// Bytes.
    pub(crate) memory_max: Option<u64>,
    /// Bytes of swap, on top of the memory.
    pub(crate) swap_max: Option<u64>,
    pub(crate) pids_max: Option<u64>,
    /// Thousandths of a core.
    pub(crate) cpu_max_millis: Option<u32>,
    /// A list such as `0-3,7`.
    pub(crate) cpuset_cpus: Option<String>,
    /// The cpu time used must be readable.
    pub(crate) cpu_time: bool,
}

impl LeafLimits {
    /// The controllers that are needed, each with the attribute's word for the need.
    pub(crate) fn needs(&self) -> Vec<(&'static str, Controller)> {
        let all = [
            (self.memory_max.is_some(), "mem = ...", Controller::Memory),
            (self.swap_max.is_some(), "swap = ...", Controller::Memory),
            (self.pids_max.is_some(), "pids = ...", Controller::Pids),
            (self.cpu_max_millis.is_some(), "cpu = ...", Controller::Cpu),
            (self.cpuset_cpus.is_some(), "cpuset = ...", Controller::Cpuset),
        ];
        all.into_iter().filter(|need| need.0).map(|(_, word, controller)| (word, controller)).collect()
    }

    /// What is written for one controller, in order.
    fn settings(&self, version: Version, controller: Controller) -> Vec<Setting> {
        match version {
            Version::V1 => v1::settings(self, controller),
            Version::V2 => v2::settings(self, controller),
        }
    }
}

/// Microseconds of CPU time in so many of wall time (sched-bwc.rst): the kernel takes no quota below 1 ms and no period
/// above 1 s.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Quota {
    pub(super) quota: u64,
    pub(super) period: u64,
}

impl Quota {
    pub(super) fn of(millis: u32) -> Self {
        const SHORTEST: u64 = 1_000;
        let of = |period: u64| Self { quota: period * u64::from(millis) / 1000, period };
        let usual = of(100_000);
        if usual.quota < SHORTEST { of(1_000_000) } else { usual }
    }
}

/// A value for a file of the leaf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Setting {
    pub(super) file: &'static str,
    pub(super) value: String,
    /// The file that shows what is in force.
    pub(super) confirm: &'static str,
    pub(super) repeats: Repeats,
    /// The file may be absent (`swapaccount=0`) where there is no swap to limit.
    pub(super) swap: bool,
}

/// How the kernel repeats a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeats {
    /// Word for word.
    Exactly,
    /// Rounded down to whole pages (page_counter_memparse), and in no other way changed.
    InPages,
    /// A CPU list in canonical form: `0,1` is `0-1`.
    AsCpuList,
}

impl Setting {
    pub(super) fn new(file: &'static str, value: impl ToString, repeats: Repeats) -> Self {
        Self { file, value: value.to_string(), confirm: file, repeats, swap: false }
    }
}

/// A limit in force, as the kernel repeated it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Confirmed {
    pub(super) file: &'static str,
    /// The file that showed it.
    pub(super) confirm: &'static str,
    pub(super) value: String,
}

impl Confirmed {
    /// Looks again after the run: a limit that somebody lifted or took away meanwhile was none.
    pub(super) fn still_holds(&self, dir: &Path) -> Result<(), SetupError> {
        let path = dir.join(self.confirm);
        let found = files::read(&path).at(Step::ReadLeaf, &path)?.trim().to_owned();
        if found == self.value {
            return Ok(());
        }
        let object = Object::Write { path, value: self.value.clone() };
        Err(SetupError { step: Step::ReadLeaf, object, cause: Cause::ReadBack { found } })
    }
}

/// Writes the limits of these controllers into the leaf's directory and reads each one back.
pub(super) fn apply(
    dir: &Path,
    version: Version,
    controllers: &[Controller],
    limits: &LeafLimits,
) -> Result<Vec<Confirmed>, SetupError> {
    let settings = controllers.iter().flat_map(|one| limits.settings(version, *one));
    let mut confirmed = Vec::new();
    for setting in settings {
        match setting.write(dir) {
            // No silent downgrade: without the file only a machine without swap keeps the promise.
            Err(error) if setting.swap && error.cause == Cause::Errno(Errno::ENOENT) && !swap_is_on() => {}
            done => {
                done?;
                confirmed.push(setting.read_back(dir)?);
            }
        }
    }
    Ok(confirmed)
}

impl Setting {
    fn write(&self, dir: &Path) -> Result<(), SetupError> {
        let (path, value) = (dir.join(self.file), self.value.clone());
        files::write(&path, &value).at(Step::WriteLimit, Object::Write { path, value })
    }

    fn read_back(&self, dir: &Path) -> Result<Confirmed, SetupError> {
        let path = dir.join(self.confirm);
        let found = files::read(&path).at(Step::ReadBack, &path)?.trim().to_owned();
        if self.repeats.same(&self.value, &found) {
            return Ok(Confirmed { file: self.file, confirm: self.confirm, value: found });
        }
        let object = Object::Write { path, value: self.value.clone() };
        Err(SetupError { step: Step::ReadBack, object, cause: Cause::ReadBack { found } })
    }
}

impl Repeats {
    fn same(self, asked: &str, found: &str) -> bool {
        match self {
            Self::Exactly => asked == found,
            Self::InPages => in_pages(asked, page_size()).is_some_and(|bytes| bytes == found),
            Self::AsCpuList => cpu_list(asked).is_some() && cpu_list(asked) == cpu_list(found),
        }
    }
}

fn in_pages(asked: &str, page: u64) -> Option<String> {
    let bytes: u64 = asked.parse().ok()?;
    Some((bytes - bytes.checked_rem(page)?).to_string())
}

/// From the auxiliary vector (getauxval(3), `AT_PAGESZ`); 0 if it cannot be read, and then nothing is
/// confirmed.
pub(super) fn page_size() -> u64 {
    const AT_PAGESZ: usize = 6;
    static SIZE: OnceLock<u64> = OnceLock::new();
    *SIZE.get_or_init(|| {
        let vector = fs::read("/proc/self/auxv").unwrap_or_default();
        let word = |bytes: &[u8]| bytes.try_into().ok().map(usize::from_ne_bytes);
        let words: Vec<usize> = vector.chunks_exact(size_of::<usize>()).filter_map(word).collect();
        let found = words.chunks_exact(2).find(|pair| pair[0] == AT_PAGESZ).map(|pair| pair[1]);
        found.and_then(|size| size.try_into().ok()).unwrap_or(0)
    })
}

/// The set that a CPU list means (cpuset(7), "List format").
fn cpu_list(list: &str) -> Option<Vec<u32>> {
    let mut cpus = Vec::new();
    for part in list.split(',') {
        let (first, last) = part.trim().split_once('-').unwrap_or((part.trim(), part.trim()));
        let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
        // Nobody has more CPUs; a bound keeps a typing error from filling the memory.
        if last > 1 << 16 {
            return None;
        }
        cpus.extend(first..=last);
    }
    cpus.sort_unstable();
    cpus.dedup();
    Some(cpus)
}

/// Whether anything can be swapped out: proc_swaps(5) below its heading. Unreadable counts as yes, absent
/// (`CONFIG_SWAP=n`) as no.
fn swap_is_on() -> bool {
    match files::read(Path::new("/proc/swaps")) {
        Ok(text) => text.lines().count() > 1,
        Err(error) => error.kind() != std::io::ErrorKind::NotFound,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeats() {
        let page = page_size();
        assert!(page.is_power_of_two() && page >= 4096, "{page}");
        let (odd, even) = ((10 * page + 1).to_string(), (10 * page).to_string());
        let cases = [
            (Repeats::Exactly, "20", "20", true),
            (Repeats::Exactly, "20", "max", false),
            (Repeats::InPages, even.as_str(), even.as_str(), true),
            (Repeats::InPages, odd.as_str(), even.as_str(), true),
            (Repeats::InPages, even.as_str(), odd.as_str(), false),
            (Repeats::InPages, even.as_str(), "max", false),
            (Repeats::InPages, even.as_str(), "0", false),
            (Repeats::AsCpuList, "1,0", "0-1", true),
            (Repeats::AsCpuList, "0-2,7", "0,1-2,7", true),
            (Repeats::AsCpuList, "0-1", "0", false),
            (Repeats::AsCpuList, "0", "", false),
            (Repeats::AsCpuList, "0-99999999", "0-99999999", false),
        ];
        for (repeats, asked, found, same) in cases {
            assert_eq!(repeats.same(asked, found), same, "{repeats:?} {asked} {found}");
        }
    }

    /// A directory with these files stands for a leaf.
    fn leaf(names: &[&str]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for name in names {
            fs::write(dir.path().join(name), "").unwrap();
        }
        dir
    }

    #[test]
    fn written_and_confirmed() {
        let dir = leaf(&["memory.max", "memory.swap.max", "cpu.max", "pids.max"]);
        let limits = LeafLimits {
            memory_max: Some(1 << 20),
            swap_max: Some(0),
            pids_max: Some(7),
            cpu_max_millis: Some(500),
            ..LeafLimits::default()
        };
        let all = [Controller::Memory, Controller::Pids, Controller::Cpu];
        let confirmed = apply(dir.path(), Version::V2, &all, &limits).unwrap();
        let pairs: Vec<_> = confirmed.iter().map(|one| (one.file, one.value.as_str())).collect();
        let expected = [
            ("memory.max", "1048576"),
            ("memory.swap.max", "0"),
            ("pids.max", "7"),
            ("cpu.max", "50000 100000"),
        ];
        assert_eq!(pairs, expected);
    }

    #[test]
    fn absent_swap_file_needs_a_machine_without_swap() {
        let limits = LeafLimits { memory_max: Some(1 << 20), swap_max: Some(0), ..LeafLimits::default() };
        for (version, file) in [(Version::V1, "memory.limit_in_bytes"), (Version::V2, "memory.max")] {
            let dir = leaf(&[file]);
            let done = apply(dir.path(), version, &[Controller::Memory], &limits);
            assert_eq!(done.is_ok(), !swap_is_on(), "{version:?}");
        }
        // The memory file itself is never optional.
        let error = apply(leaf(&[]).path(), Version::V2, &[Controller::Memory], &limits).unwrap_err();
        assert_eq!((error.step, error.cause), (Step::WriteLimit, Cause::Errno(Errno::ENOENT)));
    }

    #[test]
    fn limits_that_were_lifted_or_taken_away() {
        let dir = leaf(&["pids.max"]);
        let limits = LeafLimits { pids_max: Some(7), ..LeafLimits::default() };
        let confirmed = apply(dir.path(), Version::V2, &[Controller::Pids], &limits).unwrap();
        assert_eq!(confirmed[0].still_holds(dir.path()), Ok(()));
        fs::write(dir.path().join("pids.max"), "max\n").unwrap();
        let error = confirmed[0].still_holds(dir.path()).unwrap_err();
        assert_eq!((error.step, error.cause), (Step::ReadLeaf, Cause::ReadBack { found: "max".to_owned() }));
        fs::remove_file(dir.path().join("pids.max")).unwrap();
        let error = confirmed[0].still_holds(dir.path()).unwrap_err();
        assert_eq!((error.step, error.cause), (Step::ReadLeaf, Cause::Errno(Errno::ENOENT)));
    }

    #[test]
    fn cpus_that_are_not_in_force() {
        let dir = leaf(&["cpuset.cpus"]);
        fs::write(dir.path().join("cpuset.cpus.effective"), "0\n").unwrap();
        let limits = LeafLimits { cpuset_cpus: Some("0-1".to_owned()), ..LeafLimits::default() };
        let error = apply(dir.path(), Version::V2, &[Controller::Cpuset], &limits).unwrap_err();
        assert_eq!((error.step, error.cause), (Step::ReadBack, Cause::ReadBack { found: "0".to_owned() }));
    }
}
