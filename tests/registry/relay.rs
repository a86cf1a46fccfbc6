//! Between a client and a registry: passes everything on, but the first blob is asked for with a token that has expired
//! meanwhile. So nobody has to wait until one does.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};

pub(crate) struct Relay {
    port: u16,
}

impl Relay {
    /// Its thread waits for requests as long as this process lives: it holds nothing.
    pub(crate) fn start(registry: String, expired: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            let mut expired = Some(expired);
            for stream in listener.incoming().map_while(Result::ok) {
                // A client that hangs up is its own affair.
                drop(pass_on(stream, &registry, &mut expired));
            }
        });
        Self { port }
    }

    pub(crate) fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

/// One request, without a body, and its answer: the registry is told to hang up behind it.
fn pass_on(mut client: TcpStream, registry: &str, expired: &mut Option<String>) -> std::io::Result<()> {
    let lines = BufReader::new(client.try_clone()?).lines().map_while(Result::ok);
    let mut lines: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
    let is_blob = lines.first().is_some_and(|line| line.contains("/blobs/"));
    let header = |line: &&mut String, name: &str| line.to_ascii_lowercase().starts_with(name);
    let token = lines.iter_mut().find(|line| header(line, "authorization: bearer "));
    if let (true, Some(token)) = (is_blob, token)
        && let Some(expired) = expired.take()
    {
        *token = format!("Authorization: Bearer {expired}");
    }
    lines.retain(|line| !line.to_ascii_lowercase().starts_with("connection:"));
    let mut server = TcpStream::connect(registry)?;
    server.write_all(format!("{}\r\nConnection: close\r\n\r\n", lines.join("\r\n")).as_bytes())?;
    std::io::copy(&mut server, &mut client).map(drop)
}
