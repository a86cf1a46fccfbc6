//! What `docker login` has written to `config.json`: the credentials themselves, or the name of a program that keeps
//! them (helper.rs).
//!
//! As for docker, a program for the one host (`credHelpers`) goes before the one for all of them (`credsStore`), and
//! both before what stands in the file; that counts where they know nothing.

use std::env;
use std::fs;
use std::io;
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::super::error::Reason;
use super::super::json;
use super::credentials::Credentials;
use super::{Fault, helper};

/// For this host; none if nothing is known.
pub(super) fn of(host: &str) -> Result<Option<Credentials>, Reason> {
    let Some(path) = configuration() else { return Ok(None) };
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Reason::io(&path, &error)),
    };
    let known = read(host, &bytes).map_err(|()| Reason::from(Fault::Credentials(path)))?;
    let kept = known.helper.map(|name| helper::ask(&name, host)).transpose()?;
    Ok(kept.flatten().or(known.written))
}

fn configuration() -> Option<PathBuf> {
    let directory = env::var_os("DOCKER_CONFIG").filter(|path| !path.is_empty()).map(PathBuf::from);
    let home = || env::var_os("HOME").map(|home| PathBuf::from(home).join(".docker"));
    Some(directory.or_else(home)?.join("config.json"))
}

/// What the file says about a host.
#[derive(Debug, PartialEq, Eq)]
struct Known {
    /// The program to ask, without `docker-credential-`.
    helper: Option<String>,
    written: Option<Credentials>,
}

fn read(host: &str, bytes: &[u8]) -> Result<Known, ()> {
    let value: Value = json::parse(bytes).map_err(drop)?;
    let helper = match entry(&value, "credHelpers", host) {
        Some(name) => Some(name.as_str().ok_or(())?.to_owned()),
        None => word(&value, "credsStore")?,
    };
    let written = entry(&value, "auths", host).map(written).transpose()?.flatten();
    // Empty is docker's word for none, for this host.
    Ok(Known { helper: helper.filter(|name| !name.is_empty()), written })
}

/// A text; absent is none.
fn word(value: &Value, name: &str) -> Result<Option<String>, ()> {
    match &value[name] {
        Value::Null => Ok(None),
        text => text.as_str().map(|text| Some(text.to_owned())).ok_or(()),
    }
}

/// The entry for a host, which may be written with a scheme and a path.
fn entry<'a>(value: &'a Value, table: &str, host: &str) -> Option<&'a Value> {
    let (_, entry) = value.get(table)?.as_object()?.iter().find(|(key, _)| host_of(key) == host)?;
    Some(entry)
}

fn host_of(key: &str) -> &str {
    let rest = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")).unwrap_or(key);
    rest.split('/').next().unwrap_or(rest)
}

fn written(entry: &Value) -> Result<Option<Credentials>, ()> {
    let word = |name: &str| Ok(word(entry, name)?.filter(|word| !word.is_empty()));
    if let Some(token) = word("identitytoken")? {
        return Ok(Some(Credentials::Identity(token)));
    }
    if let Some(auth) = word("auth")? {
        let text =
            STANDARD.decode(auth).map_err(drop).and_then(|text| String::from_utf8(text).map_err(drop))?;
        let (user, password) = text.split_once(':').ok_or(())?;
        // Docker pads with NULs.
        return Ok(Some(Credentials::password(user, password.trim_end_matches('\0'))));
    }
    // An empty entry tells only that a program keeps the password.
    Ok(word("username")?
        .zip(word("password")?)
        .map(|(user, password)| Credentials::Password { user, password }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials(user: &str, password: &str) -> Option<Credentials> {
        Some(Credentials::password(user, password))
    }

    #[test]
    fn what_docker_login_writes() {
        let text = format!(
            r#"{{"auths": {{"h:5000": {{"auth": "{}"}}, "https://index.docker.io/v1/": {{"auth": "{}"}},
                "token": {{"auth": "{}", "identitytoken": "t"}},
                "plain": {{"username": "u", "password": "p"}}, "kept": {{}}, "bad": {{"auth": "?"}}}}}}"#,
            STANDARD.encode("me:a:b"),
            STANDARD.encode("docker:d\0\0"),
            STANDARD.encode("0000:"),
        );
        let find = |host| read(host, text.as_bytes()).map(|known| known.written);
        assert_eq!(find("h:5000"), Ok(credentials("me", "a:b")));
        assert_eq!(find("index.docker.io"), Ok(credentials("docker", "d")));
        assert_eq!(find("plain"), Ok(credentials("u", "p")));
        assert_eq!(find("token"), Ok(Some(Credentials::Identity("t".to_owned()))));
        assert_eq!(find("h"), Ok(None));
        assert_eq!(find("kept"), Ok(None));
        assert_eq!(find("bad"), Err(()));
        assert_eq!(read("h", b"{"), Err(()));
    }

    #[test]
    fn the_program_that_is_asked() {
        let text = br#"{"credsStore": "all", "credHelpers": {"https://h:5000": "one", "none": "", "bad": 1},
            "auths": {"h:5000": {"username": "u", "password": "p"}}}"#;
        let helper = |host, text| read(host, text).map(|known| known.helper);
        let name = |name: &str| Ok(Some(name.to_owned()));
        assert_eq!(
            read("h:5000", text),
            Ok(Known { helper: Some("one".to_owned()), written: credentials("u", "p") })
        );
        assert_eq!(helper("other", text), name("all"));
        assert_eq!(helper("none", text), Ok(None));
        assert_eq!(helper("bad", text), Err(()));
        assert_eq!(helper("h", br#"{"credsStore": ""}"#), Ok(None));
        assert_eq!(helper("h", br#"{"credsStore": 1}"#), Err(()));
        assert_eq!(helper("h", b"{}"), Ok(None));
    }
}
