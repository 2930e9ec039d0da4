//! A studio that runs, and the little of HTTP and of WebSockets that asks it.

use crate::command;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

/// The longest that anything here takes.
pub const PATIENCE: Duration = Duration::from_secs(120);
/// The longest that a studio lives: then it is ended, and with it whatever waits for it.
const LIFETIME: Duration = Duration::from_secs(900);

/// A studio that runs.
pub struct Studio {
    child: Child,
    /// When this is dropped, nobody waits for the end of its lifetime any more.
    _alive: Sender<()>,
    /// Host and port.
    pub host: String,
    /// The token, if it printed one.
    pub token: Option<String>,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }

    /// The sentence of an answer that says no.
    pub fn message(&self) -> String {
        let json = self.json();
        json["message"].as_str().expect("a message").to_owned()
    }
}

impl Studio {
    /// Starts a studio on any free port.
    pub fn start(folder: &Path, options: &str) -> Self {
        Self::of(command(folder, &format!("studio --port 0 {options}")))
    }

    /// Starts the studio of a command.
    pub fn of(mut command: Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let alive = end_after(LIFETIME, child.id());
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        out.read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("studio: http://").expect(&line);
        let (host, query) = url.split_once('/').unwrap();
        let token = query.strip_prefix("?token=").map(str::to_owned);
        let port = host.rsplit_once(':').unwrap().1;
        Self {
            child,
            _alive: alive,
            host: format!("127.0.0.1:{port}"),
            token,
        }
    }

    /// Sends a request with these headers, which are lines, and these bytes.
    pub fn send(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> Answer {
        self.send_part(method, path, headers, (body, body.len()))
    }

    /// Sends a request that says it has so many bytes, and of them these alone.
    pub fn send_part(
        &self,
        method: &str,
        path: &str,
        headers: &str,
        (body, told): (&[u8], usize),
    ) -> Answer {
        let mut stream = self.connect();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nConnection: close\r\nContent-Length: {told}\r\n{headers}\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        // One that is refused early closes before it has read all.
        let _ = stream.write_all(body);
        if body.len() < told {
            let _ = stream.shutdown(Shutdown::Write);
        }
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        answer(&bytes)
    }

    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &format!("Host: {}\r\n", self.host), b"")
    }

    pub fn post(&self, path: &str, body: &str) -> Answer {
        let host = format!("Host: {}\r\n", self.host);
        self.send("POST", path, &host, body.as_bytes())
    }

    pub fn put(&self, path: &str, body: &str) -> Answer {
        let host = format!("Host: {}\r\n", self.host);
        self.send("PUT", path, &host, body.as_bytes())
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.host).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// The events of a run, as they come.
    pub fn events(&self, path: &str) -> Events {
        let mut stream = self.connect();
        let head = format!(
            "GET {path} HTTP/1.1\r\nConnection: close\r\nHost: {}\r\n\r\n",
            self.host
        );
        stream.write_all(head.as_bytes()).unwrap();
        Events(BufReader::new(stream))
    }

    /// The number of its process.
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// Sends the signal of Ctrl-C, and returns how it ended and what it said.
    #[cfg(unix)]
    pub fn interrupt(mut self) -> (ExitStatus, String) {
        let id = self.child.id().to_string();
        let kill = Command::new("kill").args(["-INT", &id]).status();
        assert!(kill.unwrap().success());
        let mut said = String::new();
        let mut err = self.child.stderr.take().unwrap();
        err.read_to_string(&mut said).unwrap();
        (self.child.wait().unwrap(), said)
    }

    /// Asks until `found` finds what it wants in the answer.
    pub fn until<T>(&self, path: &str, found: impl Fn(&Value) -> Option<T>) -> T {
        let began = Instant::now();
        loop {
            let json = self.get(path).json();
            if let Some(found) = found(&json) {
                return found;
            }
            assert!(began.elapsed() < PATIENCE, "{path}: {json}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

impl Drop for Studio {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Ends a process after so long, unless what is returned was dropped before.
fn end_after(time: Duration, process: u32) -> Sender<()> {
    let (sender, dropped) = channel();
    std::thread::spawn(move || {
        if dropped.recv_timeout(time) == Err(RecvTimeoutError::Timeout) {
            let _ = Command::new("kill")
                .args(["-KILL", &process.to_string()])
                .status();
        }
    });
    sender
}

/// Parses an answer, whose body may come in chunks.
fn answer(bytes: &[u8]) -> Answer {
    let end = bytes
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .expect("an answer");
    let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
    let mut body = bytes[end + 4..].to_vec();
    if head.contains("transfer-encoding: chunked") {
        let (mut rest, mut whole) = (&body[..], Vec::new());
        while let Some(line) = rest.windows(2).position(|two| two == b"\r\n") {
            let size = std::str::from_utf8(&rest[..line]).unwrap();
            let size = usize::from_str_radix(size, 16).unwrap();
            whole.extend_from_slice(&rest[line + 2..line + 2 + size]);
            rest = &rest[(line + size + 4).min(rest.len())..];
        }
        body = whole;
    }
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    Answer {
        status: status.expect("a status"),
        head,
        body,
    }
}

/// Events of a run.
pub struct Events(BufReader<TcpStream>);

impl Events {
    /// The next event; none at the end.
    pub fn next(&mut self) -> Option<Value> {
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            if let Some(data) = line.strip_prefix("data: ") {
                return Some(serde_json::from_str(data).unwrap());
            }
        }
    }

    /// The first event from here on that `found` wants.
    pub fn until<T>(&mut self, found: impl Fn(&Value) -> Option<T>) -> T {
        let began = Instant::now();
        loop {
            let event = self.next().expect("another event");
            if let Some(found) = found(&event) {
                return found;
            }
            assert!(began.elapsed() < PATIENCE, "{event}");
        }
    }
}

/// A WebSocket.
pub struct Socket(TcpStream);

impl Socket {
    pub fn open(studio: &Studio, path: &str) -> Self {
        let mut stream = studio.connect();
        let head = format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
            studio.host
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        assert!(
            head.starts_with(b"HTTP/1.1 101"),
            "{}",
            String::from_utf8_lossy(&head)
        );
        Self(stream)
    }

    pub fn send_text(&mut self, text: &str) {
        self.send(1, text.as_bytes());
    }

    pub fn send_bytes(&mut self, bytes: &[u8]) {
        self.send(2, bytes);
    }

    /// One frame, with a mask of zeros.
    fn send(&mut self, kind: u8, bytes: &[u8]) {
        let mut frame = vec![0x80 | kind];
        match bytes.len() {
            length @ 0..=125 => frame.push(0x80 | length as u8),
            length @ 126..=65_535 => {
                frame.push(0x80 | 126);
                frame.extend((length as u16).to_be_bytes());
            }
            length => {
                frame.push(0x80 | 127);
                frame.extend((length as u64).to_be_bytes());
            }
        }
        frame.extend([0; 4]);
        frame.extend(bytes);
        self.0.write_all(&frame).unwrap();
    }

    /// The bytes of the next message, whatever its kind.
    pub fn receive(&mut self) -> Vec<u8> {
        let mut read = |length: usize| {
            let mut bytes = vec![0; length];
            self.0.read_exact(&mut bytes).unwrap();
            bytes
        };
        let head = read(2);
        let length = match head[1] & 0x7f {
            126 => usize::from(u16::from_be_bytes(read(2).try_into().unwrap())),
            127 => u64::from_be_bytes(read(8).try_into().unwrap()) as usize,
            length => usize::from(length),
        };
        read(length)
    }

    pub fn receive_json(&mut self) -> Value {
        serde_json::from_slice(&self.receive()).unwrap()
    }
}
