//! docker-registry on a port of the loopback, which ends with the test.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::authority::{Authority, ISSUER, SERVICE, Strangers};
use crate::image;

pub(crate) const USER: &str = "tester";
pub(crate) const PASSWORD: &str = "secret-of-the-test";

/// What the registry wants of who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wants {
    Nothing,
    Password,
    /// Of an authority that treats strangers so.
    Token(Strangers),
    Tls,
}

pub(crate) struct Registry {
    child: Child,
    port: u16,
    directory: tempfile::TempDir,
    wants: Wants,
    authority: Option<Authority>,
}

impl Drop for Registry {
    fn drop(&mut self) {
        // Also when the test panics. It may have ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Registry {
    pub(crate) fn start(wants: Wants) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let authority = match wants {
            Wants::Token(strangers) => Some(Authority::start(strangers)),
            Wants::Nothing | Wants::Password | Wants::Tls => None,
        };
        let settings = settings(directory.path(), wants, authority.as_ref());
        // A port may be taken between our choice and its use.
        for _ in 0..10 {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            if let Some(child) = serve(directory.path(), port, &settings) {
                return Self { child, port, directory, wants, authority };
            }
        }
        panic!("docker-registry does not start");
    }

    pub(crate) fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub(crate) fn reference(&self, rest: &str) -> String {
        format!("oci://{}/some/image{rest}", self.host())
    }

    /// The authority that has signed the registry's certificate: itself.
    pub(crate) fn certificate(&self) -> PathBuf {
        self.directory.path().join("certificate")
    }

    /// Who gives tokens for it.
    pub(crate) fn authority(&self) -> &Authority {
        self.authority.as_ref().expect("a registry that wants tokens")
    }

    /// Puts an image there by skopeo; its digest.
    pub(crate) fn fill(&self) -> String {
        let layout = self.directory.path().join("layout");
        let digest = self.directory.path().join("digest");
        image::write(&layout);
        let mut skopeo = Command::new("skopeo");
        skopeo.args(["--insecure-policy", "copy", "--dest-tls-verify=false"]);
        if matches!(self.wants, Wants::Password | Wants::Token(_)) {
            skopeo.arg(format!("--dest-creds={USER}:{PASSWORD}"));
        }
        // skopeo writes the manifest anew.
        skopeo.arg("--digestfile").arg(&digest).arg(format!("oci:{}", layout.display()));
        let output = skopeo.arg(format!("docker://{}/some/image:v1", self.host())).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        fs::read_to_string(digest).unwrap().trim().to_owned()
    }
}

/// Starts it, and waits until it says that it listens; none if it ends before.
fn serve(directory: &Path, port: u16, settings: &str) -> Option<Child> {
    let configuration = directory.join("config.yml");
    let storage = directory.join("storage");
    let text = format!(
        "version: 0.1\nlog:\n  level: info\nstorage:\n  filesystem:\n    rootdirectory: {}\n\
         http:\n  addr: 127.0.0.1:{port}\n{settings}",
        storage.display()
    );
    fs::write(&configuration, text).unwrap();
    // It dies with the test, too, when the test is killed.
    let mut child = Command::new("setpriv")
        .args(["--pdeathsig", "KILL", "docker-registry", "serve"])
        .arg(configuration)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    if lines.any(|line| line.contains("listening on")) {
        // It writes a line for each request: somebody must read them.
        std::thread::spawn(move || lines.for_each(drop));
        return Some(child);
    }
    child.wait().unwrap();
    None
}

/// What follows on `http:`.
fn settings(directory: &Path, wants: Wants, authority: Option<&Authority>) -> String {
    let path = directory.display();
    match wants {
        Wants::Nothing => String::new(),
        Wants::Tls => {
            certify(directory);
            format!("  tls:\n    certificate: {path}/certificate\n    key: {path}/key\n")
        }
        Wants::Password => {
            let line = Command::new("htpasswd").args(["-nbB", USER, PASSWORD]).output().unwrap();
            fs::write(directory.join("htpasswd"), line.stdout).unwrap();
            format!("auth:\n  htpasswd:\n    realm: test\n    path: {path}/htpasswd\n")
        }
        Wants::Token(_) => {
            let authority = authority.expect("who gives tokens");
            format!(
                "auth:\n  token:\n    realm: {}\n    service: {SERVICE}\n    issuer: {ISSUER}\n    \
                 rootcertbundle: {}\n",
                authority.realm(),
                authority.certificate().display()
            )
        }
    }
}

/// A key and its certificate, signed by itself.
pub(crate) fn certify(directory: &Path) {
    let output = Command::new("openssl")
        .current_dir(directory)
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .args(["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "key", "-out", "certificate"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
