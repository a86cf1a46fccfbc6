//! The copy-on-write root: overlay mounts on a private tmpfs, and `pivot_root` into them.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::slice;

use nix::errno::Errno;
use nix::mount::{MntFlags, umount2};
use nix::unistd::{chdir, pivot_root};

use super::bind::{Taken, same_place};
use super::stage::{Stage, open_directory};
use super::{Tree, UpperDir};
use crate::error::{At, Cause, SetupError, Step};
use crate::mountinfo::{self, Mount};

/// Moves into a copy-on-write view of layers, lowest first.
pub(crate) fn enter_layers(paths: &[PathBuf], tree: &Tree) -> Result<Vec<UpperDir>, SetupError> {
    let top = paths.last().map_or(Path::new("/"), PathBuf::as_path);
    if paths.len() > MOST_LAYERS {
        return Err(SetupError::new(Step::Overlay, top, Errno::E2BIG));
    }
    let layers = paths.iter().rev().map(|path| open_directory(path)).collect::<Result<Vec<_>, _>>()?;
    let mut stage = Stage::new(tree)?;
    stage.overlay(&layers, top, Path::new("/"))?;
    pivot(&stage.new_root())?;
    Ok(stage.kept)
}

/// `OVL_MAX_STACK` of the kernel.
const MOST_LAYERS: usize = 500;

/// Moves into a copy-on-write view of the host's root: an overlay for the root and one for every other
/// filesystem mounted below it. One that cannot be a lowerdir, or is a single file, is shown read-only.
pub(crate) fn enter_host(tree: &Tree) -> Result<Vec<UpperDir>, SetupError> {
    if tree.userxattr {
        return enter_host_by_entry(tree);
    }
    let root = open_directory(Path::new("/"))?;
    let submounts = submounts()?;
    let mut stage = Stage::new(tree)?;
    stage.overlay(slice::from_ref(&root), Path::new("/"), Path::new("/"))?;
    for submount in &submounts {
        stage.submount(submount)?;
    }
    pivot(&stage.new_root())?;
    Ok(stage.kept)
}

/// The same in a user namespace, where the mounts below `/` are locked and `lowerdir=/` is EINVAL: the root
/// is put together from its entries, an overlay for each directory.
fn enter_host_by_entry(tree: &Tree) -> Result<Vec<UpperDir>, SetupError> {
    let entries = root_entries()?;
    let mut stage = Stage::new(tree)?;
    stage.root_on_tmpfs()?;
    for entry in &entries {
        stage.entry(entry)?;
    }
    pivot(&stage.new_root())?;
    Ok(stage.kept)
}

/// One name in the host's root.
enum Entry {
    Link { path: PathBuf, original: PathBuf },
    Other(Submount),
}

/// Taken before the stage covers one of them. What is made anew (system.rs) is left out.
fn root_entries() -> Result<Vec<Entry>, SetupError> {
    let root = Path::new("/");
    let names = fs::read_dir(root).at(Step::OpenRootfs, root)?;
    let paths = names.map(|name| name.map(|name| name.path())).collect::<io::Result<BTreeSet<_>>>();
    let mut entries = Vec::new();
    // In the order of their names: a machine that refuses an overlay says so of the same one each time.
    for path in paths.at(Step::OpenRootfs, root)? {
        if MADE_ANEW.contains(&path.as_path().to_str().unwrap_or_default()) {
            continue;
        }
        if let Ok(original) = fs::read_link(&path) {
            entries.push(Entry::Link { path, original });
        } else if let Some(other) = open_submount(path)? {
            entries.push(Entry::Other(other));
        }
    }
    Ok(entries)
}

/// A mount of the host below its root, taken before the stage covers anything.
struct Submount {
    path: PathBuf,
    lower: Option<File>,
    as_it_is: Taken,
}

fn submounts() -> Result<Vec<Submount>, SetupError> {
    let held = mounts()?.into_iter().filter(holds_files);
    held.filter_map(|mount| open_submount(mount.point).transpose()).collect()
}

/// `None` for a mount that another one covers: its path leads elsewhere or nowhere.
fn open_submount(path: PathBuf) -> Result<Option<Submount>, SetupError> {
    let is_directory = match fs::symlink_metadata(&path) {
        Ok(metadata) => metadata.is_dir(),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).at(Step::OpenRootfs, &path),
    };
    let lower = is_directory.then(|| open_directory(&path)).transpose()?;
    let as_it_is = Taken::new(same_place(&path, true), Step::Overlay)?;
    Ok(Some(Submount { path, lower, as_it_is }))
}

impl Stage {
    fn entry(&mut self, entry: &Entry) -> Result<(), SetupError> {
        match entry {
            Entry::Link { path, original } => symlink(original, self.place(path)).at(Step::Stage, path),
            Entry::Other(other) => {
                let place = self.place(&other.path);
                let made = if other.lower.is_some() {
                    fs::create_dir(&place)
                } else {
                    File::create_new(&place).map(drop)
                };
                made.at(Step::Stage, &other.path)?;
                self.submount(other)
            }
        }
    }

    /// The path is the host's own and canonical (mountinfo), so nothing in it is a symlink.
    fn submount(&mut self, submount: &Submount) -> Result<(), SetupError> {
        if let Some(lower) = &submount.lower {
            match self.overlay(slice::from_ref(lower), &submount.path, &submount.path) {
                // Not every filesystem can be a lowerdir: then the guest may read it, not write it.
                Err(SetupError { step: Step::Overlay, cause: Cause::Errno(Errno::EINVAL), .. }) => {}
                answer => return answer,
            }
        }
        submount.as_it_is.put_below(&self.new_root())
    }
}

/// Makes `new_root` the root and detaches the old one: pivot_root(2), "pivot_root(".", ".")".
pub(super) fn pivot(new_root: &Path) -> Result<(), SetupError> {
    chdir(new_root).at(Step::PivotRoot, new_root)?;
    pivot_root(".", ".").at(Step::PivotRoot, new_root)?;
    umount2(".", MntFlags::MNT_DETACH).at(Step::PivotRoot, new_root)?;
    chdir("/").at(Step::PivotRoot, new_root)
}

/// Filesystems that hold no files of a test's.
const KERNEL_FILESYSTEMS: &[&str] = &[
    "autofs",
    "binfmt_misc",
    "bpf",
    "cgroup",
    "cgroup2",
    "configfs",
    "debugfs",
    "devpts",
    "devtmpfs",
    "efivarfs",
    "fusectl",
    "hugetlbfs",
    "mqueue",
    "nsfs",
    "proc",
    "pstore",
    "rpc_pipefs",
    "securityfs",
    "selinuxfs",
    "sysfs",
    "tracefs",
];

/// What a view of the host does not take from it (system.rs).
pub(super) const MADE_ANEW: [&str; 3] = ["/dev", "/proc", "/sys"];

/// Whether a mount belongs into a view of the host: /dev, /proc and /sys are made anew.
fn holds_files(mount: &Mount) -> bool {
    let made_anew = MADE_ANEW.iter().any(|path| mount.point.starts_with(path));
    let from_kernel = KERNEL_FILESYSTEMS.contains(&mount.filesystem.as_str());
    mount.point != Path::new("/") && !made_anew && !from_kernel
}

/// The mounts of this namespace, in the order they were made.
pub(crate) fn mounts() -> Result<Vec<Mount>, SetupError> {
    const FILE: &str = "/proc/self/mountinfo";
    fs::read(FILE).map(|text| mountinfo::parse(&text)).at(Step::OpenRootfs, Path::new(FILE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_of_the_host_leaves_out_what_is_made_anew_and_what_holds_no_files() {
        let cases = [
            ("1 2 0:1 / / rw - ext4 /dev/vda rw", false),
            ("1 2 0:1 / /home rw - xfs /dev/vdb rw", true),
            ("1 2 0:1 / /run rw shared:3 - tmpfs tmpfs rw", true),
            ("1 2 0:1 / /dev/shm rw - tmpfs tmpfs rw", false),
            ("1 2 0:1 / /sys/fs/cgroup rw - tmpfs tmpfs rw", false),
            ("1 2 0:1 / /mnt/bpf rw - bpf bpf rw", false),
        ];
        for (line, held) in cases {
            assert_eq!(holds_files(&mountinfo::parse(line.as_bytes())[0]), held, "{line}");
        }
    }
}
