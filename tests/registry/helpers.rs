//! Programs that keep credentials for docker: scripts of ours, in the path of the command.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use harness_tests::machine::Need;
use harness_tests::needs;
use serde_json::json;

use crate::authority::{IDENTITY, Strangers};
use crate::puller::Puller;
use crate::server::{PASSWORD, Registry, USER, Wants};

/// Puts `docker-credential-NAME` into a folder of the puller; the path that has it.
fn install(puller: &Puller, name: &str, script: &str) -> String {
    let programs = puller.path().join("bin");
    fs::create_dir_all(&programs).unwrap();
    let program = programs.join(format!("docker-credential-{name}"));
    fs::write(&program, format!("#!/bin/sh\n{script}")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    format!("{}:{}", programs.display(), std::env::var("PATH").unwrap())
}

/// Answers as the protocol has it, to whoever asks as it has it.
fn keeper(host: &str, user: &str, secret: &str) -> String {
    format!(
        r#"test "$*" = get && test "$(cat)" = "{host}" || {{ echo "asked for something else"; exit 1; }}
           echo '{{"ServerURL": "{host}", "Username": "{user}", "Secret": "{secret}"}}'"#
    )
}

const NOTHING: &str = "cat >/dev/null; echo credentials not found in native keychain; exit 1";

#[test]
fn what_a_helper_keeps_is_used() {
    needs!(Need::Registry);
    let registry = Registry::start(Wants::Password);
    let digest = registry.fill();
    let (host, reference) = (registry.host(), registry.reference(":v1"));
    for configuration in [
        json!({"credsStore": "test"}),
        json!({"credHelpers": {&host: "test"}}),
        // The one for the host goes before the one for all, and both before what is written.
        json!({"credHelpers": {&host: "test"}, "credsStore": "not-there",
               "auths": {&host: {"username": USER, "password": "wrong"}}}),
    ] {
        let puller = Puller::new();
        let path = install(&puller, "test", &keeper(&host, USER, PASSWORD));
        puller.configure(&configuration);
        assert_eq!(puller.digest(&reference, &[("PATH", &path)]), digest, "{configuration}");
        puller.has_hello();
    }
    let puller = Puller::new();
    let path = install(&puller, "test", &keeper(&host, USER, "wrong"));
    puller.configure(&json!({"credsStore": "test"}));
    let text = puller.refusal(&reference, &[("PATH", &path)]);
    assert!(text.contains("the password was refused") && text.contains(&reference), "{text}");
}

#[test]
fn a_helper_that_knows_nothing_leaves_it_to_what_else_is_known() {
    needs!(Need::Registry);
    let open = Registry::start(Wants::Token(Strangers::MayPull));
    let puller = Puller::new();
    let path = install(&puller, "test", NOTHING);
    puller.configure(&json!({"credsStore": "test"}));
    assert_eq!(open.fill(), puller.digest(&open.reference(":v1"), &[("PATH", &path)]));
    puller.has_hello();
    let shut = Registry::start(Wants::Password);
    let (digest, host, reference) = (shut.fill(), shut.host(), shut.reference(":v1"));
    let puller = Puller::new();
    let path = install(&puller, "test", NOTHING);
    puller.configure(&json!({"credsStore": "test"}));
    let text = puller.refusal(&reference, &[("PATH", &path)]);
    assert!(text.contains("no password is known"), "{text}");
    let written = json!({"username": USER, "password": PASSWORD});
    puller.configure(&json!({"credsStore": "test", "auths": {&host: written}}));
    assert_eq!(puller.digest(&reference, &[("PATH", &path)]), digest);
}

#[test]
fn a_helper_that_fails_is_named() {
    needs!(Need::Registry);
    let registry = Registry::start(Wants::Token(Strangers::MayPull));
    registry.fill();
    let (host, reference) = (registry.host(), registry.reference(":v1"));
    for (script, why) in [
        (Some("echo the keychain is locked; exit 1"), "the keychain is locked"),
        (Some("echo no agent >&2; exit 2"), "no agent"),
        (Some("echo secret-password"), "prints something else than ServerURL, Username and Secret"),
        (None, "is not installed"),
    ] {
        let puller = Puller::new();
        let path =
            script.map_or_else(|| std::env::var("PATH").unwrap(), |script| install(&puller, "test", script));
        puller.configure(&json!({"credHelpers": {&host: "test"}}));
        let text = puller.refusal(&reference, &[("PATH", &path)]);
        let wanted = format!("`docker-credential-test get` for {host}: {why}");
        assert!(text.contains(&wanted) && text.contains(&reference), "{text}");
        assert!(!text.contains("secret-password"), "{text}");
    }
}

#[test]
fn an_identity_is_shown_to_the_server_of_tokens() {
    needs!(Need::Registry);
    let registry = Registry::start(Wants::Token(Strangers::Refused));
    let digest = registry.fill();
    let (host, reference) = (registry.host(), registry.reference(":v1"));
    let puller = Puller::new();
    let path = install(&puller, "test", &keeper(&host, "<token>", IDENTITY));
    puller.configure(&json!({"credHelpers": {&host: "test"}}));
    assert_eq!(puller.digest(&reference, &[("PATH", &path)]), digest);
    puller.has_hello();
    // As docker login writes it where no helper is asked.
    let puller = Puller::new();
    puller.configure(&json!({"auths": {&host: {"auth": "", "identitytoken": IDENTITY}}}));
    assert_eq!(puller.digest(&reference, &[]), digest);
    let puller = Puller::new();
    puller.configure(&json!({"auths": {&host: {"auth": "", "identitytoken": "another"}}}));
    let text = puller.refusal(&reference, &[]);
    assert!(text.contains("the password was refused") && !text.contains("another"), "{text}");
}
