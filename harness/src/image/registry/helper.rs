//! Programs that keep credentials for docker: `docker-credential-NAME get` is given the registry on stdin, and prints
//! `{"ServerURL": ..., "Username": ..., "Secret": ...}`.
//!
//! One that knows nothing of the registry fails with [`UNKNOWN`]; other failures are told by the first line that it
//! has printed. What it prints when it succeeds is a secret, and is in no message.

use std::io::{self, Write};
use std::process::{Child, Command, Output, Stdio};

use super::super::error::Reason;
use super::super::json;
use super::Fault;
use super::credentials::Credentials;

/// The protocol's own words for it, on stdout.
const UNKNOWN: &str = "credentials not found in native keychain";
/// In place of a user's name: the secret is no password.
const IDENTITY: &str = "<token>";

/// What the program of this name knows of the host.
pub(super) fn ask(name: &str, host: &str) -> Result<Option<Credentials>, Reason> {
    let program = format!("docker-credential-{name}");
    let failed = |why: String| Fault::Helper { program: program.clone(), host: host.to_owned(), why }.into();
    // With a slash it would be a path, and not looked for where programs are.
    if name.contains('/') {
        return Err(failed("is no name of a program".to_owned()));
    }
    let output = run(&program, host).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => failed("is not installed".to_owned()),
        _ => failed(error.to_string()),
    })?;
    answer(&output).map_err(failed)
}

fn run(program: &str, host: &str) -> io::Result<Output> {
    let mut child = Command::new(program)
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let told = tell(&mut child, server(host));
    // Also where it could not be told: no process stays behind.
    let output = child.wait_with_output()?;
    told.map(|()| output)
}

/// The pipe is closed behind it.
fn tell(child: &mut Child, server: &str) -> io::Result<()> {
    let Some(mut stdin) = child.stdin.take() else { return Ok(()) };
    match stdin.write_all(server.as_bytes()) {
        // It answers, or fails, without having listened.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

/// What these programs call the host.
fn server(host: &str) -> &str {
    if host == "index.docker.io" { "https://index.docker.io/v1/" } else { host }
}

fn answer(output: &Output) -> Result<Option<Credentials>, String> {
    let stdout = String::from_utf8_lossy(&output.stdout);
    if output.status.success() {
        return credentials(&output.stdout)
            .ok_or_else(|| "prints something else than ServerURL, Username and Secret".to_owned());
    }
    if stdout.trim() == UNKNOWN {
        return Ok(None);
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    let said =
        [&stdout, &stderr].into_iter().flat_map(|text| text.lines()).find(|line| !line.trim().is_empty());
    Err(said.map_or_else(|| output.status.to_string(), |line| line.trim().to_owned()))
}

/// The outer none: it cannot be read. The inner one: there are none.
fn credentials(json: &[u8]) -> Option<Option<Credentials>> {
    let value: serde_json::Value = json::parse(json).ok()?;
    let word = |name: &str| value[name].as_str();
    let (user, secret) = (word("Username")?, word("Secret")?);
    Some(match user {
        IDENTITY => Some(Credentials::Identity(secret.to_owned())),
        // Some programs answer so where others fail.
        "" if secret.is_empty() => None,
        user => Some(Credentials::password(user, secret)),
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::ExitStatus;

    use super::*;

    fn said(code: i32, stdout: &str, stderr: &str) -> Result<Option<Credentials>, String> {
        let status = ExitStatus::from_raw(code << 8);
        answer(&Output { status, stdout: stdout.into(), stderr: stderr.into() })
    }

    #[test]
    fn every_answer() {
        let password = Credentials::password("u", "p");
        let identity = Credentials::Identity("t".to_owned());
        let full = r#"{"ServerURL": "h", "Username": "u", "Secret": "p"}"#;
        assert_eq!(said(0, full, "a warning"), Ok(Some(password)));
        assert_eq!(said(0, r#"{"Username": "<token>", "Secret": "t"}"#, ""), Ok(Some(identity)));
        assert_eq!(said(0, r#"{"Username": "", "Secret": ""}"#, ""), Ok(None));
        assert_eq!(said(1, "credentials not found in native keychain\n", ""), Ok(None));
    }

    #[test]
    fn failures_are_told_and_secrets_are_not() {
        let unreadable = Err("prints something else than ServerURL, Username and Secret".to_owned());
        for text in ["", "secret", "{}", r#"{"Username": "u", "Secret": 1}"#, r#"{"Secret": "p"}"#, UNKNOWN] {
            assert_eq!(said(0, text, ""), unreadable, "{text}");
        }
        assert_eq!(said(1, "\nlocked\nmore", "other"), Err("locked".to_owned()));
        assert_eq!(said(2, "", "\n  gpg: no agent\n"), Err("gpg: no agent".to_owned()));
        assert_eq!(said(3, "", ""), Err("exit status: 3".to_owned()));
    }

    #[test]
    fn a_path_is_no_name() {
        let found = ask("../../x", "h");
        let text = format!("{found:?}");
        assert!(found.is_err() && text.contains("is no name of a program"), "{text}");
        assert_eq!(server("index.docker.io"), "https://index.docker.io/v1/");
        assert_eq!(server("h:5000"), "h:5000");
    }
}
