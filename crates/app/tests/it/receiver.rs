//! A webhook's other end: keeps what it takes, and answers as it is told to.

use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// A request: its head as it came, and its body.
type Request = (String, String);

/// What is shared with those who serve.
struct Desk {
    status: AtomicU16,
    taken: Mutex<Vec<Request>>,
}

pub(crate) struct Receiver {
    pub(crate) port: u16,
    desk: Arc<Desk>,
}

impl Receiver {
    /// One that takes everything.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let desk = Arc::new(Desk {
            status: AtomicU16::new(204),
            taken: Mutex::default(),
        });
        let serving = Arc::clone(&desk);
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(serve(connection, Arc::clone(&serving)));
            }
        });
        Self { port, desk }
    }

    /// From here on it answers so; what it does not answer well it does not take.
    pub(crate) fn answer(&self, status: u16) {
        self.desk.status.store(status, Ordering::SeqCst);
    }

    /// What it took.
    pub(crate) fn taken(&self) -> Vec<Request> {
        self.desk.taken.lock().unwrap().clone()
    }

    /// All lines that it took, as somebody would keep them.
    pub(crate) fn lines(&self) -> String {
        self.taken().into_iter().map(|(_, body)| body).collect()
    }

    /// The entries that the checkpoints are about that it took.
    pub(crate) fn sequences(&self) -> Vec<i64> {
        sequences(&self.lines())
    }
}

/// The entries that checkpoints are about.
pub(crate) fn sequences(lines: &str) -> Vec<i64> {
    let read = |line: &str| -> Value { serde_json::from_str(line).unwrap() };
    let of = |line| read(line)["sequence"].as_i64().unwrap();
    lines.lines().map(of).collect()
}

async fn serve(stream: TcpStream, desk: Arc<Desk>) {
    let mut stream = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
            return;
        }
        if line == "\r\n" {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    let status = desk.status.load(Ordering::SeqCst);
    if status < 300 {
        let body = String::from_utf8(body).unwrap();
        desk.taken.lock().unwrap().push((head, body));
    }
    let answer = format!("HTTP/1.1 {status} So\r\ncontent-length: 0\r\n\r\n");
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
}
