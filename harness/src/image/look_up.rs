//! A path in the stacked layers of an image, without mounting them.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use nix::errno::Errno;

use crate::rootfs::lower::{Directory, Entry};

/// So many symbolic links are followed on the way to a file, in the kernel too (path_resolution(7)).
const LINKS: usize = 40;

/// What is at a path, and its name without symbolic links. They are followed as after chroot(2): never out of the
/// root.
///
/// # Errors
/// ELOOP after [`LINKS`] links.
pub(super) fn look_up(root: &Directory, path: &Path) -> io::Result<Option<(PathBuf, Entry)>> {
    let mut way: Vec<(OsString, Directory)> = Vec::new();
    let mut rest = steps(path);
    let mut links = 0;
    while let Some(step) = rest.pop() {
        if step == ".." {
            way.pop();
            continue;
        }
        let here = way.last().map_or(root, |(_, directory)| directory);
        match here.find(&step)? {
            None => return Ok(None),
            Some(Entry::Directory(directory)) => way.push((step, directory)),
            Some(Entry::Other { path, metadata }) if metadata.is_symlink() => {
                links += 1;
                if links > LINKS {
                    return Err(Errno::ELOOP.into());
                }
                let target = fs::read_link(path)?;
                if target.is_absolute() {
                    way.clear();
                }
                rest.extend(steps(&target));
            }
            Some(other) => return Ok(rest.is_empty().then(|| (name(&way).join(step), other))),
        }
    }
    let name = name(&way);
    let last = way.pop().map_or_else(|| root.clone(), |(_, directory)| directory);
    Ok(Some((name, Entry::Directory(last))))
}

/// The names of a path, the last one first.
fn steps(path: &Path) -> Vec<OsString> {
    let is_step =
        |component: &Component<'_>| matches!(component, Component::Normal(_) | Component::ParentDir);
    path.components().rev().filter(is_step).map(|component| component.as_os_str().to_owned()).collect()
}

fn name(way: &[(OsString, Directory)]) -> PathBuf {
    way.iter().map(|(name, _)| name).collect()
}
