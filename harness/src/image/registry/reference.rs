//! `oci://host[:port]/repository[:tag][@sha256:...]`.

use std::net::IpAddr;

use super::super::digest::Digest;
use super::super::error::Reason;
use super::Fault;

/// An image of a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reference {
    /// With its port, if one was given.
    pub(crate) host: String,
    pub(crate) repository: String,
    pub(crate) tag: Option<String>,
    /// Where there is one, the tag says nothing more.
    pub(crate) digest: Option<Digest>,
}

const SCHEME: &str = "oci://";
const DOCKER: [&str; 2] = ["docker.io", "index.docker.io"];

impl Reference {
    pub(crate) fn parse(text: &str) -> Result<Self, Reason> {
        let bad = || Reason::from(Fault::Reference(text.to_owned()));
        let rest = text.strip_prefix(SCHEME).ok_or_else(bad)?;
        let (host, rest) = rest.split_once('/').ok_or_else(bad)?;
        let (name, digest) = match rest.split_once('@') {
            Some((name, digest)) => (name, Some(digest.parse()?)),
            None => (rest, None),
        };
        let (repository, tag) = name.split_once(':').map_or((name, None), |(name, tag)| (name, Some(tag)));
        if !is_host(host) || !is_repository(repository) || !tag.is_none_or(is_tag) {
            return Err(bad());
        }
        let repository = match repository {
            name if DOCKER.contains(&host) && !name.contains('/') => format!("library/{name}"),
            name => name.to_owned(),
        };
        Ok(Self { host: host.to_owned(), repository, tag: tag.map(str::to_owned), digest })
    }

    /// The tag that is asked for where there is no digest.
    pub(crate) fn tag(&self) -> &str {
        self.tag.as_deref().unwrap_or("latest")
    }

    /// The host that answers.
    pub(crate) fn server(&self) -> &str {
        if DOCKER.contains(&self.host.as_str()) { "registry-1.docker.io" } else { &self.host }
    }

    /// What docker's configuration calls the host.
    pub(crate) fn account(&self) -> &str {
        account_of(&self.host)
    }
}

/// What docker's configuration calls a host.
pub(super) fn account_of(host: &str) -> &str {
    if DOCKER.contains(&host) { "index.docker.io" } else { host }
}

/// Whether nobody else than this machine hears what is sent to the host: then it need not be secret.
pub(crate) fn is_loopback(host: &str) -> bool {
    let name = without_port(host);
    let address: Option<IpAddr> = name.trim_matches(['[', ']']).parse().ok();
    name == "localhost" || address.is_some_and(|address| address.is_loopback())
}

fn without_port(host: &str) -> &str {
    if host.starts_with('[') {
        return host.split_inclusive(']').next().unwrap_or(host);
    }
    host.split(':').next().unwrap_or(host)
}

/// Whether it is `name`, `name:port` or `[v6]:port`, and nothing else: no user in front of it.
pub(super) fn is_host(host: &str) -> bool {
    let name = without_port(host);
    let port = &host[name.len()..];
    let is_port = port.is_empty() || port.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok());
    let is_v6 = || {
        let inner = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
        inner.is_some_and(|inner| inner.parse::<std::net::Ipv6Addr>().is_ok())
    };
    let plain = |name: &str| {
        name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte))
            && name.starts_with(|first: char| first.is_ascii_alphanumeric())
    };
    is_port && if name.starts_with('[') { is_v6() } else { plain(name) }
}

fn is_repository(name: &str) -> bool {
    let is_part = |part: &str| {
        let ends =
            |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        ends(part.bytes().next())
            && ends(part.bytes().last())
            && part.bytes().all(|byte| ends(Some(byte)) || b"._-".contains(&byte))
    };
    name.len() <= 255 && name.split('/').all(is_part)
}

fn is_tag(tag: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    (1..=128).contains(&tag.len())
        && tag.bytes().next().is_some_and(is_word)
        && tag.bytes().all(|byte| is_word(byte) || b".-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form() {
        let digest = Digest::of(b"");
        let cases = [
            ("oci://localhost:5000/a", "localhost:5000", "a", None, None),
            ("oci://ghcr.io/a/b_c.d-e:v1.0", "ghcr.io", "a/b_c.d-e", Some("v1.0"), None),
            ("oci://[::1]:5000/a:b", "[::1]:5000", "a", Some("b"), None),
            (&format!("oci://h/a@{digest}"), "h", "a", None, Some(digest)),
            (&format!("oci://h/a:b@{digest}"), "h", "a", Some("b"), Some(digest)),
            ("oci://docker.io/debian:12", "docker.io", "library/debian", Some("12"), None),
            ("oci://docker.io/me/debian", "docker.io", "me/debian", None, None),
        ];
        for (text, host, repository, tag, digest) in cases {
            let (host, repository) = (host.to_owned(), repository.to_owned());
            let wanted = Reference { host, repository, tag: tag.map(str::to_owned), digest };
            assert_eq!(Reference::parse(text), Ok(wanted), "{text}");
        }
        let docker = Reference::parse("oci://docker.io/debian").unwrap();
        assert_eq!(
            (docker.server(), docker.account(), docker.tag()),
            ("registry-1.docker.io", "index.docker.io", "latest")
        );
    }

    #[test]
    fn anything_else_is_refused() {
        let long = format!("oci://h/a:{}", "t".repeat(129));
        for text in [
            "h/a",
            "oci://",
            "oci://h",
            "oci://h/",
            "oci:///a",
            "oci://h/A",
            "oci://h/a//b",
            "oci://h/../b",
            "oci://h/a:",
            "oci://h/a:b:c",
            "oci://h/a:.b",
            "oci://h:x/a",
            "oci://h:99999/a",
            "oci://u:p@h/a",
            "oci://h/a@sha512:00",
            "oci://h/a@sha256:00",
            "oci://h/a?b",
            "oci://h/a#b",
            "oci://-h/a",
            "oci://h/-a",
            "oci://[::1/a",
            "oci://h/a b",
            &long,
        ] {
            assert!(Reference::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn who_hears_it() {
        for host in ["localhost", "localhost:5000", "127.0.0.1:1", "127.9.9.9", "[::1]:5000"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["localhost.example.com", "10.0.0.1:5000", "127.0.0.1.example.com", "[::2]", "0.0.0.0"] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
