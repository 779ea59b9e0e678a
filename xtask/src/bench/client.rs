//! Just enough HTTP for one connection that is kept open: a measurement should time the server,
//! not a client library.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
};

use anyhow::{Context, Result, bail, ensure};

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

    fn exchange(&mut self, request: &str) -> Result<String> {
        self.stream.get_mut().write_all(request.as_bytes())?;
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
        let body = match length {
            Some(length) => self.exactly(length)?,
            None if chunked => self.chunks()?,
            None => bail!("an answer without a length"),
        };
        let body = String::from_utf8(body)?;
        ensure!(status.contains(" 2"), "{status}: {body}");
        Ok(body)
    }

    fn chunks(&mut self) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let length = usize::from_str_radix(&self.line()?, 16)?;
            body.extend(self.exactly(length)?);
            self.line()?;
            if length == 0 {
                return Ok(body);
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
