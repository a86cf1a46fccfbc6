//! The twins, and other programs, as somebody without privilege.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::twin::{Twin, binary};

/// The uid and the gid of nobody.
pub const NOBODYS_ID: u32 = 65534;

/// Runs a command as nobody.
pub const NOBODY: &[&str] = &["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];

/// A program that everybody may run: a copy, where the target directory lies below a home that is closed.
#[derive(Debug)]
pub struct Everybodys {
    binary: PathBuf,
    /// Of the copy.
    _directory: Option<tempfile::TempDir>,
}

impl Everybodys {
    /// The twins.
    #[expect(clippy::new_without_default, reason = "copies a file of some megabytes")]
    pub fn new() -> Self {
        Self::of(binary())
    }

    /// This program.
    ///
    /// # Panics
    /// When it cannot be copied.
    pub fn of(program: &Path) -> Self {
        if is_everybodys(program) {
            return Self { binary: program.to_owned(), _directory: None };
        }
        let directory = tempfile::tempdir().expect("a temporary directory");
        let open = fs::Permissions::from_mode(0o755);
        fs::set_permissions(directory.path(), open).expect("open a directory to everybody");
        let copy = directory.path().join(program.file_name().expect("a file"));
        // Not by this process: one that another thread forks meanwhile would hold the copy open for writing,
        // and nobody could execute it (ETXTBSY).
        let copied = Command::new("cp").arg(program).arg(&copy).status();
        assert!(copied.is_ok_and(|status| status.success()), "copy {}", program.display());
        Self { binary: copy, _directory: Some(directory) }
    }

    /// Its path.
    pub fn binary(&self) -> &Path {
        &self.binary
    }

    /// These tests, in a shell that first runs `script`, all of it as nobody.
    pub fn as_nobody(&self, script: &str, names: &[&str]) -> Twin {
        self.in_shell(NOBODY, script, names)
    }

    /// These tests, in a shell that first runs `script`; the shell itself is run by the `outer` command.
    pub fn in_shell(&self, outer: &[&str], script: &str, names: &[&str]) -> Twin {
        // Nobody may be forbidden to enter the directory that the tests are started in.
        Twin::copy_in_shell(outer, script, &self.binary, names).with(|command| {
            command.current_dir("/");
        })
    }
}

/// Whether everybody may go all the way to it, and run it.
fn is_everybodys(program: &Path) -> bool {
    let allows = |path: &Path, mode| {
        path.metadata().is_ok_and(|metadata| metadata.permissions().mode() & mode == mode)
    };
    allows(program, 0o005) && program.ancestors().skip(1).all(|directory| allows(directory, 0o001))
}
