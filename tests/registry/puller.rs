//! A cache of our own, and the command that pulls into it.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use harness_tests::build;
use serde_json::{Value, json};

use crate::server::{PASSWORD, USER};

pub(crate) struct Puller {
    directory: tempfile::TempDir,
}

/// Who we are to this host, by variables.
pub(crate) fn credentials<'a>(host: &'a str, password: &'a str) -> [(&'static str, &'a str); 3] {
    [("HARNESS_REGISTRY", host), ("HARNESS_REGISTRY_USER", USER), ("HARNESS_REGISTRY_PASSWORD", password)]
}

/// From the variables, and from where `docker login` writes it.
#[track_caller]
pub(crate) fn who_knows_the_password_pulls(host: &str, reference: &str, digest: &str) {
    let told = Puller::new();
    assert_eq!(told.digest(reference, &credentials(host, PASSWORD)), digest);
    told.has_hello();
    let logged_in = Puller::new();
    logged_in.configure(&json!({"auths": {host: {"username": USER, "password": PASSWORD}}}));
    assert_eq!(logged_in.digest(reference, &[]), digest);
    logged_in.has_hello();
}

impl Puller {
    pub(crate) fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    /// For what belongs to this puller.
    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn cache(&self) -> PathBuf {
        self.directory.path().join("cache")
    }

    /// Writes what docker would write.
    pub(crate) fn configure(&self, configuration: &Value) {
        fs::write(self.directory.path().join("config.json"), configuration.to_string()).unwrap();
    }

    /// The command, with these variables and no others of this kind.
    pub(crate) fn command(&self, reference: &str, variables: &[(&str, &str)]) -> Command {
        let mut command = Command::new(build::tool());
        build::clean(&mut command);
        command.args(["pull", reference, "--cache"]).arg(self.cache());
        // No account of whoever runs the tests.
        command.env("DOCKER_CONFIG", self.directory.path());
        command.envs(variables.iter().copied());
        command
    }

    /// Starts a process that pulls.
    pub(crate) fn start(&self, reference: &str) -> Running {
        let mut command = self.command(reference, &[]);
        Running(Some(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()))
    }

    pub(crate) fn pull(&self, reference: &str, variables: &[(&str, &str)]) -> Output {
        self.command(reference, variables).output().unwrap()
    }

    pub(crate) fn digest(&self, reference: &str, variables: &[(&str, &str)]) -> String {
        let output = self.pull(reference, variables);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// The one line of a pull that fails and leaves no layer.
    pub(crate) fn refusal(&self, reference: &str, variables: &[(&str, &str)]) -> String {
        let output = self.pull(reference, variables);
        assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stdout));
        assert_eq!(find(&self.cache(), "hello.txt"), Vec::<PathBuf>::new());
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(text.lines().count(), 1, "{text}");
        text
    }

    pub(crate) fn has_hello(&self) {
        let found = find(&self.cache(), "hello.txt");
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(fs::read_to_string(&found[0]).unwrap(), "hello");
    }
}

/// A process that pulls; it does not outlive its test.
pub(crate) struct Running(Option<Child>);

impl Running {
    pub(crate) fn finish(mut self) -> Output {
        self.0.take().unwrap().wait_with_output().unwrap()
    }

    /// By SIGKILL: it can do nothing any more. It must have been at work.
    pub(crate) fn kill(mut self) {
        let mut child = self.0.take().unwrap();
        child.kill().unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(9));
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            // The test has failed; the process may have ended by itself.
            drop(child.kill());
            drop(child.wait());
        }
    }
}

/// Every file of this name.
pub(crate) fn find(directory: &Path, name: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        if entry.file_name() == name {
            found.push(entry.path());
        }
        if entry.file_type().unwrap().is_dir() {
            found.extend(find(&entry.path(), name));
        }
    }
    found
}
