//! Just enough HTTP for one connection that is kept open: a measurement should time the server,
//! not a client library.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
};

use anyhow::{Context, Result, ensure};

pub(crate) struct Client {
    stream: BufReader<TcpStream>,
    head: String,
}

impl Client {
    pub(crate) fn connect(address: &str, token: &str) -> Result<Self> {
        let stream = TcpStream::connect(address).with_context(|| format!("connect {address}"))?;
        stream.set_nodelay(true)?;
        let head = format!("Host: {address}\r\nAuthorization: Bearer {token}\r\n");
        Ok(Self {
            stream: BufReader::new(stream),
            head,
        })
    }

    pub(crate) fn get(&mut self, target: &str) -> Result<String> {
        let request = format!("GET {target} HTTP/1.1\r\n{}\r\n", self.head);
        self.exchange(&request)
    }

    pub(crate) fn post(&mut self, target: &str, media: &str, body: &str) -> Result<String> {
        let request = format!(
            "POST {target} HTTP/1.1\r\n{}Content-Type: {media}\r\nContent-Length: {}\r\n\r\n{body}",
            self.head,
            body.len()
        );
        self.exchange(&request)
    }

    /// Reads an answer that has no length without keeping it: `each` sees its chunks.
    pub(crate) fn download(&mut self, target: &str, each: impl FnMut(&[u8])) -> Result<()> {
        let request = format!("GET {target} HTTP/1.1\r\n{}\r\n", self.head);
        self.stream.get_mut().write_all(request.as_bytes())?;
        let (status, length) = self.answer_head()?;
        ensure!(status.contains(" 2") && length.is_none(), "{status}");
        self.chunks(each)
    }

    fn exchange(&mut self, request: &str) -> Result<String> {
        self.stream.get_mut().write_all(request.as_bytes())?;
        let (status, length) = self.answer_head()?;
        let body = if let Some(length) = length {
            self.exactly(length)?
        } else {
            let mut body = Vec::new();
            self.chunks(|chunk| body.extend_from_slice(chunk))?;
            body
        };
        let body = String::from_utf8(body)?;
        ensure!(status.contains(" 2"), "{status}: {body}");
        Ok(body)
    }

    /// The first line of an answer, and how long its body is; none for one in chunks.
    fn answer_head(&mut self) -> Result<(String, Option<usize>)> {
        let status = self.line()?;
        let mut length = None;
        let mut chunked = false;
        loop {
            let line = self.line()?;
            let Some((name, value)) = line.split_once(':') else {
                break;
            };
            if name.eq_ignore_ascii_case("content-length") {
                length = Some(value.trim().parse()?);
            }
            chunked |= name.eq_ignore_ascii_case("transfer-encoding");
        }
        ensure!(length.is_some() || chunked, "an answer without a length");
        Ok((status, length))
    }

    fn chunks(&mut self, mut each: impl FnMut(&[u8])) -> Result<()> {
        loop {
            let length = usize::from_str_radix(&self.line()?, 16)?;
            each(&self.exactly(length)?);
            self.line()?;
            if length == 0 {
                return Ok(());
            }
        }
    }

    fn exactly(&mut self, length: usize) -> Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.stream.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        ensure!(self.stream.read_line(&mut line)? > 0, "the server hung up");
        Ok(line.trim_end().to_owned())
    }
}
