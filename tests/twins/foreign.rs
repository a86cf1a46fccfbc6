//! Guests in the directory that `ROOT` names.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, lchown, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use harness_tests::root;
use nix::unistd::{getgid, getuid};

fn directory() -> PathBuf {
    std::env::var_os("ROOT").expect("set by the test outside").into()
}

#[test]
fn panics() {
    root::run(root::spec_at("twins::foreign::panics", &directory()), inner_function_of_the_panic);
}

/// The test binary is what symbols come from.
#[test]
fn panics_without_the_binary() {
    root::run(root::spec_at("twins::foreign::panics_without_the_binary", &directory()), || {
        nix::mount::umount(&std::env::current_exe().unwrap()).unwrap();
        inner_function_of_the_panic()
    });
}

#[inline(never)]
fn inner_function_of_the_panic() -> i32 {
    panic!("known");
}

/// Each guest has a number, so that together they meet every path with every change.
static GUEST: AtomicUsize = AtomicUsize::new(0);

#[test]
fn hundred_scribble_at_once() {
    const TEST: &str = "twins::foreign::hundred_scribble_at_once";
    let root = directory();
    thread::scope(|scope| {
        for _ in 0..10 {
            scope.spawn(|| {
                for _ in 0..10 {
                    let number = GUEST.fetch_add(1, Ordering::Relaxed).to_string().leak();
                    let env = Box::leak(Box::new([("GUEST", &*number)]));
                    root::run(root::spec_at(TEST, &root).env(env), || scribble_below("/"));
                }
            });
        }
    });
}

#[test]
fn scribbles_through_a_bind() {
    const TEST: &str = "twins::foreign::scribbles_through_a_bind";
    root::run(root::bound_at(TEST, &directory(), "/mnt"), || scribble_below("/mnt"));
}

/// Changes every path, or one of many's share: the hundred together change each in every way. In the directories
/// among them a file is made.
fn scribble_below(root: &str) -> i32 {
    const SHARES: usize = 100 / WAYS;
    let guest = std::env::var("GUEST").ok().map(|number| number.parse::<usize>().unwrap());
    for (index, path) in paths_below(Path::new(root)).iter().enumerate() {
        match guest {
            None => change(path, index),
            Some(guest) if index % SHARES == guest % SHARES => change(path, guest / SHARES),
            Some(_) => {}
        }
    }
    0
}

const WAYS: usize = 5;

fn change(path: &Path, way: usize) {
    let kind = fs::symlink_metadata(path).unwrap().file_type();
    if kind.is_dir() {
        fs::set_permissions(path, Permissions::from_mode(0o700)).unwrap();
        return fs::write(path.join("scribbled"), "scribbled").unwrap();
    }
    match way % WAYS {
        0 if kind.is_file() => fs::write(path, "scribbled").unwrap(),
        1 if kind.is_file() => fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap(),
        2 => fs::rename(path, beside(path, "renamed")).unwrap(),
        3 if kind.is_file() => fs::hard_link(path, beside(path, "linked")).unwrap(),
        // To whom it belongs already: without privilege there is nobody else.
        4 => lchown(path, Some(getuid().as_raw()), Some(getgid().as_raw())).unwrap(),
        _ => {
            fs::remove_file(path).unwrap();
            symlink("scribbled", path).unwrap();
        }
    }
}

fn beside(path: &Path, what: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(what);
    name.into()
}

/// The root itself and what is below it, but for what every guest has of its own.
fn paths_below(root: &Path) -> Vec<PathBuf> {
    let own_binary = std::env::current_exe().unwrap();
    let is_own = |path: &PathBuf| {
        own_binary.starts_with(path) || ["/dev", "/proc", "/sys"].map(Path::new).contains(&path.as_path())
    };
    let (mut found, mut directories) = (vec![root.to_owned()], vec![root.to_owned()]);
    while let Some(directory) = directories.pop() {
        let has_own = own_binary.starts_with(&directory);
        for entry in fs::read_dir(&directory).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if has_own && is_own(&path) {
                continue;
            }
            if entry.file_type().unwrap().is_dir() {
                directories.push(path.clone());
            }
            found.push(path);
        }
    }
    found
}
