//! Images from a real registry (Debian's docker-registry), filled by skopeo: `harness pull` with and without
//! passwords and TLS, and what is in the cache afterwards.

#![cfg(test)]

mod image;
mod server;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use harness_tests::build;
use harness_tests::machine::Need;
use harness_tests::needs;
use server::{PASSWORD, Registry, USER, Wants};

/// A cache of our own, and the command that pulls into it.
struct Puller {
    directory: tempfile::TempDir,
}

impl Puller {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    fn cache(&self) -> PathBuf {
        self.directory.path().join("cache")
    }

    /// Pulls with these variables and no others of this kind.
    fn pull(&self, reference: &str, variables: &[(&str, &str)]) -> Output {
        let mut command = Command::new(build::tool());
        command.args(["pull", reference, "--cache"]).arg(self.cache());
        for name in
            ["HARNESS_REGISTRY", "HARNESS_REGISTRY_USER", "HARNESS_REGISTRY_PASSWORD", "HARNESS_OFFLINE"]
        {
            command.env_remove(name);
        }
        // No account of whoever runs the tests.
        command.env("DOCKER_CONFIG", self.directory.path());
        command.envs(variables.iter().copied()).output().unwrap()
    }

    fn digest(&self, reference: &str, variables: &[(&str, &str)]) -> String {
        let output = self.pull(reference, variables);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn refusal(&self, reference: &str, variables: &[(&str, &str)]) -> String {
        let output = self.pull(reference, variables);
        assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stdout));
        assert_eq!(find(&self.cache(), "hello.txt"), Vec::<PathBuf>::new());
        String::from_utf8(output.stderr).unwrap()
    }

    fn has_hello(&self) {
        let found = find(&self.cache(), "hello.txt");
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(std::fs::read_to_string(&found[0]).unwrap(), "hello");
    }
}

fn find(directory: &Path, name: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        if entry.file_name() == name {
            found.push(entry.path());
        }
        if entry.file_type().unwrap().is_dir() {
            found.extend(find(&entry.path(), name));
        }
    }
    found
}

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
    let with = |host, password| {
        [("HARNESS_REGISTRY", host), ("HARNESS_REGISTRY_USER", USER), ("HARNESS_REGISTRY_PASSWORD", password)]
    };
    let host = registry.host();
    for (variables, why) in [
        (&[][..], "no password is known"),
        (&with(&host, "wrong")[..], "the password was refused"),
        // Not sent to another host than its own.
        (&with("example.com", PASSWORD)[..], "no password is known"),
        (&with(&host, PASSWORD)[1..], "HARNESS_REGISTRY"),
    ] {
        let text = Puller::new().refusal(&reference, variables);
        assert!(text.contains(why), "{text}");
        assert!(!text.contains(PASSWORD), "{text}");
    }
    let puller = Puller::new();
    assert_eq!(puller.digest(&reference, &with(&host, PASSWORD)), digest);
    puller.has_hello();
    // As `docker login` writes it.
    let puller = Puller::new();
    let auths = serde_json::json!({"auths": {&host: {"username": USER, "password": PASSWORD}}});
    std::fs::write(puller.directory.path().join("config.json"), auths.to_string()).unwrap();
    assert_eq!(puller.digest(&reference, &[]), digest);
    puller.has_hello();
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
