//! Values that are paths: the root filesystem, mounts, the working directory.

use super::value::{Read, Value};
use crate::units;
use std::path::Path;

#[derive(Debug)]
pub(crate) enum Rootfs {
    Host,
    Directory(String),
}

#[derive(Debug)]
pub(crate) struct Bind {
    pub(crate) source: String,
    pub(crate) target: String,
    pub(crate) readonly: bool,
}

#[derive(Debug)]
pub(crate) struct Tmpfs {
    pub(crate) target: String,
    pub(crate) size: Option<u64>,
}

/// What later versions unpack.
const ARCHIVES: &[&str] = &[".tar", ".tar.gz", ".tgz", ".tar.zst", ".tar.xz"];

impl Value<'_> {
    pub(super) fn absolute_path(&self) -> Read<String> {
        let path = self.string()?;
        self.absolute(&path)
    }

    /// `..` would leave the new root while it is being built.
    fn absolute(&self, path: &str) -> Read<String> {
        if !path.starts_with('/') {
            return Err(self.wrong(format!("`{path}` is not an absolute path")));
        }
        if path.split('/').any(|part| part == "..") {
            return Err(self.wrong(format!("`{path}` has a `..`")));
        }
        Ok(path.to_owned())
    }

    pub(super) fn bind(&self, earlier: &[Bind]) -> Read<Bind> {
        let text = self.string()?;
        let parts: Vec<_> = text.split(':').collect();
        let (source, target, readonly) = match parts[..] {
            [source, target] => (source, target, false),
            [source, target, "ro"] => (source, target, true),
            [_, _, option] => {
                return Err(self.wrong(format!("there is no option `{option}`, only `ro`")));
            }
            [_] => return Err(self.wrong(format!("`{text}` has no `:DST`"))),
            _ => return Err(self.wrong(format!("`{text}` has too many `:`"))),
        };
        if source.is_empty() {
            return Err(self.wrong(format!("`{text}` has no source")));
        }
        let target = self.absolute(target)?;
        self.not_twice(&target, earlier.iter().map(|bind| &*bind.target))?;
        Ok(Bind { source: source.to_owned(), target, readonly })
    }

    pub(super) fn tmpfs(&self, earlier: &[Tmpfs]) -> Read<Tmpfs> {
        let text = self.string()?;
        let (target, size) = match text.split_once(':') {
            Some((target, size)) => (target, Some(self.checked(units::size(size))?)),
            None => (&*text, None),
        };
        if size == Some(0) {
            return Err(self.wrong("a size of 0 means unlimited to the kernel"));
        }
        let target = self.absolute(target)?;
        self.not_twice(&target, earlier.iter().map(|tmpfs| &*tmpfs.target))?;
        Ok(Tmpfs { target, size })
    }

    fn not_twice<'a>(&self, target: &str, mut earlier: impl Iterator<Item = &'a str>) -> Read<()> {
        if earlier.any(|known| known == target) {
            return Err(self.wrong(format!("`{target}` is mounted twice")));
        }
        Ok(())
    }

    pub(super) fn rootfs(&self) -> Read<Rootfs> {
        let path = self.string()?;
        if path.contains("://") || ARCHIVES.iter().any(|end| path.ends_with(end)) {
            return Err(self.wrong("this version does not have archives and images yet"));
        }
        if Path::new(&path).is_relative() {
            self.checked(exists_in_crate(&path))?;
        }
        Ok(Rootfs::Directory(path))
    }
}

/// Relative paths start at the crate and are there when it compiles; absolute ones are the business of the
/// machine that runs the test.
fn exists_in_crate(path: &str) -> Result<(), String> {
    let Some(crate_dir) = std::env::var_os("CARGO_MANIFEST_DIR") else {
        return Ok(());
    };
    match std::fs::metadata(Path::new(&crate_dir).join(path)) {
        Ok(found) if found.is_dir() => Ok(()),
        Ok(_) => Err(format!("`{path}` is not a directory")),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(format!("there is no `{path}` beside this crate's Cargo.toml"))
        }
        Err(error) => Err(format!("`{path}`: {error}")),
    }
}
