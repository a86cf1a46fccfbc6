//! Several processes pull the same image into the same cache; and one that is killed while it fetches.

use std::fs;
use std::path::{Path, PathBuf};

use harness_tests::outside;

use crate::image;
use crate::puller::Puller;
use crate::slow::Slow;

/// The image of these tests: not so small that all of it is there at once.
const FILES: [(&str, &[u8]); 3] =
    [("hello.txt", b"hello"), ("first", &[1; 300_000]), ("second", &[2; 300_000])];

fn serve(directory: &Path) -> Slow {
    let layout = directory.join("layout");
    image::write_with(&layout, &FILES);
    Slow::start(&layout)
}

/// What is in this directory of the cache.
fn names(cache: &Path, directory: &str) -> Vec<String> {
    let entries = fs::read_dir(cache.join(directory)).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// One layer and its lock, three blobs, and nothing half done.
fn is_whole(puller: &Puller) {
    puller.has_hello();
    let cache = puller.cache();
    let [layer, lock] = names(&cache, "layers/sha256").try_into().unwrap();
    assert_eq!(lock, format!("{layer}.lock"));
    let tree = cache.join("layers/sha256").join(layer).join("tree");
    for (name, content) in FILES {
        assert!(fs::read(tree.join(name)).unwrap() == content, "{name}");
    }
    let blobs = names(&cache, "blobs/sha256");
    assert!(blobs.len() == 3 && blobs.iter().all(|name| name.len() == 64), "{blobs:?}");
}

#[test]
fn many_at_once_make_one() {
    const PROCESSES: usize = 8;
    let puller = Puller::new();
    let slow = serve(puller.path());
    // First everything is fetched and unpacked, then only unpacked: the blobs are there.
    for blobs in [2, 0] {
        slow.meet(PROCESSES);
        let running: Vec<_> = (0..PROCESSES).map(|_| puller.start(&slow.reference())).collect();
        for one in running {
            let output = one.finish();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        assert_eq!((slow.asked("/manifests/v1"), slow.asked("/blobs/")), (PROCESSES, blobs));
        is_whole(&puller);
        fs::remove_dir_all(puller.cache().join("layers")).unwrap();
    }
}

#[test]
fn what_a_killed_process_has_fetched_is_gone_on_with() {
    const SENT: usize = 200_000;
    let puller = Puller::new();
    let slow = serve(puller.path());
    slow.stop_after(SENT);
    let killed = puller.start(&slow.reference());
    let partial = |cache: &Path| -> Option<PathBuf> {
        let mut entries = fs::read_dir(cache.join("blobs/sha256")).ok()?.flatten().map(|entry| entry.path());
        entries.find(|path| path.file_name().unwrap().to_string_lossy().starts_with(".partial-"))
    };
    let length = || partial(&puller.cache()).and_then(|path| path.metadata().ok()).map(|found| found.len());
    outside::until("half of the layer is in the cache", || length() == Some(200_000));
    killed.kill();
    // What was written is not lost, and is no blob.
    assert_eq!(length(), Some(200_000));
    puller.digest(&slow.reference(), &[]);
    is_whole(&puller);
    assert_eq!(slow.ranges(), [format!("bytes={SENT}-")]);
}

/// The same, but what is there is not the beginning of the layer: found out, and fetched as a whole.
#[test]
fn what_was_spoilt_meanwhile_is_fetched_anew() {
    const SENT: usize = 200_000;
    let puller = Puller::new();
    let slow = serve(puller.path());
    puller.digest(&slow.reference(), &[]);
    let blobs = puller.cache().join("blobs/sha256");
    let layer = names(&puller.cache(), "blobs/sha256")
        .into_iter()
        .find(|name| blobs.join(name).metadata().unwrap().len() > 600_000)
        .unwrap();
    fs::remove_file(blobs.join(&layer)).unwrap();
    fs::write(blobs.join(format!(".partial-{layer}")), vec![7; SENT]).unwrap();
    fs::remove_dir_all(puller.cache().join("layers")).unwrap();
    puller.digest(&slow.reference(), &[]);
    is_whole(&puller);
    assert_eq!(slow.ranges(), [format!("bytes={SENT}-")]);
}
