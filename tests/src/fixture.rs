//! Real root filesystems and images: `fixtures/make.sh` makes them, once, in cargo's target directory.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use crate::prebuilt;

/// Where all of them are, or will be.
pub const DIRECTORY: &str = env!("HARNESS_ROOTS");

/// Where a fixture is, made if it was not; the names are those of `fixtures/make.sh --list`.
///
/// # Panics
/// With the script's output when it fails, and on a machine with prebuilt binaries that has not this one: a test
/// that needs it there begins with `needs!(Need::Fixture(name))`.
pub fn fixture(name: &str) -> PathBuf {
    made(name).unwrap_or_else(|why| panic!("the fixture {name}: {why}"))
}

/// As [`fixture`], with the reason why there is none.
///
/// # Errors
/// The script's output, or that it cannot run here.
pub fn made(name: &str) -> Result<PathBuf, String> {
    static KNOWN: Mutex<BTreeMap<String, Result<(), String>>> = Mutex::new(BTreeMap::new());
    let mut known = KNOWN.lock().expect("the script's failures are no panics");
    let answer = known.entry(name.to_owned()).or_insert_with(|| make(name));
    answer.clone().map(|()| Path::new(DIRECTORY).join(name))
}

fn make(name: &str) -> Result<(), String> {
    if std::env::var_os(prebuilt::DIRECTORY).is_some() {
        let is_there = Path::new(DIRECTORY).join(name).exists();
        return is_there.then_some(()).ok_or_else(|| "not among those that were brought here".to_owned());
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/make.sh");
    let target = Path::new(DIRECTORY).ancestors().nth(2).unwrap_or(Path::new("/"));
    let mut command = Command::new("bash");
    command.arg(script).arg(name).env("CARGO_TARGET_DIR", target).stdin(Stdio::null());
    match command.output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(format!("{}\n{}", output.status, String::from_utf8_lossy(&output.stderr))),
        Err(error) => Err(format!("bash: {error}")),
    }
}
