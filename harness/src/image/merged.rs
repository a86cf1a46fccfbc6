//! A file of the stacked layers, found without mounting them: the topmost layer that has it, unless one above
//! has taken it away.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Component, Path, PathBuf};

use nix::errno::Errno;

use super::error::Reason;
use crate::sys::xattr;

/// As deep as symbolic links lead to each other, in the kernel too.
const LINKS: usize = 40;

/// Where the file lies on the host; none if the image has none.
pub(crate) fn file(layers: &[&Path], name: &Path) -> Result<Option<PathBuf>, Reason> {
    let mut path = inside(Path::new(""), name);
    for _ in 0..LINKS {
        match find(layers, &path)? {
            Found::Nothing => return Ok(None),
            Found::File(file) => return Ok(Some(file)),
            Found::Link(target) => path = target,
        }
    }
    Err(Reason::errno(name, Errno::ELOOP))
}

enum Found {
    Nothing,
    File(PathBuf),
    /// A symbolic link on the way: the path that it makes, in the image.
    Link(PathBuf),
}

fn find(layers: &[&Path], path: &Path) -> Result<Found, Reason> {
    for layer in layers.iter().rev() {
        match within(layer, path)? {
            Within::NotHere => {}
            Within::Found(found) => return Ok(found),
        }
    }
    Ok(Found::Nothing)
}

enum Within {
    /// A layer below decides.
    NotHere,
    Found(Found),
}

/// Looks in one layer, component by component: nothing outside is followed.
fn within(layer: &Path, path: &Path) -> Result<Within, Reason> {
    let mut current = layer.to_owned();
    let mut done = PathBuf::new();
    let mut opaque = false;
    let mut rest = path.components();
    while let Some(component) = rest.next() {
        current.push(component);
        done.push(component);
        let metadata = match fs::symlink_metadata(&current) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(if opaque { Within::Found(Found::Nothing) } else { Within::NotHere });
            }
            Err(error) => return Err(Reason::io(&current, &error)),
        };
        let last = rest.clone().next().is_none();
        if is_whiteout(&current, &metadata) {
            return Ok(Within::Found(Found::Nothing));
        } else if metadata.is_symlink() {
            let target = fs::read_link(&current).map_err(|error| Reason::io(&current, &error))?;
            let done = done.parent().unwrap_or(Path::new(""));
            return Ok(Within::Found(Found::Link(inside(done, &target.join(rest.as_path())))));
        } else if last {
            let file = metadata.is_file().then(|| Found::File(current.clone()));
            return Ok(Within::Found(file.unwrap_or(Found::Nothing)));
        } else if !metadata.is_dir() {
            return Ok(Within::Found(Found::Nothing));
        }
        opaque |= has_mark(&current, "overlay.opaque", b"y");
    }
    Ok(Within::Found(Found::Nothing))
}

/// A path below the image's root, from another one in it.
fn inside(from: &Path, path: &Path) -> PathBuf {
    let mut inside = if path.is_absolute() { PathBuf::new() } else { from.to_owned() };
    for component in path.components() {
        match component {
            Component::Normal(name) => inside.push(name),
            // Above the root is the root.
            Component::ParentDir => _ = inside.pop(),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    inside
}

/// overlayfs's mark for a file that is no more: a device, or an attribute where devices cannot be made.
fn is_whiteout(path: &Path, metadata: &fs::Metadata) -> bool {
    (metadata.file_type().is_char_device() && metadata.rdev() == 0)
        || (metadata.is_file() && metadata.len() == 0 && has_mark(path, "overlay.whiteout", b""))
}

fn has_mark(path: &Path, name: &str, value: &[u8]) -> bool {
    ["trusted", "user"].iter().any(|space| {
        let name = std::ffi::CString::new(format!("{space}.{name}"));
        name.is_ok_and(|name| xattr::get(path, &name).is_ok_and(|found| found.starts_with(value)))
    })
}
