//! Directories of a given size.

use std::fs;
use std::path::{Path, PathBuf};

/// This many megabytes in files of a hundred kilobytes, a hundred to a directory.
pub(crate) fn make(scratch: &Path, megabytes: usize) -> PathBuf {
    let root = scratch.join(format!("{megabytes}M"));
    let content = vec![b'x'; 100_000];
    for number in 0..megabytes * 10 {
        let directory = root.join((number / 100).to_string());
        fs::create_dir_all(&directory).expect("a directory");
        fs::write(directory.join(number.to_string()), &content).expect("room on the disk");
    }
    root
}
