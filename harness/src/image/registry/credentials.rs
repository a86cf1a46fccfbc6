//! Who we are to a registry: `HARNESS_REGISTRY_USER` and `HARNESS_REGISTRY_PASSWORD` for the one host that
//! `HARNESS_REGISTRY` names, else what `docker login` has written or given to a program to keep.

use std::env;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::super::error::Reason;
use super::{login, reference};

/// What is shown to a registry, or to the server that gives tokens for it.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Credentials {
    Password {
        user: String,
        password: String,
    },
    /// What a token server gives tokens for in place of a password; a registry itself does not take it.
    Identity(String),
}

/// Nothing of a secret.
impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Password { user, .. } => {
                f.debug_struct("Password").field("user", user).finish_non_exhaustive()
            }
            Self::Identity(_) => f.debug_struct("Identity").finish_non_exhaustive(),
        }
    }
}

const HOST: &str = "HARNESS_REGISTRY";
const USER: &str = "HARNESS_REGISTRY_USER";
const PASSWORD: &str = "HARNESS_REGISTRY_PASSWORD";

impl Credentials {
    pub(super) fn password(user: &str, password: &str) -> Self {
        Self::Password { user: user.to_owned(), password: password.to_owned() }
    }

    /// What is sent where a password is asked for.
    pub(super) fn basic(&self) -> Option<String> {
        match self {
            Self::Password { user, password } => {
                Some(format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))))
            }
            Self::Identity(_) => None,
        }
    }

    /// For this host; none if nothing is known.
    pub(super) fn of(host: &str) -> Result<Option<Self>, Reason> {
        match from_environment(host, |name| env::var(name).ok().filter(|value| !value.is_empty()))? {
            Some(credentials) => Ok(Some(credentials)),
            None => login::of(host),
        }
    }
}

/// The host must be named: a password for one registry is not sent to another one.
fn from_environment(host: &str, get: impl Fn(&str) -> Option<String>) -> Result<Option<Credentials>, Reason> {
    match (get(HOST), get(USER), get(PASSWORD)) {
        (_, None, None) => Ok(None),
        (Some(named), Some(user), Some(password)) => {
            // Docker's own registry has two names, and another one in its configuration.
            let is_named = reference::account_of(&named) == host;
            Ok(is_named.then_some(Credentials::Password { user, password }))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_sent_and_not_shown() {
        let password = Credentials::password("me", "a");
        assert_eq!(password.basic().as_deref(), Some("Basic bWU6YQ=="));
        assert_eq!(Credentials::Identity("a".to_owned()).basic(), None);
        assert_eq!(format!("{password:?}"), "Password { user: \"me\", .. }");
        assert_eq!(format!("{:?}", Credentials::Identity("a".to_owned())), "Identity { .. }");
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
        assert_eq!(from_environment("h", given(3)), Ok(Some(Credentials::password("u", "p"))));
        assert_eq!(from_environment("other", given(3)), Ok(None));
        let docker = |name: &str| if name == HOST { Some("docker.io".to_owned()) } else { given(3)(name) };
        assert_eq!(from_environment("index.docker.io", docker), Ok(Some(Credentials::password("u", "p"))));
        assert_eq!(from_environment("h", |_| None), Ok(None));
        for (skip, (name, _)) in all.iter().enumerate() {
            let found = from_environment("h", given(skip));
            assert!(matches!(found, Err(Reason::Setting { .. })), "without {name}: {found:?}");
        }
    }
}
