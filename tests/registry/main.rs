//! Images from a real registry (Debian's docker-registry), filled by skopeo: `harness pull` with and without
//! passwords, tokens and TLS, and what is in the cache afterwards.

#![cfg(test)]

mod authority;
mod full;
mod helpers;
mod image;
mod processes;
mod puller;
mod relay;
mod server;
mod slow;
mod tokens;

use harness_tests::machine::Need;
use harness_tests::needs;
use puller::{Puller, credentials, who_knows_the_password_pulls};
use server::{PASSWORD, Registry, Wants};

#[test]
fn without_a_password() {
    needs!(Need::Registry);
    let registry = Registry::start(Wants::Nothing);
    let digest = registry.fill();
    let puller = Puller::new();
    assert_eq!(puller.digest(&registry.reference(":v1"), &[]), digest);
    puller.has_hello();
    assert_eq!(puller.digest(&registry.reference(&format!("@{digest}")), &[]), digest);
    let other = Puller::new();
    assert_eq!(other.digest(&registry.reference(&format!("@{digest}")), &[]), digest);
    other.has_hello();
    let text = Puller::new().refusal(&registry.reference(":none"), &[]);
    assert!(text.contains("there is no such image (404)"), "{text}");
}

#[test]
fn with_a_password() {
    needs!(Need::Registry);
    let registry = Registry::start(Wants::Password);
    let digest = registry.fill();
    let reference = registry.reference(":v1");
    let host = registry.host();
    for (variables, why) in [
        (&[][..], "no password is known"),
        (&credentials(&host, "wrong")[..], "the password was refused"),
        // Not sent to another host than its own.
        (&credentials("example.com", PASSWORD)[..], "no password is known"),
        (&credentials(&host, PASSWORD)[1..], "HARNESS_REGISTRY"),
    ] {
        let text = Puller::new().refusal(&reference, variables);
        assert!(text.contains(why), "{text}");
        assert!(!text.contains(PASSWORD), "{text}");
    }
    who_knows_the_password_pulls(&host, &reference, &digest);
}

#[test]
fn with_tls() {
    needs!(Need::Registry);
    let registry = Registry::start(Wants::Tls);
    let digest = registry.fill();
    let certificate = registry.certificate();
    let puller = Puller::new();
    let reference = registry.reference(":v1");
    assert_eq!(puller.digest(&reference, &[("SSL_CERT_FILE", certificate.to_str().unwrap())]), digest);
    puller.has_hello();
    let text = Puller::new().refusal(&reference, &[]);
    assert!(text.contains("certificate"), "{text}");
}

#[test]
fn a_registry_that_is_away() {
    needs!(Need::Registry);
    let registry = Registry::start(Wants::Nothing);
    let digest = registry.fill();
    let (by_tag, by_digest) = (registry.reference(":v1"), registry.reference(&format!("@{digest}")));
    let puller = Puller::new();
    let offline = [("HARNESS_OFFLINE", "1")];
    assert_eq!(puller.digest(&by_tag, &[]), digest);
    drop(registry);
    assert_eq!(puller.digest(&by_digest, &[]), digest);
    assert_eq!(puller.digest(&by_tag, &offline), digest);
    let output = puller.pull(&by_tag, &[]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("remedy: HARNESS_OFFLINE=1"), "{text}");
    let text = Puller::new().refusal(&by_tag, &offline);
    assert!(text.contains("is not in the cache"), "{text}");
}
