//! What was asked of the filesystem.

use super::Size;

/// Where the guest's root filesystem comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rootfs<'a> {
    /// A copy-on-write view of the host's root.
    Host,
    /// A copy-on-write view of a directory; relative to [`Spec::manifest_dir`](super::Spec::manifest_dir).
    Source(&'a str),
}

/// Whether a source is a reference to a registry, and no path.
pub(crate) fn is_reference(source: &str) -> bool {
    source.starts_with("oci://")
}

/// Where what the guest writes to its root goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Upper {
    /// The upperdir is on a private tmpfs: memory, charged to the guest that writes.
    #[default]
    Tmpfs,
    /// The upperdir is in a temporary directory beside the build's other files, removed after the run.
    Disk,
    /// No overlay: the root is a copy on a private tmpfs, made for each guest.
    Copy,
}

/// One entry of `file("PATH" = "CONTENT")`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InlineFile<'a> {
    /// Absolute path in the guest.
    pub target: &'a str,
    /// All of it.
    pub content: &'a str,
}

/// One `bind = "SRC:DST[:ro]"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bind<'a> {
    /// File or directory of the host; relative to [`Spec::manifest_dir`](super::Spec::manifest_dir).
    pub source: &'a str,
    /// Absolute path in the guest.
    pub target: &'a str,
    /// Whether the guest may not write to it.
    pub readonly: bool,
}

/// One `tmpfs = "PATH[:SIZE]"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tmpfs<'a> {
    /// Absolute path in the guest.
    pub target: &'a str,
    /// The `size=` mount option; the kernel's default (half of memory) when absent.
    pub size: Option<Size>,
}
