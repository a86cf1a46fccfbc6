//! What goes wrong between us and a registry, and what to do about it.

use super::words;
use crate::image::registry::Fault;

pub(super) fn fault(fault: &Fault) -> String {
    match fault {
        Fault::Reference(_) => {
            "is no reference; accepted: oci://HOST[:PORT]/REPOSITORY[:TAG][@sha256:DIGEST]".to_owned()
        }
        Fault::Offline => "is not in the cache, and HARNESS_OFFLINE=1 lets nothing be fetched; remedy: \
                           `harness pull` while there is a network"
            .to_owned(),
        Fault::Unreachable { url, why } => format!(
            "GET {}: {}; remedy: HARNESS_OFFLINE=1 takes what was fetched before",
            words::shown(url),
            words::shown(why)
        ),
        Fault::NotFound(url) => format!("GET {}: there is no such image (404)", words::shown(url)),
        Fault::Status { url, status, message } => {
            format!("GET {}: status {status} {}", words::shown(url), words::shown(message))
        }
        Fault::Unauthorized { url, with_password } => unauthorized(url, *with_password),
        Fault::Challenge(url) => {
            format!("GET {}: asks for an authentication that is neither Basic nor Bearer", words::shown(url))
        }
        Fault::Token(realm) => format!("{} gives no token", words::shown(realm)),
        Fault::PlainHttp(realm) => {
            format!("wants a token from {}, which is not https: anybody could listen", words::shown(realm))
        }
        Fault::Credentials(path) => {
            format!("{} is no configuration as docker writes it", words::shown(&path.to_string_lossy()))
        }
        Fault::Helper { program, host, why } => format!(
            "`{} get` for {}: {}; remedy: install or unlock it, or take it out of credHelpers and credsStore in docker's \
             config.json",
            words::shown(program),
            words::shown(host),
            words::shown(why)
        ),
        Fault::TooLong { url, limit } => {
            format!("GET {}: more than the {} that there should be", words::shown(url), words::size(*limit))
        }
    }
}

fn unauthorized(url: &str, with_password: bool) -> String {
    let found = if with_password { "the password was refused" } else { "no password is known" };
    format!(
        "GET {}: not allowed, {found}; remedy: `docker login`, or HARNESS_REGISTRY=HOST with HARNESS_REGISTRY_USER and \
         HARNESS_REGISTRY_PASSWORD",
        words::shown(url)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault() {
        let url = || "https://h/v2/a/manifests/b".to_owned();
        let faults = [
            Fault::Reference("h/a".to_owned()),
            Fault::Offline,
            Fault::Unreachable { url: url(), why: "Connection refused (os error 111)".to_owned() },
            Fault::NotFound(url()),
            Fault::Status { url: url(), status: 503, message: "over\x1b[31mloaded".to_owned() },
            Fault::Unauthorized { url: url(), with_password: true },
            Fault::Unauthorized { url: url(), with_password: false },
            Fault::Challenge(url()),
            Fault::Token("https://h/token".to_owned()),
            Fault::PlainHttp("http://h/token".to_owned()),
            Fault::Credentials("/root/.docker/config.json".into()),
            Fault::Helper {
                program: "docker-credential-pass".to_owned(),
                host: "h:5000".to_owned(),
                why: "is not installed".to_owned(),
            },
            Fault::TooLong { url: url(), limit: 4 << 20 },
        ];
        insta::assert_snapshot!(faults.iter().map(fault).collect::<Vec<_>>().join("\n"));
    }
}
