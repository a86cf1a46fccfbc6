//! Programs that cannot be executed: an error that names step, object, errno and what to do.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use harness::{Error, Sandbox, SetupError};
use harness_tests::run;
use harness_tests::sandbox::text;
use tempfile::TempDir;

/// The failed step of a program that cannot be run.
#[track_caller]
fn failed(sandbox: &Sandbox) -> SetupError {
    match sandbox.output() {
        Err(Error::Setup(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn check(sandbox: &Sandbox, step: &str, object: &str, errno: i32) {
    let error = failed(sandbox);
    let found = (error.step(), error.object(), error.errno());
    assert_eq!(found, (step, Some(object.to_owned()), Some(errno)), "{error}");
    assert!(error.remedy().is_some(), "{error}");
    let whole = Error::from(error.clone()).to_string();
    assert!(whole.starts_with(&error.to_string()) && whole.contains(error.remedy().unwrap()), "{whole}");
}

fn file(directory: &TempDir, name: &str, mode: u32, content: &[u8]) -> PathBuf {
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let path = directory.path().join(name);
    // By another process: one that a test forks meanwhile would hold a file open for writing that was made here.
    let source = directory.path().join("source");
    fs::write(&source, content).unwrap();
    fs::set_permissions(&source, fs::Permissions::from_mode(mode)).unwrap();
    let copied = std::process::Command::new("cp").arg("-p").arg(&source).arg(&path).status().unwrap();
    assert!(copied.success());
    path
}

#[test]
fn a_program_that_is_not_there() {
    let missing = |name: &str| Sandbox::new().command(name);
    check(&missing("/no/such/program"), "find the program", "/no/such/program", libc::ENOENT);
    check(&missing("./no-such-program"), "find the program", "./no-such-program", libc::ENOENT);
    check(&missing("no-such-program"), "find the program", "no-such-program, in PATH", libc::ENOENT);
    check(&missing("sh").env("PATH", "/nowhere"), "find the program", "sh, in PATH", libc::ENOENT);
}

#[test]
fn a_program_that_may_not_be_executed() {
    let directory = tempfile::tempdir().unwrap();
    let path = file(&directory, "plain", 0o644, b"#!/bin/sh\n");
    let object = path.to_str().unwrap();
    check(&Sandbox::new().command(&path), "execute the program", object, libc::EACCES);
    let found = Sandbox::new().command("plain").env("PATH", directory.path());
    check(&found, "execute the program", object, libc::EACCES);
    check(&Sandbox::new().command("/usr"), "execute the program", "/usr", libc::EACCES);
}

/// As in a shell: the next one in PATH is taken.
#[test]
fn one_that_may_be_executed_is_found_behind_one_that_may_not() {
    let directory = tempfile::tempdir().unwrap();
    let path = file(&directory, "sh", 0o644, b"");
    let searched = format!("{}:{}", path.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let run = run!(Sandbox::new().env("PATH", searched).command("sh").args(["-c", "echo found"]));
    assert_eq!(run.stdout, b"found\n");
}

#[test]
fn neither_program_nor_script() {
    let directory = tempfile::tempdir().unwrap();
    let path = file(&directory, "nothing", 0o755, b"echo hi\n");
    let object = path.to_str().unwrap();
    check(&Sandbox::new().command(&path), "execute the program", object, libc::ENOEXEC);
}

/// The file is there; what it needs is not, and is named.
#[test]
fn a_missing_interpreter() {
    let directory = tempfile::tempdir().unwrap();
    let script = file(&directory, "script", 0o755, b"#!/no/such/interpreter -x\n");
    let object = format!("{}, whose interpreter is /no/such/interpreter", script.display());
    check(&Sandbox::new().command(&script), "execute the program", &object, libc::ENOENT);
    let in_path = Sandbox::new().command("script").env("PATH", directory.path());
    check(&in_path, "execute the program", &object, libc::ENOENT);
}

#[test]
fn a_missing_loader() {
    let directory = tempfile::tempdir().unwrap();
    let mut binary = fs::read(std::env::current_exe().unwrap()).unwrap();
    let name = b"/ld-linux";
    let at = binary.windows(name.len()).position(|window| window == name).expect("a loader's name");
    binary[at..at + name.len()].copy_from_slice(b"/nowhere-");
    let path = file(&directory, "program", 0o755, &binary);
    let error = failed(&Sandbox::new().command(&path));
    assert_eq!((error.step(), error.errno()), ("execute the program", Some(libc::ENOENT)), "{error}");
    let object = error.object().unwrap();
    assert!(object.starts_with(&format!("{}, whose interpreter is /lib", path.display())), "{object}");
    assert!(object.contains("/nowhere-"), "{object}");
}

#[test]
fn more_arguments_than_the_kernel_takes() {
    let sandbox = Sandbox::new().command("/bin/true").arg("x".repeat(4 << 20));
    check(&sandbox, "execute the program", "/bin/true", libc::E2BIG);
}

/// Other steps fail as those of a test do.
#[test]
fn other_steps() {
    let nowhere = Sandbox::new().workdir("/no/such/place").command("true");
    check(&nowhere, "change to the working directory", "/no/such/place", libc::ENOENT);
    match Sandbox::new().rootfs("no/such/fixture").command("true").output() {
        Err(Error::Setup(error)) => {
            let here = std::env::current_dir().unwrap().join("no/such/fixture");
            assert_eq!(error.object().as_deref(), here.to_str(), "{error}");
        }
        Err(Error::Unsupported(lack)) => harness_tests::sandbox::lacks("sandbox::errors::other_steps", &lack),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_program_has_its_name_as_it_was_given() {
    let run = run!(Sandbox::new().command("sh").args(["-c", "cat /proc/$$/cmdline"]));
    assert_eq!(text(&run.stdout).split('\0').next(), Some("sh"));
    let sh = Path::new("/bin/sh");
    let run = run!(Sandbox::new().command(sh).args(["-c", "cat /proc/$$/cmdline"]));
    assert_eq!(text(&run.stdout).split('\0').next(), Some("/bin/sh"));
}
