//! Where a body runs.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::PathBuf;

/// Names the file that every body appends its line to.
pub(crate) const LINES: &str = "COMPOSE_LINES";

/// Asserts that we are in a guest, and leaves a line: the test's name and its arguments.
macro_rules! ran {
    ($name:expr $(, $arg:expr)*) => {
        crate::here::ran_here(module_path!(), $name, &[$(format!("{:?}", $arg)),*])
    };
}
pub(crate) use ran;

pub(crate) fn ran_here(module: &str, name: &str, args: &[String]) {
    assert_in_guest();
    let Some(mut lines) = lines() else { return };
    let module = module.trim_start_matches("compose::");
    // In one write, or the lines of guests that run at the same time would be torn.
    let line = format!("{module}::{name} {}\n", args.join(" "));
    lines.write_all(line.as_bytes()).unwrap();
}

/// Below the init of a pid namespace, the body is pid 2.
pub(crate) fn assert_in_guest() {
    assert_eq!(std::process::id(), 2, "this runs in the runner");
}

/// Where the lines go, when somebody wants them.
pub(crate) fn lines_path() -> Option<PathBuf> {
    std::env::var_os(LINES).map(PathBuf::from)
}

fn lines() -> Option<File> {
    let open = |path| OpenOptions::new().append(true).create(true).open(path).unwrap();
    lines_path().map(open)
}
