//! A registry that keeps its clients waiting: for each other, or in the middle of a layer.
//!
//! It serves an OCI layout, a thread for each request. A test that wants several clients at once has them meet at the
//! manifest; one that wants a client in the middle of its work has the layer stop half way.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use serde_json::Value;

/// What the threads share.
#[derive(Default)]
struct State {
    layout: PathBuf,
    /// As many must have asked for the manifest before anybody gets it.
    meet: usize,
    /// The first answer that is longer stops after so many bytes, for good.
    stop_after: Option<usize>,
    /// Paths, as they came.
    asked: Vec<String>,
    ranges: Vec<String>,
    is_over: bool,
}

type Shared = Arc<(Mutex<State>, Condvar)>;

pub(crate) struct Slow {
    port: u16,
    state: Shared,
}

impl Slow {
    pub(crate) fn start(layout: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = State { layout: layout.to_owned(), ..State::default() };
        let state: Shared = Arc::new((Mutex::new(state), Condvar::new()));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let shared = Arc::clone(&shared);
                // A client that hangs up, or is killed, is its own affair.
                std::thread::spawn(move || drop(answer(stream, &shared)));
            }
        });
        Self { port, state }
    }

    pub(crate) fn reference(&self) -> String {
        format!("oci://127.0.0.1:{}/some/image:v1", self.port)
    }

    /// From now on, so many must ask for the manifest before anybody gets it.
    pub(crate) fn meet(&self, clients: usize) {
        let mut state = self.state.0.lock().unwrap();
        state.asked.clear();
        state.meet = clients;
    }

    pub(crate) fn stop_after(&self, bytes: usize) {
        self.state.0.lock().unwrap().stop_after = Some(bytes);
    }

    /// How often something was asked for whose path has this in it.
    pub(crate) fn asked(&self, part: &str) -> usize {
        self.state.0.lock().unwrap().asked.iter().filter(|path| path.contains(part)).count()
    }

    pub(crate) fn ranges(&self) -> Vec<String> {
        self.state.0.lock().unwrap().ranges.clone()
    }
}

impl Drop for Slow {
    fn drop(&mut self) {
        // Also after a test that has failed while it held the lock.
        self.state.0.lock().unwrap_or_else(PoisonError::into_inner).is_over = true;
        self.state.1.notify_all();
    }
}

fn answer(mut stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    let lines = BufReader::new(stream.try_clone()?).lines().map_while(Result::ok);
    let lines: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
    let path = lines.first().and_then(|line| line.split(' ').nth(1)).unwrap_or_default().to_owned();
    let range =
        lines.iter().find_map(|line| line.to_ascii_lowercase().strip_prefix("range: ").map(str::to_owned));
    let mut state = shared.0.lock().unwrap();
    state.asked.push(path.clone());
    state.ranges.extend(range.clone());
    shared.1.notify_all();
    if path.ends_with("/manifests/v1") {
        let count = |state: &State| state.asked.iter().filter(|asked| **asked == path).count();
        state = shared.1.wait_while(state, |state| count(state) < state.meet && !state.is_over).unwrap();
    }
    let content = content(&state.layout, &path);
    let stop =
        state.stop_after.filter(|bytes| content.as_ref().is_some_and(|content| content.len() > *bytes));
    if stop.is_some() {
        state.stop_after = None;
    }
    drop(state);
    let Some(content) = content else { return respond(&mut stream, "404 Not Found", 0, "") };
    let from = range.and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok());
    let rest = &content[from.unwrap_or(0)..];
    match from {
        None => respond(&mut stream, "200 OK", rest.len(), "")?,
        Some(from) => {
            let range = format!("Content-Range: bytes {from}-{}/{}\r\n", content.len() - 1, content.len());
            respond(&mut stream, "206 Partial Content", rest.len(), &range)?;
        }
    }
    let Some(stop) = stop else { return stream.write_all(rest) };
    stream.write_all(&rest[..stop])?;
    // The connection stays open, and nothing comes.
    drop(shared.1.wait_while(shared.0.lock().unwrap(), |state| !state.is_over));
    Ok(())
}

fn respond(stream: &mut TcpStream, status: &str, length: usize, more: &str) -> std::io::Result<()> {
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n{more}\r\n");
    stream.write_all(head.as_bytes())
}

/// `/v2/some/image/{manifests,blobs}/NAME`, a tag naming the image that the index names.
fn content(layout: &Path, path: &str) -> Option<Vec<u8>> {
    if path == "/v2/" {
        return Some(Vec::new());
    }
    let name = path.rsplit('/').next()?;
    let index: Value = serde_json::from_slice(&fs::read(layout.join("index.json")).unwrap()).unwrap();
    let digest = if name == "v1" { index["manifests"][0]["digest"].as_str()? } else { name };
    fs::read(layout.join("blobs").join(digest.replace(':', "/"))).ok()
}
