//! The server: one thread, one request at a time, and a list of how to fail first.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use super::super::super::digest::Digest;
use super::super::super::tests::build::Files;

/// How a request is answered that fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Status(u16),
    /// Nothing at all.
    HangUp,
    /// So many bytes, and then the connection ends.
    Cut(usize),
    /// So many bytes, and then nothing more.
    Stall(usize),
    /// As many bytes, of which one is another.
    Lie,
    /// More bytes than there are.
    Longer,
    /// To the same thing under another name.
    Redirect,
}

#[derive(Default)]
struct State {
    /// By path below `/v2/a/`.
    content: BTreeMap<String, Vec<u8>>,
    failures: Vec<(String, Answer)>,
    asked: Vec<String>,
    ranges: Vec<String>,
    without_ranges: bool,
    with_token: bool,
    stop: bool,
    /// Connections that stay open.
    stalled: Vec<TcpStream>,
}

pub(super) struct Server {
    port: u16,
    state: Arc<Mutex<State>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if shared.lock().unwrap().stop {
                    return;
                }
                // A client that hangs up is its own affair.
                drop(answer(stream, &shared));
            }
        });
        Self { port, state, thread: Some(thread) }
    }

    /// `oci://127.0.0.1:PORT/a` and what follows.
    pub(super) fn reference(&self, rest: &str) -> String {
        format!("oci://127.0.0.1:{}/a{rest}", self.port)
    }

    /// Serves the image that the layout's index names first, as `latest` and by its digest.
    pub(super) fn serve(&self, files: Files) -> Digest {
        let index: serde_json::Value = serde_json::from_slice(&files.0["index.json"]).unwrap();
        let digest: Digest = index["manifests"][0]["digest"].as_str().unwrap().parse().unwrap();
        let mut state = self.state.lock().unwrap();
        for (name, bytes) in files.0 {
            let Some(hex) = name.strip_prefix("blobs/sha256/") else { continue };
            if hex == digest.hex() {
                state.content.insert("manifests/latest".to_owned(), bytes.clone());
                state.content.insert(format!("manifests/{digest}"), bytes);
            } else {
                state.content.insert(format!("blobs/sha256:{hex}"), bytes);
            }
        }
        digest
    }

    /// Serves the image under a digest that is not its own.
    pub(super) fn serve_as(&self, name: &Digest, files: Files) {
        self.serve(files);
        let mut state = self.state.lock().unwrap();
        let manifest = state.content["manifests/latest"].clone();
        state.content.insert(format!("manifests/{name}"), manifest);
    }

    /// The first requests for such a path are answered so.
    pub(super) fn first(&self, path: &str, answers: &[Answer]) {
        let failures = answers.iter().map(|answer| (path.to_owned(), *answer));
        self.state.lock().unwrap().failures.extend(failures);
    }

    pub(super) fn without_ranges(&self) {
        self.state.lock().unwrap().without_ranges = true;
    }

    /// Wants a token, which it gives to whoever asks for the right thing.
    pub(super) fn with_token(&self) {
        self.state.lock().unwrap().with_token = true;
    }

    /// How often such a path was asked for.
    pub(super) fn asked(&self, path: &str) -> usize {
        self.state.lock().unwrap().asked.iter().filter(|asked| asked.starts_with(path)).count()
    }

    pub(super) fn ranges(&self) -> Vec<String> {
        self.state.lock().unwrap().ranges.clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Also after a test that has failed while it held the lock.
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner).stop = true;
        drop(TcpStream::connect(("127.0.0.1", self.port)));
        drop(self.thread.take().map(JoinHandle::join));
    }
}

fn answer(mut stream: TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let first = lines.next().unwrap_or_else(|| Ok(String::new()))?;
    let (mut range, mut token) = (None, false);
    for line in lines.map_while(Result::ok).take_while(|line| !line.is_empty()) {
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("range: ") {
            range = Some(value.to_owned());
        }
        token |= line.eq_ignore_ascii_case("authorization: Bearer of-the-test");
    }
    let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
    if path == "/token?scope=repository%3Aa%3Apull&service=the%20test" {
        let token = br#"{"token": "of-the-test"}"#;
        return stream.write_all(&[head("200 OK", token.len()), b"\r\n".to_vec(), token.to_vec()].concat());
    }
    let Some(path) = path.strip_prefix("/v2/a/").map(|path| path.trim_end_matches("?again").to_owned())
    else {
        return stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    };
    let mut state = state.lock().unwrap();
    if state.with_token && !token {
        let realm = format!("http://{}/token", stream.local_addr()?);
        let challenge = format!("WWW-Authenticate: Bearer realm=\"{realm}\",service=\"the test\"\r\n\r\n");
        return stream.write_all(&[head("401 Who", 0), challenge.into_bytes()].concat());
    }
    state.asked.push(path.clone());
    let failure = state.failures.iter().position(|(start, _)| path.starts_with(start.as_str()));
    let failure = failure.map(|place| state.failures.remove(place).1);
    state.ranges.extend(range.clone());
    let from = range.and_then(|range| range.trim_start_matches("bytes=").trim_end_matches('-').parse().ok());
    let from = from.filter(|_| !state.without_ranges);
    let content = state.content.get(&path).cloned();
    if let Some(Answer::Stall(_)) = failure {
        state.stalled.push(stream.try_clone()?);
    }
    drop(state);
    let whole = response(content, from, failure, &path);
    stream.write_all(&whole)
}

fn head(status: &str, length: usize) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n").into_bytes()
}

fn response(content: Option<Vec<u8>>, from: Option<usize>, failure: Option<Answer>, path: &str) -> Vec<u8> {
    let Some(mut content) = content else { return [head("404 Not Found", 0), b"\r\n".to_vec()].concat() };
    let total = content.len();
    content.drain(..from.unwrap_or(0));
    let mut extra =
        from.map(|from| format!("Content-Range: bytes {from}-{}/{total}\r\n", total - 1)).unwrap_or_default();
    let mut status = if from.is_some() { "206 Partial Content".to_owned() } else { "200 OK".to_owned() };
    let mut length = content.len();
    match failure {
        Some(Answer::HangUp) => return Vec::new(),
        Some(Answer::Status(code)) => {
            (status, length) = (format!("{code} No"), 0);
            content.clear();
        }
        Some(Answer::Cut(bytes) | Answer::Stall(bytes)) => content.truncate(bytes),
        Some(Answer::Lie) => content[0] ^= 1,
        Some(Answer::Longer) => {
            content.extend(b"more");
            length = content.len();
        }
        Some(Answer::Redirect) => {
            (status, length) = ("307 Temporary Redirect".to_owned(), 0);
            extra = format!("Location: /v2/a/{path}?again\r\n");
            content.clear();
        }
        None => {}
    }
    [head(&status, length), extra.into_bytes(), b"\r\n".to_vec(), content].concat()
}
