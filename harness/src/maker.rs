//! The name of a leaf, or of a directory for upperdirs, says who made it, so that a later runner can tell an
//! abandoned one from one in use: `harness.<boot id>.<pid namespace>.<pid>.<start time>.<number>`, and `.room` behind
//! it where it is no leaf but the cgroup that the runner's own processes were moved to.

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::Pid;

/// At the end of a name.
const ROOM: &str = ".room";

/// A runner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Maker {
    /// First 8 digits of the boot id: a pid means nothing in another boot.
    boot: String,
    /// Inode of the pid namespace: nor in another namespace.
    namespace: u64,
    pid: i32,
    /// Field 22 of proc_pid_stat(5): pids are used again, but not with the same start time.
    start: u64,
}

impl Maker {
    /// Ourselves.
    pub(crate) fn this_process() -> io::Result<&'static Self> {
        static MAKER: OnceLock<Maker> = OnceLock::new();
        if let Some(maker) = MAKER.get() {
            return Ok(maker);
        }
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
        let stat = fs::read("/proc/self/stat")?;
        let maker = Self {
            boot: boot.chars().take(8).collect(),
            namespace: fs::metadata("/proc/self/ns/pid")?.ino(),
            pid: Pid::this().as_raw(),
            start: start_time(&stat).ok_or(io::ErrorKind::InvalidData)?,
        };
        Ok(MAKER.get_or_init(|| maker))
    }

    /// A name that nobody has used.
    pub(crate) fn next_name(&self) -> String {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        format!("{self}.{}", NUMBER.fetch_add(1, Ordering::Relaxed))
    }

    /// The same for a cgroup that other processes than a guest's may live in.
    pub(crate) fn next_room(&self) -> String {
        format!("{}{ROOM}", self.next_name())
    }

    /// Whether that is such a cgroup.
    pub(crate) fn is_room(path: &Path) -> bool {
        path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.ends_with(ROOM))
    }

    /// Who made what has this name.
    pub(crate) fn of_name(name: &str) -> Option<Self> {
        let mut parts = name.strip_suffix(ROOM).unwrap_or(name).strip_prefix("harness.")?.split('.');
        let maker = Self {
            boot: parts.next().filter(|boot| boot.len() == 8)?.to_owned(),
            namespace: parts.next()?.parse().ok()?,
            pid: parts.next()?.parse().ok().filter(|pid| *pid > 0)?,
            start: parts.next()?.parse().ok()?,
        };
        let _number: u64 = parts.next()?.parse().ok()?;
        parts.next().is_none().then_some(maker)
    }

    /// Whether what lies there is a dead maker's, by its name.
    pub(crate) fn sees_abandoned(&self, path: &Path) -> bool {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        Self::of_name(name).is_some_and(|maker| maker.is_dead(self))
    }

    /// Whether this maker is known to be dead, as seen by `us`.
    ///
    /// In doubt it is alive: of another boot id or pid namespace we know nothing, and with `hidepid` a
    /// process exists although `/proc` does not show it.
    pub(crate) fn is_dead(&self, us: &Self) -> bool {
        if (&self.boot, self.namespace) != (&us.boot, us.namespace) {
            return false;
        }
        match kill(Pid::from_raw(self.pid), None) {
            Err(Errno::ESRCH) => true,
            _ => fs::read(format!("/proc/{}/stat", self.pid))
                .ok()
                .and_then(|stat| start_time(&stat))
                .is_some_and(|start| start != self.start),
        }
    }
}

impl fmt::Display for Maker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { boot, namespace, pid, start } = self;
        write!(f, "harness.{boot}.{namespace}.{pid}.{start}")
    }
}

/// Field 22; the fields are counted from behind `comm`, which may hold spaces and parentheses.
fn start_time(stat: &[u8]) -> Option<u64> {
    let text = String::from_utf8_lossy(stat);
    let (_, fields) = text.rsplit_once(") ")?;
    fields.split(' ').nth(22 - 3)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_name_their_maker() {
        let us = Maker::this_process().unwrap();
        let (first, second) = (us.next_name(), us.next_name());
        assert_ne!(first, second);
        assert_eq!(Maker::of_name(&first).as_ref(), Some(us));
        let room = us.next_room();
        assert_eq!(Maker::of_name(&room).as_ref(), Some(us));
        assert!(Maker::is_room(Path::new(&room)) && !Maker::is_room(Path::new(&first)));
        for foreign in [
            "harness",
            "harness.exp1",
            "harness.12345678.1.2.3",
            "harness.12345678.1.2.3.4.5",
            "harness.12345678.1.0.3.4",
            "harness.12345678.1.-2.3.4",
            "harness.123.1.2.3.4",
            "other.12345678.1.2.3.4",
        ] {
            assert_eq!(Maker::of_name(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn the_living_and_the_dead() {
        let us = Maker::this_process().unwrap();
        let dead = Maker { start: us.start + 1, ..us.clone() };
        let gone = Maker { pid: i32::MAX, ..us.clone() };
        assert!(!us.is_dead(us));
        assert!(dead.is_dead(us) && gone.is_dead(us));
        assert!(!Maker { boot: "00000000".into(), ..gone.clone() }.is_dead(us));
        assert!(!Maker { namespace: 1, ..gone }.is_dead(us));
    }

    #[test]
    fn comm_may_hold_anything() {
        let stat = b"7 (a) R 1 (b) S 1 7 7 0 -1 4 0 0 0 0 0 0 0 0 20 0 1 0 4711 0";
        assert_eq!(start_time(stat), Some(4711));
        assert_eq!(start_time(b"7 (x) S 1"), None);
    }
}
