//! The server that gives tokens for a registry (docker's token protocol): a thread, a key, and openssl, which signs.
//!
//! ```text
//! client -- GET blob --> registry: 401, go to the authority for "repository:NAME:pull"
//! client -- GET /token?scope=..., with a password --> authority: {"token": JWT}
//! client -- GET blob, with the token --> registry: believes what the authority's certificate vouches for
//! ```
//! With an identity instead of a password it is a POST, as OAuth 2 has it.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::server::{PASSWORD, USER, certify};

pub(crate) const SERVICE: &str = "registry of the test";
pub(crate) const ISSUER: &str = "authority of the test";
/// What a helper of docker may keep in place of a password.
pub(crate) const IDENTITY: &str = "identity-of-the-test";

/// What becomes of those who show neither password nor identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Strangers {
    Refused,
    /// Get a token that is good for nothing.
    GetNothing,
    MayPull,
}

pub(crate) struct Authority {
    directory: tempfile::TempDir,
    port: u16,
    given: Arc<AtomicUsize>,
}

/// A request, as far as it matters.
struct Asked {
    authorization: Option<String>,
    /// Of the query, or of the form that is posted.
    pairs: Vec<(String, String)>,
}

impl Authority {
    /// Its thread waits for requests as long as this process lives: it holds nothing.
    pub(crate) fn start(strangers: Strangers) -> Self {
        let directory = tempfile::tempdir().unwrap();
        certify(directory.path());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let given = Arc::new(AtomicUsize::new(0));
        let (counter, place) = (Arc::clone(&given), directory.path().to_owned());
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                // A client that hangs up is its own affair.
                drop(answer(stream, strangers, &place, &counter));
            }
        });
        Self { directory, port, given }
    }

    pub(crate) fn realm(&self) -> String {
        format!("http://127.0.0.1:{}/token", self.port)
    }

    pub(crate) fn certificate(&self) -> PathBuf {
        self.directory.path().join("certificate")
    }

    /// How many tokens it has given.
    pub(crate) fn given(&self) -> usize {
        self.given.load(Ordering::SeqCst)
    }

    /// A token that was good ten minutes ago.
    pub(crate) fn expired(&self) -> String {
        token(
            self.directory.path(),
            &[json!({"type": "repository", "name": "some/image", "actions": ["pull"]})],
            -600,
        )
    }
}

fn answer(
    stream: TcpStream,
    strangers: Strangers,
    directory: &Path,
    given: &AtomicUsize,
) -> std::io::Result<()> {
    let asked = asked(&stream)?;
    let (status, body) = match may(&asked, strangers) {
        Some(actions) => {
            let access: Vec<Value> = asked.all("scope").filter_map(|scope| granted(scope, actions)).collect();
            given.fetch_add(1, Ordering::SeqCst);
            let key = if asked.all("grant_type").next().is_some() { "access_token" } else { "token" };
            ("200 OK", json!({ key: token(directory, &access, 300) }))
        }
        None => ("401 Unauthorized", json!({"errors": [{"code": "UNAUTHORIZED"}]})),
    };
    let body = body.to_string();
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    (&stream).write_all((head + &body).as_bytes())
}

/// What whoever asks may do, if anything is known of them.
fn may(asked: &Asked, strangers: Strangers) -> Option<&'static [&'static str]> {
    let everything = Some(&["pull", "push"][..]);
    match (&asked.authorization, asked.all("refresh_token").next()) {
        (_, Some(token)) => everything.filter(|_| token == IDENTITY),
        (Some(given), None) => {
            let right = base64(format!("{USER}:{PASSWORD}").as_bytes(), STANDARD);
            everything.filter(|_| *given == format!("Basic {right}"))
        }
        (None, None) => match strangers {
            Strangers::Refused => None,
            Strangers::GetNothing => Some(&[]),
            Strangers::MayPull => Some(&["pull"]),
        },
    }
}

/// `repository:NAME:ACTION,ACTION`, as far as it is allowed.
fn granted(scope: &str, actions: &[&str]) -> Option<Value> {
    let [kind, name, wanted] = scope.split(':').collect::<Vec<_>>().try_into().ok()?;
    let actions: Vec<&str> = wanted.split(',').filter(|action| actions.contains(action)).collect();
    Some(json!({"type": kind, "name": name, "actions": actions}))
}

fn asked(stream: &TcpStream) -> std::io::Result<Asked> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut pairs = line.split([' ', '?']).nth(2).unwrap_or_default().to_owned();
    let (mut authorization, mut length) = (None, 0);
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim().split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "authorization" => authorization = Some(value.to_owned()),
            "content-length" => length = value.parse().unwrap(),
            _ => {}
        }
    }
    let mut form = vec![0; length];
    reader.read_exact(&mut form)?;
    if length > 0 {
        pairs = String::from_utf8(form).unwrap();
    }
    let pairs = pairs.split('&').filter_map(|pair| pair.split_once('='));
    let pairs = pairs.map(|(key, value)| (key.to_owned(), unescaped(value))).collect();
    Ok(Asked { authorization, pairs })
}

impl Asked {
    fn all(&self, key: &str) -> impl Iterator<Item = &str> {
        self.pairs.iter().filter(move |(known, _)| known == key).map(|(_, value)| value.as_str())
    }
}

fn unescaped(text: &str) -> String {
    let text = text.replace('+', " ");
    let mut parts = text.split('%');
    let mut plain = parts.next().unwrap().to_owned();
    for part in parts {
        plain.push(char::from(u8::from_str_radix(&part[..2], 16).unwrap()));
        plain.push_str(&part[2..]);
    }
    plain
}

/// A JSON Web Token that ends so many seconds from now.
fn token(directory: &Path, access: &[Value], seconds: i64) -> String {
    let pem = fs::read_to_string(directory.join("certificate")).unwrap();
    let certificate: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let end = now.checked_add_signed(seconds).unwrap();
    let head = json!({"typ": "JWT", "alg": "RS256", "x5c": [certificate]});
    let claims = json!({
        "iss": ISSUER, "sub": USER, "aud": SERVICE, "jti": "1", "access": access,
        "iat": end - 900, "nbf": end - 900, "exp": end,
    });
    let [head, claims] = [head, claims].map(|part| base64(part.to_string().as_bytes(), URL));
    let signed = format!("{head}.{claims}");
    format!("{signed}.{}", base64(&signature(directory, signed.as_bytes()), URL))
}

fn signature(directory: &Path, bytes: &[u8]) -> Vec<u8> {
    let mut openssl = Command::new("openssl")
        .args(["dgst", "-sha256", "-sign"])
        .arg(directory.join("key"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    openssl.stdin.take().unwrap().write_all(bytes).unwrap();
    let output = openssl.wait_with_output().unwrap();
    assert!(output.status.success());
    output.stdout
}

/// The last two digits, and whether it is filled up to whole groups.
type Alphabet = (&'static [u8; 2], bool);
const STANDARD: Alphabet = (b"+/", true);
const URL: Alphabet = (b"-_", false);

fn base64(bytes: &[u8], (last, fills): Alphabet) -> String {
    let digits: Vec<u8> = (b'A'..=b'Z').chain(b'a'..=b'z').chain(b'0'..=b'9').chain(*last).collect();
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let at = |place: usize| u32::from(group.get(place).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for place in 0..=group.len() {
            let digit = usize::try_from(bits >> (18 - 6 * place) & 63).unwrap();
            text.push(char::from(digits[digit]));
        }
        if fills {
            text.extend(std::iter::repeat_n('=', 3 - group.len()));
        }
    }
    text
}
