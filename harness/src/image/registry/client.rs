//! The registry's side of the wire (OCI distribution specification): requests, asked again where that may help, with
//! who we are where it is asked for.
//!
//! Nothing goes over plain HTTP but to this machine itself: neither a password nor a manifest.

use std::cell::RefCell;
use std::thread;
use std::time::Duration;

use serde_json::Value;
use ureq::config::RedirectAuthHeaders;
use ureq::http::{Response, StatusCode, header};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body, Error as Failure};

use super::super::error::Reason;
use super::super::json;
use super::Fault;
use super::challenge::{self, Challenge};
use super::credentials::Credentials;
use super::reference::{Reference, is_host, is_loopback};

/// As often a request is made, with a pause that doubles.
const ATTEMPTS: u32 = 5;
const PAUSE: Duration = Duration::from_millis(200);
/// A server that wants more patience does not get it.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
const CONNECT: Duration = Duration::from_secs(10);
const SILENCE: Duration = Duration::from_secs(30);
/// Of a body, in the middle.
const STALL: Duration = if cfg!(test) { Duration::from_secs(1) } else { SILENCE };
/// What we call ourselves where that is asked for.
const CLIENT: &str = "isolated-harness";
/// A token has a few kB.
const TOKEN: u64 = 1 << 20;

/// A repository of a registry.
#[derive(Debug)]
pub(super) struct Client {
    agent: Agent,
    /// `https://host/v2/repository`.
    base: String,
    repository: String,
    account: String,
    authorization: RefCell<Option<String>>,
}

/// What is asked for, and from where on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Request<'a> {
    /// `manifests/latest`, `blobs/sha256:...`.
    pub(super) path: &'a str,
    pub(super) accept: &'a str,
    pub(super) from: u64,
}

impl Client {
    pub(super) fn new(reference: &Reference) -> Self {
        let host = reference.server();
        let agent = agent(is_loopback(host));
        let scheme = if is_loopback(host) && speaks_plainly(&agent, host) { "http" } else { "https" };
        Self {
            base: format!("{scheme}://{host}/v2/{}", reference.repository),
            repository: reference.repository.clone(),
            account: reference.account().to_owned(),
            authorization: RefCell::new(None),
            agent,
        }
    }

    /// A good answer, or why there is none.
    pub(super) fn get(&self, request: Request<'_>) -> Result<Response<Body>, Reason> {
        let url = format!("{}/{}", self.base, request.path);
        let response = self.send(&url, request)?;
        if response.status() != StatusCode::UNAUTHORIZED {
            return good(&url, response);
        }
        let challenge = challenges(&response).ok_or_else(|| Fault::Challenge(url.clone()))?;
        let known = Credentials::of(&self.account)?;
        *self.authorization.borrow_mut() = self.answer(&challenge, known.as_ref())?;
        let response = self.send(&url, request)?;
        if matches!(response.status(), StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            return Err(Fault::Unauthorized { url, with_password: known.is_some() }.into());
        }
        good(&url, response)
    }

    fn send(&self, url: &str, request: Request<'_>) -> Result<Response<Body>, Reason> {
        patiently(url, || {
            let mut call = self.agent.get(url).header(header::ACCEPT, request.accept);
            if let Some(authorization) = &*self.authorization.borrow() {
                call = call.header(header::AUTHORIZATION, authorization);
            }
            if request.from > 0 {
                call = call.header(header::RANGE, format!("bytes={}-", request.from));
            }
            call.call()
        })
    }

    /// What to send from now on; nothing where a password is wanted and not known.
    fn answer(&self, challenge: &Challenge, known: Option<&Credentials>) -> Result<Option<String>, Reason> {
        let Challenge::Bearer { realm, service, scope } = challenge else {
            return Ok(known.and_then(Credentials::basic));
        };
        let is_private = realm.starts_with("https://") || {
            let host = realm.strip_prefix("http://").and_then(|rest| rest.split(['/', '?', '#']).next());
            host.is_some_and(|host| is_host(host) && is_loopback(host))
        };
        if !is_private {
            return Err(Fault::PlainHttp(realm.clone()).into());
        }
        let scope = scope.clone().unwrap_or_else(|| format!("repository:{}:pull", self.repository));
        let for_what = [("scope", Some(scope.as_str())), ("service", service.as_deref())];
        let for_what: Vec<_> = for_what.into_iter().filter_map(|(key, value)| Some((key, value?))).collect();
        let response = patiently(realm, || self.ask_for_token(realm, &for_what, known))?;
        if matches!(response.status(), StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            return Err(Fault::Unauthorized { url: realm.clone(), with_password: known.is_some() }.into());
        }
        token(realm, good(realm, response)?).map(|token| Some(format!("Bearer {token}")))
    }

    /// With a password, by GET (docker's token protocol); with an identity, by POST (the same as OAuth 2 has it).
    fn ask_for_token(
        &self,
        realm: &str,
        for_what: &[(&str, &str)],
        known: Option<&Credentials>,
    ) -> Result<Response<Body>, Failure> {
        let for_what = for_what.iter().copied();
        if let Some(Credentials::Identity(token)) = known {
            let grant =
                [("grant_type", "refresh_token"), ("client_id", CLIENT), ("refresh_token", token.as_str())];
            return self.agent.post(realm).send_form(for_what.chain(grant));
        }
        let mut call = self.agent.get(realm).query_pairs(for_what);
        if let Some(basic) = known.and_then(Credentials::basic) {
            call = call.header(header::AUTHORIZATION, basic);
        }
        call.call()
    }
}

fn token(realm: &str, response: Response<Body>) -> Result<String, Reason> {
    let bytes = response.into_body().into_with_config().limit(TOKEN).read_to_vec();
    let bytes = bytes.map_err(|error| unreachable(realm, &error))?;
    let answer: Value = json::parse(&bytes).unwrap_or_default();
    let token = ["token", "access_token"].iter().find_map(|&name| answer[name].as_str());
    token.map(str::to_owned).ok_or_else(|| Fault::Token(realm.to_owned()).into())
}

fn agent(plain_is_allowed: bool) -> Agent {
    let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build();
    Agent::config_builder()
        .http_status_as_error(false)
        .https_only(!plain_is_allowed)
        .tls_config(tls)
        // A registry that sends us to another place of its own wants to know there, too, who we are.
        .redirect_auth_headers(RedirectAuthHeaders::SameHost)
        .user_agent(concat!("isolated-harness/", env!("CARGO_PKG_VERSION")))
        .timeout_connect(Some(CONNECT))
        .timeout_recv_response(Some(SILENCE))
        // A download as a whole may take its time.
        .timeout_per_read(Some(STALL))
        .build()
        .new_agent()
}

/// Whether a server of this machine speaks HTTP without TLS. One that wants TLS says 400, or hangs up.
fn speaks_plainly(agent: &Agent, host: &str) -> bool {
    match agent.get(format!("http://{host}/v2/")).call() {
        Ok(response) => response.status() != StatusCode::BAD_REQUEST,
        Err(Failure::Io(error)) => error.kind() == std::io::ErrorKind::ConnectionRefused,
        Err(Failure::ConnectionFailed | Failure::HostNotFound | Failure::Timeout(_)) => true,
        Err(_) => false,
    }
}

/// Asks again after what may pass: a lost connection, a server that is overwhelmed or ill.
fn patiently(
    url: &str,
    mut call: impl FnMut() -> Result<Response<Body>, Failure>,
) -> Result<Response<Body>, Reason> {
    let mut pause = PAUSE;
    for attempt in 1.. {
        let answer = call();
        let longer = match &answer {
            Ok(response) if may_pass(response.status()) => retry_after(response),
            Err(error) if is_passing(error) => None,
            _ => return answer.map_err(|error| unreachable(url, &error)),
        };
        if attempt == ATTEMPTS {
            return answer.map_err(|error| unreachable(url, &error));
        }
        thread::sleep(longer.unwrap_or(pause).min(LONGEST_PAUSE));
        pause *= 2;
    }
    Err(Fault::Unreachable { url: url.to_owned(), why: String::new() }.into())
}

fn may_pass(status: StatusCode) -> bool {
    status == StatusCode::TOO_MANY_REQUESTS
        || (status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED)
}

/// A certificate that is not trusted now will not be so in a second.
fn is_passing(error: &Failure) -> bool {
    match error {
        Failure::Io(error) => error.kind() != std::io::ErrorKind::InvalidData,
        Failure::Timeout(_) | Failure::ConnectionFailed | Failure::HostNotFound | Failure::Protocol(_) => {
            true
        }
        _ => false,
    }
}

fn retry_after(response: &Response<Body>) -> Option<Duration> {
    let text = response.headers().get(header::RETRY_AFTER)?.to_str().ok()?;
    text.trim().parse().ok().map(Duration::from_secs)
}

/// The first that we can answer.
fn challenges(response: &Response<Body>) -> Option<Challenge> {
    let headers = response.headers().get_all(header::WWW_AUTHENTICATE);
    headers.iter().filter_map(|value| value.to_str().ok()).find_map(challenge::parse)
}

fn good(url: &str, response: Response<Body>) -> Result<Response<Body>, Reason> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    if status == StatusCode::NOT_FOUND {
        return Err(Fault::NotFound(url.to_owned()).into());
    }
    let message = message(response).unwrap_or_default();
    Err(Fault::Status { url: url.to_owned(), status: status.as_u16(), message }.into())
}

/// What the registry says about its refusal.
fn message(response: Response<Body>) -> Option<String> {
    let bytes = response.into_body().into_with_config().limit(TOKEN).read_to_vec().ok()?;
    let value: Value = json::parse(&bytes).ok()?;
    let first = value.get("errors")?.get(0)?;
    first.get("message").or_else(|| first.get("code"))?.as_str().map(str::to_owned)
}

pub(super) fn unreachable(url: &str, error: &Failure) -> Reason {
    Fault::Unreachable { url: url.to_owned(), why: error.to_string() }.into()
}
