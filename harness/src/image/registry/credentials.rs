//! Who we are to a registry: `HARNESS_REGISTRY_USER` and `HARNESS_REGISTRY_PASSWORD` for the one host that
//! `HARNESS_REGISTRY` names, else what `docker login` has written.

use std::env;
use std::fs;
use std::io;
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::super::error::Reason;
use super::super::json;
use super::Fault;

/// A user and a password.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Credentials {
    user: String,
    password: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("user", &self.user).finish_non_exhaustive()
    }
}

const HOST: &str = "HARNESS_REGISTRY";
const USER: &str = "HARNESS_REGISTRY_USER";
const PASSWORD: &str = "HARNESS_REGISTRY_PASSWORD";

impl Credentials {
    /// What is sent.
    pub(super) fn basic(&self) -> String {
        format!("Basic {}", STANDARD.encode(format!("{}:{}", self.user, self.password)))
    }

    /// For this host; none if nothing is known.
    pub(super) fn of(host: &str) -> Result<Option<Self>, Reason> {
        match from_environment(host, |name| env::var(name).ok().filter(|value| !value.is_empty()))? {
            Some(credentials) => Ok(Some(credentials)),
            None => from_docker(host),
        }
    }
}

/// The host must be named: a password for one registry is not sent to another one.
fn from_environment(host: &str, get: impl Fn(&str) -> Option<String>) -> Result<Option<Credentials>, Reason> {
    match (get(HOST), get(USER), get(PASSWORD)) {
        (_, None, None) => Ok(None),
        (Some(named), Some(user), Some(password)) => {
            Ok((named == host).then_some(Credentials { user, password }))
        }
        (named, user, password) => {
            let missing = [(HOST, named), (USER, user), (PASSWORD, password)];
            let missing = missing.into_iter().find(|(_, value)| value.is_none());
            let accepted = "all three of HARNESS_REGISTRY (host[:port]), HARNESS_REGISTRY_USER and \
                            HARNESS_REGISTRY_PASSWORD, or none";
            let name = missing.map_or(HOST, |(name, _)| name);
            Err(Reason::Setting { name, given: String::new(), accepted })
        }
    }
}

fn from_docker(host: &str) -> Result<Option<Credentials>, Reason> {
    let Some(path) = configuration() else { return Ok(None) };
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Reason::io(&path, &error)),
    };
    in_configuration(host, &bytes).map_err(|()| Fault::Credentials(path).into())
}

fn configuration() -> Option<PathBuf> {
    let directory = env::var_os("DOCKER_CONFIG").filter(|path| !path.is_empty()).map(PathBuf::from);
    let home = || env::var_os("HOME").map(|home| PathBuf::from(home).join(".docker"));
    Some(directory.or_else(home)?.join("config.json"))
}

/// The entry for a host, which may be written with a scheme and a path.
fn in_configuration(host: &str, bytes: &[u8]) -> Result<Option<Credentials>, ()> {
    let value: Value = json::parse(bytes).map_err(drop)?;
    let Some(auths) = value.get("auths").and_then(|auths| auths.as_object()) else { return Ok(None) };
    let Some((_, entry)) = auths.iter().find(|(key, _)| host_of(key) == host) else { return Ok(None) };
    let word = |name: &str| match &entry[name] {
        Value::Null => Ok(None),
        text => text.as_str().map(|text| Some(text.to_owned())).ok_or(()),
    };
    if let Some(auth) = word("auth")?.filter(|auth| !auth.is_empty()) {
        let text =
            STANDARD.decode(auth).map_err(drop).and_then(|text| String::from_utf8(text).map_err(drop))?;
        let (user, password) = text.split_once(':').ok_or(())?;
        // Docker pads with NULs.
        let password = password.trim_end_matches('\0').to_owned();
        return Ok(Some(Credentials { user: user.to_owned(), password }));
    }
    // An empty entry stands for a program that keeps the password, which is not asked.
    Ok(word("username")?.zip(word("password")?).map(|(user, password)| Credentials { user, password }))
}

fn host_of(key: &str) -> &str {
    let rest = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")).unwrap_or(key);
    rest.split('/').next().unwrap_or(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials(user: &str, password: &str) -> Credentials {
        Credentials { user: user.to_owned(), password: password.to_owned() }
    }

    #[test]
    fn what_docker_login_writes() {
        let text = format!(
            r#"{{"auths": {{"h:5000": {{"auth": "{}"}}, "https://index.docker.io/v1/": {{"auth": "{}"}},
                "plain": {{"username": "u", "password": "p"}}, "kept": {{}}, "bad": {{"auth": "?"}}}}}}"#,
            STANDARD.encode("me:a:b"),
            STANDARD.encode("docker:d\0\0"),
        );
        let find = |host| in_configuration(host, text.as_bytes());
        assert_eq!(find("h:5000"), Ok(Some(credentials("me", "a:b"))));
        assert_eq!(find("index.docker.io"), Ok(Some(credentials("docker", "d"))));
        assert_eq!(find("plain"), Ok(Some(credentials("u", "p"))));
        assert_eq!(find("h"), Ok(None));
        assert_eq!(find("kept"), Ok(None));
        assert_eq!(find("bad"), Err(()));
        assert_eq!(in_configuration("h", b"{"), Err(()));
        assert_eq!(credentials("me", "a").basic(), "Basic bWU6YQ==");
    }

    #[test]
    fn a_password_goes_to_the_host_that_is_named() {
        let all = [(HOST, "h"), (USER, "u"), (PASSWORD, "p")];
        let given = |skip: usize| {
            move |name: &str| {
                let mut all = all.iter().enumerate().filter(move |(place, _)| *place != skip);
                all.find(|(_, (known, _))| *known == name).map(|(_, (_, value))| (*value).to_owned())
            }
        };
        assert_eq!(from_environment("h", given(3)), Ok(Some(credentials("u", "p"))));
        assert_eq!(from_environment("other", given(3)), Ok(None));
        assert_eq!(from_environment("h", |_| None), Ok(None));
        for (skip, (name, _)) in all.iter().enumerate() {
            let found = from_environment("h", given(skip));
            assert!(matches!(found, Err(Reason::Setting { .. })), "without {name}: {found:?}");
        }
    }
}
