//! Just enough of an HTTP/1.1 answer: its status, and where it ends. The body is kept for the error
//! it may tell.

use anyhow::{Context, Result, ensure};
use tokio::{io::AsyncReadExt, net::TcpStream};

/// The answers of one connection, one after another.
pub(crate) struct Answers {
    buffer: Vec<u8>,
    /// So much of the buffer is filled.
    filled: usize,
    body: std::ops::Range<usize>,
}

/// What the head of an answer tells.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Head {
    pub(crate) status: u16,
    length: Length,
    pub(crate) retry_after_s: Option<u64>,
    /// Where the body begins.
    body: usize,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Length {
    Told(usize),
    Chunked,
}

impl Answers {
    pub(crate) fn new() -> Self {
        Self {
            buffer: vec![0; 16 * 1024],
            filled: 0,
            body: 0..0,
        }
    }

    /// Reads one answer to its end.
    pub(crate) async fn next(&mut self, stream: &mut TcpStream) -> Result<Head> {
        self.filled = 0;
        let head = loop {
            self.more(stream).await?;
            if let Some(head) = head(&self.buffer[..self.filled])? {
                break head;
            }
        };
        match head.length {
            Length::Told(length) => {
                let end = head.body + length;
                while self.filled < end {
                    self.more(stream).await?;
                }
                ensure!(self.filled == end, "more than one answer to one request");
            }
            Length::Chunked => {
                while !self.buffer[head.body..self.filled].ends_with(b"0\r\n\r\n") {
                    self.more(stream).await?;
                }
            }
        }
        self.body = head.body..self.filled;
        Ok(head)
    }

    /// The body of the last answer.
    pub(crate) fn body(&self) -> &[u8] {
        &self.buffer[self.body.clone()]
    }

    async fn more(&mut self, stream: &mut TcpStream) -> Result<()> {
        if self.filled == self.buffer.len() {
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        let read = stream.read(&mut self.buffer[self.filled..]).await?;
        ensure!(read > 0, "the server hung up");
        self.filled += read;
        Ok(())
    }
}

/// The head, when all of it is there.
fn head(bytes: &[u8]) -> Result<Option<Head>> {
    let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
        return Ok(None);
    };
    let text = std::str::from_utf8(&bytes[..end]).context("a head that is no text")?;
    let mut lines = text.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1));
    let status = status.and_then(|status| status.parse().ok());
    let mut length = None;
    let mut retry_after_s = None;
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().ok().map(Length::Told);
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            length = Some(Length::Chunked);
        } else if name.eq_ignore_ascii_case("retry-after") {
            retry_after_s = value.trim().parse().ok();
        }
    }
    Ok(Some(Head {
        status: status.context("an answer without a status")?,
        length: length.context("an answer without a length")?,
        retry_after_s,
        body: end + 4,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_when_it_is_whole() {
        let answer = b"HTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\n{}";
        for cut in 0..answer.len() - 3 {
            assert!(head(&answer[..cut]).expect("no error").is_none(), "{cut}");
        }
        let whole = head(answer).expect("a head").expect("all of it");
        assert_eq!((whole.status, whole.length), (201, Length::Told(2)));
        assert_eq!(&answer[whole.body..], b"{}");
    }

    #[test]
    fn a_refusal_says_when_to_come_again() {
        let answer = b"HTTP/1.1 503 No\r\nRetry-After: 1\r\nTransfer-Encoding: chunked\r\n\r\n";
        let head = head(answer).expect("a head").expect("all of it");
        assert_eq!((head.status, head.retry_after_s), (503, Some(1)));
        assert_eq!(head.length, Length::Chunked);
    }

    #[test]
    fn an_answer_without_an_end_is_refused() {
        assert!(head(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
    }
}
