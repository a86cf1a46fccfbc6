//! A registry of a few lines, that fails as real ones do.

mod server;

use std::rc::Rc;

use super::super::digest::Digest;
use super::super::error::{Error, Reason};
use super::super::fault::Fault as ImageFault;
use super::super::tests::build::{Bench, Files, content};
use super::{Fault, Watch, obtain};
use server::{Answer, Server};

/// The image of [`Files::hello`] under `a:latest`.
fn hello(server: &Server) -> Digest {
    server.serve(Files::hello())
}

fn reason(result: Result<super::super::Image, Error>) -> Reason {
    result.map(drop).expect_err("a failure").reason
}

#[test]
fn an_image_is_fetched_once() {
    let server = Server::start();
    let digest = hello(&server);
    let bench = Bench::new();
    for round in 0..2 {
        let image = obtain(&server.reference(":latest"), &bench.store()).unwrap();
        assert_eq!(content(&image, "hello.txt"), "hello");
        // The tag is asked for again; no blob is.
        assert_eq!(server.asked("manifests/latest"), round + 1);
    }
    assert_eq!(server.asked("blobs/"), 2);
    // By digest it needs no network.
    let before = server.asked("");
    obtain(&server.reference(&format!("@{digest}")), &bench.store()).unwrap();
    assert_eq!(server.asked(""), before);
}

#[test]
fn what_may_pass_is_asked_again() {
    for failure in [Answer::Status(503), Answer::Status(429), Answer::Status(500), Answer::HangUp] {
        let server = Server::start();
        hello(&server);
        server.first("manifests/latest", &[failure, failure]);
        server.first("blobs/", &[failure]);
        let bench = Bench::new();
        let image = obtain(&server.reference(":latest"), &bench.store()).unwrap();
        assert_eq!(content(&image, "hello.txt"), "hello", "{failure:?}");
        assert_eq!(server.asked("manifests/latest"), 3, "{failure:?}");
    }
}

#[test]
fn what_will_not_pass_is_not_asked_again() {
    let server = Server::start();
    hello(&server);
    server.first("manifests/latest", &[Answer::Status(400)]);
    let found = reason(obtain(&server.reference(":latest"), &Bench::new().store()));
    assert!(
        matches!(found, Reason::Fault(ImageFault::Registry(Fault::Status { status: 400, .. }))),
        "{found:?}"
    );
    assert_eq!(server.asked("manifests/latest"), 1);
    let found = reason(obtain(&server.reference(":other"), &Bench::new().store()));
    assert!(matches!(found, Reason::Fault(ImageFault::Registry(Fault::NotFound(_)))), "{found:?}");
}

#[test]
fn a_body_that_breaks_off_is_gone_on_with() {
    let server = Server::start();
    hello(&server);
    server.first("blobs/", &[Answer::Cut(20), Answer::Cut(30)]);
    let bench = Bench::new();
    let image = obtain(&server.reference(":latest"), &bench.store()).unwrap();
    assert_eq!(content(&image, "hello.txt"), "hello");
    assert_eq!(server.ranges(), ["bytes=20-", "bytes=50-"]);
}

#[test]
fn a_body_that_stalls_is_gone_on_with() {
    let server = Server::start();
    hello(&server);
    server.first("blobs/", &[Answer::Stall(20)]);
    let bench = Bench::new();
    let image = obtain(&server.reference(":latest"), &bench.store()).unwrap();
    assert_eq!(content(&image, "hello.txt"), "hello");
    assert_eq!(server.ranges(), ["bytes=20-"]);
}

/// As after a power cut, or a full disk of somebody else.
#[test]
fn blobs_that_are_damaged_in_the_cache_are_fetched_again() {
    let server = Server::start();
    let digest = hello(&server);
    for reference in [":latest".to_owned(), format!("@{digest}")] {
        for damaged in ["", "longer than it was, whatever it was: ", "x"] {
            let bench = Bench::new();
            let reference = server.reference(&reference);
            obtain(&reference, &bench.store()).unwrap();
            std::fs::remove_dir_all(bench.path("cache/layers")).unwrap();
            let blobs = std::fs::read_dir(bench.path("cache/blobs/sha256")).unwrap();
            for blob in blobs.map(|blob| blob.unwrap().path()) {
                let mut bytes = std::fs::read(&blob).unwrap();
                match damaged {
                    "x" => bytes[0] ^= 1,
                    damaged => bytes.resize(damaged.len() * 1000, b'x'),
                }
                std::fs::write(&blob, bytes).unwrap();
            }
            // A layer is found out when it is unpacked.
            let found = obtain(&reference, &bench.store()).or_else(|error| {
                assert!(matches!(error.reason, Reason::Digest { .. }), "{error}");
                obtain(&reference, &bench.store())
            });
            assert_eq!(content(&found.unwrap(), "hello.txt"), "hello");
        }
    }
}

#[test]
fn a_server_without_ranges_gives_the_whole_again() {
    let server = Server::start();
    hello(&server);
    server.without_ranges();
    server.first("blobs/", &[Answer::Cut(20)]);
    let bench = Bench::new();
    let image = obtain(&server.reference(":latest"), &bench.store()).unwrap();
    assert_eq!(content(&image, "hello.txt"), "hello");
}

#[test]
fn a_blob_elsewhere_is_found() {
    let server = Server::start();
    hello(&server);
    server.first("blobs/", &[Answer::Redirect]);
    let bench = Bench::new();
    let image = obtain(&server.reference(":latest"), &bench.store()).unwrap();
    assert_eq!(content(&image, "hello.txt"), "hello");
}

#[test]
fn a_token_is_fetched_where_one_is_wanted() {
    let server = Server::start();
    hello(&server);
    server.with_token();
    let bench = Bench::new();
    let image = obtain(&server.reference(":latest"), &bench.store()).unwrap();
    assert_eq!(content(&image, "hello.txt"), "hello");
}

#[test]
fn the_token_is_shown_where_the_registry_sends_us_on_its_own_host() {
    let server = Server::start();
    hello(&server);
    server.with_token();
    server.first("blobs/", &[Answer::Redirect]);
    let image = obtain(&server.reference(":latest"), &Bench::new().store());
    assert!(image.is_ok(), "{image:?}");
}

#[test]
fn bytes_that_are_not_what_was_asked_for() {
    for (answer, is_digest) in [(Answer::Lie, true), (Answer::Longer, false)] {
        let server = Server::start();
        hello(&server);
        server.first("blobs/", &[answer]);
        let bench = Bench::new();
        let found = reason(obtain(&server.reference(":latest"), &bench.store()));
        let too_long = matches!(found, Reason::Fault(ImageFault::Registry(Fault::TooLong { .. })));
        assert_eq!(matches!(found, Reason::Digest { .. }), is_digest, "{found:?}");
        assert_eq!(too_long, !is_digest, "{found:?}");
        assert_eq!(bench.in_cache("hello.txt"), Vec::<std::path::PathBuf>::new());
        // Nothing wrong was kept.
        assert!(obtain(&server.reference(":latest"), &bench.store()).is_ok());
    }
}

#[test]
fn a_manifest_that_is_not_the_one_of_the_digest() {
    let server = Server::start();
    hello(&server);
    let wanted = Digest::of(b"another");
    server.serve_as(&wanted, Files::hello());
    let found = reason(obtain(&server.reference(&format!("@{wanted}")), &Bench::new().store()));
    assert!(matches!(found, Reason::Digest { .. }), "{found:?}");
}

#[test]
fn a_registry_that_is_away_is_an_error_though_the_image_is_cached() {
    let bench = Bench::new();
    let reference = {
        let server = Server::start();
        hello(&server);
        obtain(&server.reference(":latest"), &bench.store()).unwrap();
        server.reference(":latest")
    };
    let found = reason(obtain(&reference, &bench.store()));
    assert!(matches!(found, Reason::Fault(ImageFault::Registry(Fault::Unreachable { .. }))), "{found:?}");
}

#[test]
fn whoever_looks_on_sees_every_byte() {
    #[derive(Debug, Default)]
    struct Sum(std::cell::Cell<(u64, u64)>);
    impl Watch for Sum {
        fn begins(&self, _digest: &Digest, size: u64, there: u64) {
            let (wanted, passed) = self.0.get();
            self.0.set((wanted + size, passed + there));
        }
        fn passes(&self, bytes: u64) {
            let (wanted, passed) = self.0.get();
            self.0.set((wanted, passed + bytes));
        }
        fn ends(&self) {}
    }
    let server = Server::start();
    let digest = hello(&server);
    let watch = Rc::new(Sum::default());
    let bench = Bench::new();
    let store = bench.store();
    let found = super::find(&server.reference(":latest"), &store, Some(watch.clone())).unwrap();
    assert_eq!(found.digest, digest);
    let layers = found.parts.layers.iter().filter_map(|part| part.descriptor.as_ref());
    layers.for_each(|layer| drop(found.place.blob(layer).unwrap()));
    let (wanted, passed) = watch.0.get();
    assert_eq!(wanted, passed);
    assert!(wanted > 1_000);
}
