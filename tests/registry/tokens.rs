//! A registry that believes tokens only, and the server that gives them.

use harness_tests::machine::Need;
use harness_tests::needs;

use crate::authority::Strangers;
use crate::puller::{Puller, credentials, who_knows_the_password_pulls};
use crate::relay::Relay;
use crate::server::{PASSWORD, Registry, Wants};

#[test]
fn with_a_password() {
    needs!(Need::Registry);
    let registry = Registry::start(Wants::Token(Strangers::Refused));
    let digest = registry.fill();
    let (host, reference) = (registry.host(), registry.reference(":v1"));
    who_knows_the_password_pulls(&host, &reference, &digest);
}

#[test]
fn who_is_refused_is_told_by_whom() {
    needs!(Need::Registry);
    for strangers in [Strangers::Refused, Strangers::GetNothing] {
        let registry = Registry::start(Wants::Token(strangers));
        registry.fill();
        let (host, reference) = (registry.host(), registry.reference(":v1"));
        for (variables, why) in [
            (&credentials(&host, "wrong")[..], "the password was refused"),
            (&credentials("example.com", PASSWORD)[..], "no password is known"),
            (&[], "no password is known"),
        ] {
            let text = Puller::new().refusal(&reference, variables);
            assert!(text.contains(why) && text.contains(&reference), "{strangers:?}: {text}");
            assert!(!text.contains(PASSWORD), "{text}");
        }
    }
}

#[test]
fn without_a_password() {
    needs!(Need::Registry);
    let registry = Registry::start(Wants::Token(Strangers::MayPull));
    let digest = registry.fill();
    let puller = Puller::new();
    assert_eq!(puller.digest(&registry.reference(":v1"), &[]), digest);
    puller.has_hello();
    // A wrong password is not forgotten about, though none would do.
    let text = Puller::new().refusal(&registry.reference(":v1"), &credentials(&registry.host(), "wrong"));
    assert!(text.contains("the password was refused"), "{text}");
}

#[test]
fn a_token_that_expires_is_fetched_anew() {
    needs!(Need::Registry);
    let registry = Registry::start(Wants::Token(Strangers::Refused));
    let digest = registry.fill();
    let authority = registry.authority();
    let relay = Relay::start(registry.host(), authority.expired());
    let host = relay.host();
    let before = authority.given();
    let puller = Puller::new();
    let reference = format!("oci://{host}/some/image:v1");
    assert_eq!(puller.digest(&reference, &credentials(&host, PASSWORD)), digest);
    puller.has_hello();
    assert_eq!(authority.given(), before + 2);
    // Where none expires, one is enough.
    assert_eq!(Puller::new().digest(&reference, &credentials(&host, PASSWORD)), digest);
    assert_eq!(authority.given(), before + 3);
}
