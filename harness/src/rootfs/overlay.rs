//! The copy-on-write root: overlay mounts on a private tmpfs, and `pivot_root` into them.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::unistd::{chdir, pivot_root};

use super::bind::{Taken, same_place};
use crate::error::{At, Cause, Object, SetupError, Step};

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
    let root = open_directory(Path::new("/"))?;
    let submounts = submounts()?;
    let stage = Stage::new(userxattr)?;
    stage.overlay(&root, Path::new("/"), Path::new("/"))?;
    for submount in &submounts {
        stage.submount(submount)?;
    }
    pivot(&stage.new_root())
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
    let points = mount_points()?.into_iter();
    points.filter(MountPoint::holds_files).filter_map(|point| open_submount(point.path).transpose()).collect()
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

    /// The path is the host's own and canonical (mountinfo), so nothing in it is a symlink.
    fn submount(&self, submount: &Submount) -> Result<(), SetupError> {
        if let Some(lower) = &submount.lower {
            match self.overlay(lower, &submount.path, &submount.path) {
                // Not every filesystem can be a lowerdir: then the guest may read it, not write it.
                Err(SetupError { step: Step::Overlay, .. }) => {}
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

/// One line of /proc/self/mountinfo (proc_pid_mountinfo(5)).
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct MountPoint {
    pub(crate) path: PathBuf,
    filesystem: String,
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

impl MountPoint {
    /// Whether the mount belongs into a view of the host: /dev, /proc and /sys are made anew.
    fn holds_files(&self) -> bool {
        let made_anew = ["/dev", "/proc", "/sys"].iter().any(|path| self.path.starts_with(path));
        let from_kernel = KERNEL_FILESYSTEMS.contains(&self.filesystem.as_str());
        self.path != Path::new("/") && !made_anew && !from_kernel
    }

    fn parse(line: &str) -> Option<Self> {
        let (mount, source) = line.split_once(" - ")?;
        let path = mount.split(' ').nth(4)?;
        let filesystem = source.split(' ').next()?.to_owned();
        Some(Self { path: unescape(path), filesystem })
    }
}

/// The mounts of this namespace, in the order they were made.
pub(crate) fn mount_points() -> Result<Vec<MountPoint>, SetupError> {
    const FILE: &str = "/proc/self/mountinfo";
    let text = fs::read_to_string(FILE).at(Step::OpenRootfs, Path::new(FILE))?;
    text.lines().map(|line| MountPoint::parse(line).ok_or_else(|| malformed(line))).collect()
}

fn malformed(line: &str) -> SetupError {
    let cause = Cause::Malformed { found: line.to_owned() };
    SetupError { step: Step::OpenRootfs, object: Object::from("/proc/self/mountinfo"), cause }
}

/// Blanks, tabs, newlines and backslashes stand as `\040` and the like.
fn unescape(path: &str) -> PathBuf {
    use std::os::unix::ffi::OsStringExt;
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let octal = tail.get(..3).filter(|_| first == b'\\').and_then(octal);
        bytes.push(octal.unwrap_or(first));
        rest = if octal.is_some() { &tail[3..] } else { tail };
    }
    PathBuf::from(std::ffi::OsString::from_vec(bytes))
}

fn octal(digits: &[u8]) -> Option<u8> {
    u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(line: &str) -> MountPoint {
        MountPoint::parse(line).unwrap()
    }

    #[test]
    fn a_mountinfo_line_gives_path_and_filesystem() {
        let home = point("36 35 98:0 /x /ho\\040me rw,noatime master:1 - ext3 /dev/root rw");
        assert_eq!(home, MountPoint { path: "/ho me".into(), filesystem: "ext3".into() });
        assert_eq!(MountPoint::parse("nonsense"), None);
    }

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
            assert_eq!(point(line).holds_files(), held, "{line}");
        }
    }
}
