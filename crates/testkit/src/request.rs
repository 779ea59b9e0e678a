//! A request of HTTP/1.1, read as plainly as a server of a test needs it: nothing that serves in earnest
//! has a part in what is tested.

use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _};

/// What a server was asked.
#[derive(Debug)]
pub struct Request {
    /// The request line and the headers, in small letters.
    pub head: String,
    /// The body.
    pub body: Vec<u8>,
}

impl Request {
    /// The next one of a connection; none if it ends before a head does.
    ///
    /// # Panics
    /// If the length is no number, or the body is shorter.
    pub async fn read(stream: &mut (impl AsyncBufRead + Unpin)) -> Option<Self> {
        let (mut head, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
                return None;
            }
            if line == "\r\n" {
                break;
            }
            let line = line.to_ascii_lowercase();
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().expect("a length");
            }
            head.push_str(&line);
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.expect("the whole body");
        Some(Self { head, body })
    }
}
