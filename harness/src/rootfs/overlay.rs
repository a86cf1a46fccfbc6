//! The copy-on-write root: overlay mounts on a private tmpfs, and `pivot_root` into them.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::unistd::{chdir, pivot_root};

use super::bind::{Taken, same_place};
use crate::error::{At, Cause, SetupError, Step};
use crate::mountinfo::{self, Mount};

/// Moves into a copy-on-write view of a directory.
pub(crate) fn enter_directory(path: &Path, userxattr: bool) -> Result<(), SetupError> {
    let lower = open_directory(path)?;
    let stage = Stage::new(userxattr)?;
    stage.overlay(&lower, path, Path::new("/"))?;
    pivot(&stage.new_root())
}

/// Moves into a copy-on-write view of the host's root: an overlay for the root and one for every other
/// filesystem mounted below it. One that cannot be a lowerdir, or is a single file, is shown read-only.
pub(crate) fn enter_host(userxattr: bool) -> Result<(), SetupError> {
    if userxattr {
        return enter_host_by_entry();
    }
    let root = open_directory(Path::new("/"))?;
    let submounts = submounts()?;
    let stage = Stage::new(userxattr)?;
    stage.overlay(&root, Path::new("/"), Path::new("/"))?;
    for submount in &submounts {
        stage.submount(submount)?;
    }
    pivot(&stage.new_root())
}

/// The same in a user namespace, where the mounts below `/` are locked and `lowerdir=/` is EINVAL: the root
/// is put together from its entries, an overlay for each directory.
fn enter_host_by_entry() -> Result<(), SetupError> {
    let entries = root_entries()?;
    let stage = Stage::new(true)?;
    let new_root = stage.new_root();
    mount(Some("tmpfs"), &new_root, Some("tmpfs"), MsFlags::empty(), Some("mode=755"))
        .at(Step::Stage, &new_root)?;
    for entry in &entries {
        stage.entry(entry)?;
    }
    pivot(&new_root)
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

fn open_directory(path: &Path) -> Result<File, SetupError> {
    let flags = libc::O_PATH | libc::O_DIRECTORY;
    File::options().read(true).custom_flags(flags).open(path).at(Step::OpenRootfs, path)
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

/// A private tmpfs that holds upperdirs, workdirs and the new root.
struct Stage {
    directory: &'static Path,
    userxattr: bool,
}

/// Any directory will do: the tmpfs covers it in this mount namespace only, and everything needed from
/// below was opened before.
const STAGES: [&str; 5] = ["/tmp", "/run", "/mnt", "/var", "/dev"];

impl Stage {
    fn new(userxattr: bool) -> Result<Self, SetupError> {
        let found = STAGES.iter().map(Path::new).find(|path| path.is_dir());
        let directory = found.unwrap_or(Path::new(STAGES[0]));
        let options = Some("mode=755");
        mount(Some("tmpfs"), directory, Some("tmpfs"), MsFlags::empty(), options)
            .at(Step::Stage, directory)?;
        let stage = Self { directory, userxattr };
        fs::create_dir(stage.new_root()).at(Step::Stage, directory)?;
        Ok(stage)
    }

    fn new_root(&self) -> PathBuf {
        self.directory.join("root")
    }

    /// Mounts an overlay over `lower` at `target` of the new root. The lowerdir is named by descriptor:
    /// no escaping of colons, no length limit, no path that the stage may have covered.
    fn overlay(&self, lower: &File, source: &Path, target: &Path) -> Result<(), SetupError> {
        let layer = lower.as_raw_fd();
        let (upper, work) = (self.layer("upper", layer)?, self.layer("work", layer)?);
        copy_mode(lower, &upper).at(Step::Overlay, source)?;
        let userxattr = if self.userxattr { ",userxattr" } else { "" };
        let (upper, work) = (upper.display(), work.display());
        let options = format!("lowerdir=/proc/self/fd/{layer},upperdir={upper},workdir={work}{userxattr}");
        let place = self.place(target);
        mount(Some("overlay"), &place, Some("overlay"), MsFlags::empty(), Some(options.as_str()))
            .at(Step::Overlay, source)
    }

    fn layer(&self, kind: &str, number: i32) -> Result<PathBuf, SetupError> {
        let path = self.directory.join(format!("{kind}{number}"));
        fs::create_dir(&path).at(Step::Stage, &path)?;
        Ok(path)
    }

    fn place(&self, target: &Path) -> PathBuf {
        self.new_root().join(target.strip_prefix("/").unwrap_or(target))
    }

    fn entry(&self, entry: &Entry) -> Result<(), SetupError> {
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
    fn submount(&self, submount: &Submount) -> Result<(), SetupError> {
        if let Some(lower) = &submount.lower {
            match self.overlay(lower, &submount.path, &submount.path) {
                // Not every filesystem can be a lowerdir: then the guest may read it, not write it.
                Err(SetupError { step: Step::Overlay, cause: Cause::Errno(Errno::EINVAL), .. }) => {}
                answer => return answer,
            }
        }
        submount.as_it_is.put_below(&self.new_root())
    }
}

/// The root of the merged tree shows the upperdir's mode and owner.
fn copy_mode(lower: &File, upper: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::{MetadataExt, chown};
    let metadata = lower.metadata()?;
    fs::set_permissions(upper, metadata.permissions())?;
    match chown(upper, Some(metadata.uid()), Some(metadata.gid())) {
        // An id that our user namespace does not map cannot be given away.
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => Ok(()),
        answer => answer,
    }
}

/// Makes `new_root` the root and detaches the old one: pivot_root(2), "pivot_root(".", ".")".
fn pivot(new_root: &Path) -> Result<(), SetupError> {
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
