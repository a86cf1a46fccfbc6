//! A cache on a file system that is full: one error that says so, and nothing half done in it.
//!
//! The file system is a tmpfs in a mount namespace of the command's, which ends with it.

use std::process::{Command, Output};

use harness_tests::machine::Need;
use harness_tests::needs;

use crate::image;
use crate::puller::Puller;
use crate::slow::Slow;

/// Runs the command behind it with such a cache, and lists what is in there afterwards.
const SCRIPT: &str = r#"mount -t tmpfs -o "size=$1" harness-tests "$2"
cache=$2; shift 2; status=0
"$@" || status=$?
cd "$cache" && find . -type f -o -name '*.partial' -o -name '*.root' -o -name '*.user'
exit $status"#;

/// What the pull says, and what it leaves; the image has a layer of so many bytes.
fn pull(puller: &Puller, space: &str, bytes: usize) -> (Output, Vec<String>, String) {
    let layout = puller.path().join("layout");
    image::write_with(&layout, &[("hello.txt", b"hello"), ("much", &vec![1; bytes])]);
    let slow = Slow::start(&layout);
    std::fs::create_dir(puller.cache()).unwrap();
    let pull = puller.command(&slow.reference(), &[]);
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "sh", "-euc", SCRIPT, "sh", space]);
    command.arg(puller.cache()).arg(pull.get_program()).args(pull.get_args());
    for (name, value) in pull.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let output = command.output().unwrap();
    // Nothing of it is seen outside.
    assert_eq!(std::fs::read_dir(puller.cache()).unwrap().count(), 0);
    let left = String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect();
    (output, left, slow.reference())
}

/// One line, which names the image and the cache.
fn refusal(output: &Output, reference: &str, puller: &Puller) {
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), text.lines().count()), (Some(1), 1), "{text}");
    let full = format!("no space left for {}", puller.cache().display());
    assert!(text.contains(reference) && text.contains(&full), "{text}");
    assert!(text.contains("harness clean"), "{text}");
}

fn count(left: &[String], is_such: impl Fn(&str) -> bool) -> usize {
    left.iter().filter(|name| is_such(name)).count()
}

fn is_half_done(name: &str) -> bool {
    name.contains("partial")
}

fn is_blob(name: &str) -> bool {
    name.starts_with("./blobs/sha256/")
}

fn is_layer(name: &str) -> bool {
    name.ends_with(".root") || name.ends_with(".user")
}

#[test]
fn while_it_is_unpacked() {
    needs!(Need::Root);
    let puller = Puller::new();
    let (output, left, reference) = pull(&puller, "1m", 600_000);
    refusal(&output, &reference, &puller);
    assert_eq!(
        (count(&left, is_half_done), count(&left, is_layer), count(&left, is_blob)),
        (0, 0, 3),
        "{left:?}"
    );
}

#[test]
fn while_it_is_fetched() {
    needs!(Need::Root);
    let puller = Puller::new();
    let (output, left, reference) = pull(&puller, "1m", 1_200_000);
    refusal(&output, &reference, &puller);
    // The manifest and the configuration.
    assert_eq!(
        (count(&left, is_half_done), count(&left, is_layer), count(&left, is_blob)),
        (0, 0, 2),
        "{left:?}"
    );
}

/// Not a page is left for anything.
#[test]
fn from_the_beginning() {
    needs!(Need::Root);
    let puller = Puller::new();
    let (output, left, _) = pull(&puller, "4k", 10);
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), text.lines().count()), (Some(1), 1), "{text}");
    assert!(text.contains(&format!("no space left for {}", puller.cache().display())), "{text}");
    assert_eq!(count(&left, |name| is_half_done(name) || is_layer(name)), 0, "{left:?}");
}

#[test]
fn what_has_space_is_unpacked() {
    needs!(Need::Root);
    let puller = Puller::new();
    let (output, left, _) = pull(&puller, "4m", 1_200_000);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(
        (count(&left, is_half_done), count(&left, is_layer), count(&left, is_blob)),
        (0, 1, 3),
        "{left:?}"
    );
}
