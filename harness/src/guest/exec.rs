//! A body that is a program: found as execvp(3) finds it, in the guest's PATH and root, and executed.
//!
//! A file that is there and yet is not found by the kernel lacks its interpreter: the loader that an ELF
//! program names, or the program behind `#!`. That is how most programs fail in a foreign root, so the error
//! names it.

use std::ffi::{CString, OsStr, OsString};
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;

use crate::error::{Cause, Object, SetupError, Step};
use crate::plan::DEFAULT_PATH;

/// Executes the program; comes back only with the reason why not. The environment is in place already
/// (`prepare`); its PATH is where a name without a slash is looked for.
pub(super) fn execute(argv: &[OsString], environment: &[(OsString, OsString)]) -> SetupError {
    let Some(name) = argv.first().filter(|name| !name.is_empty()) else {
        return SetupError::new(Step::FindProgram, "", Errno::ENOENT);
    };
    let arguments = argv.iter().map(|argument| CString::new(argument.as_bytes()));
    let Ok(arguments) = arguments.collect::<Result<Vec<_>, _>>() else {
        return SetupError::new(Step::Exec, "an argument with a NUL byte", Errno::EINVAL);
    };
    // As in a shell: what may not be executed is passed over, and told of when there is no other.
    let mut refused = None;
    for path in places(name, environment) {
        // A directory of PATH that may not be entered has nothing to find.
        let is_hidden = !has_slash(name) && !path.exists();
        let error = attempt(path, &arguments);
        let is_refused = error.cause == Cause::Errno(Errno::EACCES);
        match error.step {
            Step::FindProgram => {}
            _ if is_refused && is_hidden => {}
            _ if is_refused => drop(refused.get_or_insert(error)),
            _ => return error,
        }
    }
    // Not the last place that was looked into: what was asked for.
    refused.unwrap_or_else(|| SetupError::new(Step::FindProgram, object(name), Errno::ENOENT))
}

/// Where the program may be: as given, when there is a slash in it.
fn places(name: &OsStr, environment: &[(OsString, OsString)]) -> Vec<PathBuf> {
    if has_slash(name) {
        return vec![PathBuf::from(name)];
    }
    let path = environment.iter().find(|(variable, _)| variable == "PATH").map(|(_, path)| path.as_os_str());
    std::env::split_paths(path.unwrap_or(DEFAULT_PATH.as_ref())).map(|place| place.join(name)).collect()
}

fn has_slash(name: &OsStr) -> bool {
    name.as_bytes().contains(&b'/')
}

/// A path for a name with a slash; else the name and where it was looked for.
fn object(name: &OsStr) -> Object {
    if has_slash(name) {
        return Object::Path(PathBuf::from(name));
    }
    Object::Name(format!("{}, in PATH", name.to_string_lossy()))
}

fn attempt(path: PathBuf, arguments: &[CString]) -> SetupError {
    let Ok(file) = CString::new(path.as_os_str().as_bytes()) else {
        return SetupError::new(Step::Exec, &path, Errno::EINVAL);
    };
    let Err(errno) = nix::unistd::execv(&file, arguments);
    let is_absent = matches!(errno, Errno::ENOENT | Errno::ENOTDIR);
    match interpreter(&path) {
        _ if is_absent && !path.exists() => SetupError::new(Step::FindProgram, &path, errno),
        Some(interpreter) if is_absent => {
            let [path, interpreter] = [&path, &interpreter].map(|path| path.to_string_lossy());
            SetupError::new(Step::Exec, format!("{path}, whose interpreter is {interpreter}").as_str(), errno)
        }
        Some(_) | None => SetupError::new(Step::Exec, &path, errno),
    }
}

/// The interpreter that a script or an ELF file names, if it can be read.
fn interpreter(program: &Path) -> Option<PathBuf> {
    let mut file = File::open(program).ok()?;
    // What the kernel looks at (BINPRM_BUF_SIZE).
    let mut head = Vec::new();
    (&mut file).take(256).read_to_end(&mut head).ok()?;
    if let Some(line) = head.strip_prefix(b"#!") {
        let line = line.split(|byte| *byte == b'\n').next()?.trim_ascii();
        return path(line.split(|byte| byte.is_ascii_whitespace()).next()?);
    }
    loader(&file, &head)
}

fn path(bytes: &[u8]) -> Option<PathBuf> {
    (!bytes.is_empty()).then(|| PathBuf::from(OsString::from_vec(bytes.to_vec())))
}

/// `PT_INTERP` of a little-endian ELF file of 64 bits (elf(5)); others are executed all the same, and only
/// their loader is not named.
fn loader(file: &File, head: &[u8]) -> Option<PathBuf> {
    const PT_INTERP: u64 = 3;
    // A path is no longer (PATH_MAX).
    const LONGEST: u64 = 4096;
    if !head.starts_with(b"\x7fELF\x02\x01") {
        return None;
    }
    let (table, size, count) = (number(head, 32, 8)?, number(head, 54, 2)?, number(head, 56, 2)?);
    for index in 0..count {
        let mut entry = [0; 56];
        file.read_exact_at(&mut entry, table.checked_add(index * size)?).ok()?;
        if number(&entry, 0, 4)? == PT_INTERP {
            let (place, length) = (number(&entry, 8, 8)?, number(&entry, 32, 8)?.min(LONGEST));
            let mut name = vec![0; usize::try_from(length).ok()?];
            file.read_exact_at(&mut name, place).ok()?;
            return path(name.split(|byte| *byte == 0).next()?);
        }
    }
    None
}

/// A little-endian number of at most 8 bytes.
fn number(bytes: &[u8], at: usize, length: usize) -> Option<u64> {
    let field = bytes.get(at..at.checked_add(length)?)?;
    Some(field.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(content: &[u8]) -> Option<PathBuf> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("program");
        std::fs::write(&path, content).unwrap();
        interpreter(&path)
    }

    #[test]
    fn scripts_name_their_interpreter() {
        for (script, interpreter) in [
            ("#!/bin/sh\n", Some("/bin/sh")),
            ("#! /usr/bin/env python3\necho", Some("/usr/bin/env")),
            ("#!/bin/sh", Some("/bin/sh")),
            ("#!\n", None),
            ("#!   \n", None),
            ("echo hi\n", None),
            ("", None),
        ] {
            assert_eq!(written(script.as_bytes()), interpreter.map(PathBuf::from), "{script}");
        }
    }

    #[test]
    fn elf_files_name_their_loader() {
        let own = interpreter(Path::new("/proc/self/exe"));
        assert!(cfg!(target_env = "musl") || own.is_some_and(|loader| loader.exists()));
        let binary = std::fs::read("/proc/self/exe").unwrap();
        for length in [0, 4, 6, 20, 63, 64, 100, 300] {
            assert_eq!(written(&binary[..length]), None, "{length} bytes");
        }
        let mut far = binary[..64].to_vec();
        far[32..40].fill(0xff);
        assert_eq!(written(&far), None, "a table beyond the end");
    }

    #[test]
    fn names_are_looked_for_in_path() {
        let environment = |path: &str| vec![("PATH".into(), path.into())];
        let found = |name: &str, environment: &[(OsString, OsString)]| places(name.as_ref(), environment);
        assert_eq!(found("./a", &environment("/x")), [PathBuf::from("./a")]);
        assert_eq!(found("a", &environment("/x:/y")), [PathBuf::from("/x/a"), PathBuf::from("/y/a")]);
        assert_eq!(found("a", &environment("")), [PathBuf::from("a")], "an empty one is the directory");
        assert!(found("a", &[]).contains(&PathBuf::from("/usr/bin/a")));
    }
}
