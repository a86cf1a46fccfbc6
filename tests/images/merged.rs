//! 64 layers that undo each other's work: the tree that they merge to.
//!
//! `fixtures/many_layers.py` wrote down what it must be, from a model, and `umoci unpack` had to agree.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use harness::__private::{Namespaces, Spec, Upper};
use harness_tests::fixture::DIRECTORY;
use harness_tests::machine::Need;
use harness_tests::profile::Refusal;
use harness_tests::twin::Twin;
use harness_tests::{fixture, needs, root};

fn spec(test: &'static str) -> Spec<'static> {
    let list = fs::read_to_string(fixture("many-layers.oci").with_extension("list")).unwrap();
    // Passed through the environment: the guest does not see the file.
    let list: &'static str = Box::leak(list.into_boxed_str());
    let env: &'static [(&str, &str)] = Box::leak(Box::new([("LIST", list)]));
    root::spec(test, "many-layers.oci").env(env)
}

#[test]
fn as_an_overlay() {
    needs!(Need::NAMESPACES, Need::Fixture("many-layers.oci"));
    root::run(spec("images::merged::as_an_overlay"), is_as_the_list_says);
}

#[test]
fn as_an_overlay_in_a_user_namespace() {
    needs!(Need::NAMESPACES, Need::Fixture("many-layers.oci"));
    let spec = spec("images::merged::as_an_overlay_in_a_user_namespace").unshare(Namespaces::USER);
    root::run(spec, is_as_the_list_says);
}

#[test]
fn as_a_copy() {
    needs!(Need::NAMESPACES, Need::Fixture("many-layers.oci"));
    root::run(spec("images::merged::as_a_copy").upper(Upper::Copy), is_as_the_list_says);
}

/// As before Linux 5.2, and as under a profile that does not know it.
const NO_FSOPEN: Refusal = Refusal::of(libc::SYS_fsopen, libc::ENOSYS);
/// As where a filesystem has none.
const NO_LINKS: Refusal = Refusal::of_hard_link(libc::EPERM);

/// What the cache has, needs no links any more. Beside the fixtures: a tmpfs has no attributes of users before Linux
/// 6.6.
fn with_their_own_cache(twins: [(&str, &'static [Refusal]); 2]) {
    let cache = tempfile::tempdir_in(DIRECTORY).unwrap();
    fs::set_permissions(cache.path(), fs::Permissions::from_mode(0o711)).unwrap();
    for (twin, refused) in twins {
        Twin::tests(&[twin]).env("HARNESS_CACHE", cache.path()).refused(refused).run().must_pass();
    }
}

#[test]
fn as_one_directory() {
    needs!(Need::OVERLAY, Need::Fixture("many-layers.oci"));
    let twin = "images::many_layers_are_one";
    with_their_own_cache([(twin, &[]), (twin, &[NO_FSOPEN])]);
}

/// Where files cannot be linked, layers are stacked: with mount(2), all options in a page.
#[test]
fn as_a_stack() {
    needs!(Need::OVERLAY, Need::Fixture("many-layers.oci"));
    with_their_own_cache([
        ("images::many_layers_are_many", &[NO_LINKS]),
        ("images::many_layers_have_short_names", &[NO_LINKS, NO_FSOPEN]),
    ]);
}

/// What is wrong is found.
#[test]
fn another_tree_is_noticed() {
    needs!(Need::NAMESPACES, Need::Fixture("many-layers.oci"));
    let spec = spec("images::merged::another_tree_is_noticed");
    root::run(spec, || {
        fs::write("/counted/01", "something else").unwrap();
        fs::remove_file("/counted/03").unwrap();
        let found = differences();
        assert_eq!(found.len(), 2, "{found:?}");
        0
    });
}

fn is_as_the_list_says() -> i32 {
    assert_eq!(differences(), [] as [String; 0]);
    0
}

/// Paths, kinds, modes, times of files, targets of links; and of a further name that it is the same file.
fn differences() -> Vec<String> {
    let mut found = BTreeMap::new();
    walk(Path::new("/"), &mut found);
    let list = std::env::var("LIST").unwrap();
    let mut wrong = Vec::new();
    let mut expected = BTreeMap::new();
    for line in list.lines() {
        let mut fields = line.split('\t').map(str::to_owned);
        let path = fields.next().unwrap();
        expected.insert(path, fields.collect::<Vec<_>>());
    }
    for (path, fields) in &expected {
        match found.get(path) {
            None => wrong.push(format!("{path}: not there")),
            Some(real) if !is_alike(real, fields) => wrong.push(format!("{path}: {}", described(real))),
            Some(_) => {}
        }
    }
    wrong.extend(
        found.keys().filter(|path| !expected.contains_key(*path)).map(|path| format!("{path}: more")),
    );
    wrong
}

fn walk(directory: &Path, found: &mut BTreeMap<String, PathBuf>) {
    const MADE_BY_US: [&str; 4] = ["/dev", "/proc", "/sys", "/tmp"];
    let binary = std::env::current_exe().unwrap();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if MADE_BY_US.iter().any(|made| path == Path::new(made)) || binary.starts_with(&path) {
            continue;
        }
        found.insert(escaped(&path), path.clone());
        if fs::symlink_metadata(&path).unwrap().is_dir() {
            walk(&path, found);
        }
    }
}

/// As the list writes it: bytes outside of printable ASCII, and the backslash, as `\xNN`.
fn escaped(path: &Path) -> String {
    let bytes = path.strip_prefix("/").unwrap().as_os_str().as_bytes();
    let shown = |byte: &u8| match byte {
        b' '..=b'~' if *byte != b'\\' => char::from(*byte).to_string(),
        byte => format!("\\x{byte:02x}"),
    };
    bytes.iter().map(shown).collect()
}

fn is_alike(path: &Path, fields: &[String]) -> bool {
    let metadata = fs::symlink_metadata(path).unwrap();
    let mode = format!("{:04o}", metadata.mode() & 0o7777);
    match fields[0].as_str() {
        "d" => metadata.is_dir() && mode == fields[1],
        "f" => metadata.is_file() && mode == fields[1] && metadata.mtime().to_string() == fields[2],
        "h" => {
            let first = fs::symlink_metadata(Path::new("/").join(&fields[2])).unwrap();
            metadata.ino() == first.ino() && metadata.nlink() > 1
        }
        _ => {
            metadata.is_symlink()
                && fs::read_link(path).unwrap().to_str() == fields.last().map(String::as_str)
        }
    }
}

fn described(path: &Path) -> String {
    let metadata = fs::symlink_metadata(path).unwrap();
    format!("{:o} {}", metadata.mode(), metadata.mtime())
}
