//! A layer of the cache that is used again, and what processes that race for it meet by chance only.

use std::sync::mpsc;
use std::time::{Duration, SystemTime};

use super::super::digest::Digest;
use super::super::tests::build::{Bench, tar};
use super::*;

fn wanted() -> Wanted<'static> {
    Wanted { archive: "a", key: Digest::of(b"a"), diff_id: None, compressed_size: 10_000, below: None }
}

fn layer(store: &Store) -> Layer {
    let mut archive = tar(&[("file", b"1")]);
    archive.extend([0; 1024]);
    store.layer(&wanted(), &mut || Ok(Box::new(std::io::Cursor::new(archive.clone())))).unwrap()
}

#[test]
fn who_waited_for_the_lock_does_not_unpack_again() {
    let bench = Bench::new();
    let store = bench.store();
    let place = layer(&store).directory.parent().unwrap().to_owned();
    // The waiter has looked for it before it was there.
    make_alone(&place, "a", &mut |_| panic!("it is there")).unwrap();
    assert_eq!(fs::read_to_string(place.join("tree/file")).unwrap(), "1");
}

/// Of another version of ours, or one that a power cut has left empty.
#[test]
fn a_layer_with_another_record_is_unpacked_again() {
    let bench = Bench::new();
    let store = bench.store();
    let place = layer(&store).directory.parent().unwrap().to_owned();
    let record = fs::read_to_string(place.join("record")).unwrap();
    for other in ["", "{}", &record.replace("\"format\":2", "\"format\":1")] {
        fs::write(place.join("record"), other).unwrap();
        fs::write(place.join("tree/file"), "stale").unwrap();
        let again = layer(&store);
        assert_eq!(fs::read_to_string(again.directory.join("file")).unwrap(), "1", "{other}");
        assert!(store.known(wanted().key, "a").unwrap().is_some());
    }
    assert_eq!(fs::read_to_string(place.join("record")).unwrap(), record);
}

/// `harness clean` goes by the time of the lock.
#[test]
fn what_is_used_is_not_old() {
    let bench = Bench::new();
    let store = bench.store();
    let lock = lock::beside(layer(&store).directory.parent().unwrap());
    let age = || fs::metadata(&lock).unwrap().modified().unwrap();
    let old = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
    fs::File::options().write(true).open(&lock).unwrap().set_modified(old).unwrap();
    assert_eq!(age(), old);
    drop(layer(&store));
    assert!(age() > old);
}

/// Another runner, or another test of this one, has it in use: for how long, nobody knows.
#[test]
fn who_comes_between_does_not_wait_for_those_who_use_it() {
    let bench = Bench::new();
    let store = bench.store();
    let made = layer(&store).directory.parent().unwrap().to_owned();
    let other = Wanted { key: Digest::of(b"other"), ..wanted() };
    let place = store.place(other.key);
    let used = Lock::shared(&lock::beside(&place)).unwrap();
    std::thread::scope(|scope| {
        let (done, is_done) = mpsc::channel();
        scope.spawn({
            let store = &store;
            move || {
                let layer = store.layer(&other, &mut || panic!("it is in use, and so it is there"));
                done.send(layer.is_ok()).unwrap();
            }
        });
        fs::rename(made, &place).unwrap();
        let answer = is_done.recv_timeout(Duration::from_secs(60));
        drop(used);
        assert_eq!(answer, Ok(true));
    });
}
