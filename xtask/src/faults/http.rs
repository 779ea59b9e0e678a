//! Just enough HTTP to be a careful sender: one connection kept open, every wait bounded, and a
//! failure told by what it means for the request that was under way.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

/// Nobody is left hanging longer than this.
pub(super) const BOUND: Duration = Duration::from_secs(30);

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// Whether it says when to come back.
    pub(super) retry_after: bool,
    pub(super) body: String,
}

/// Why there was none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoAnswer {
    /// Nobody listens: the request was not sent.
    NotConnected,
    /// The connection broke: the request may have been carried out.
    CutOff,
    /// There was no answer within the bound.
    Hung,
}

/// One connection, made when it is needed.
pub(super) struct Client {
    address: SocketAddr,
    head: String,
    bound: Duration,
    stream: Option<BufReader<TcpStream>>,
}

impl Client {
    pub(super) fn new(address: SocketAddr, token: &str) -> Self {
        Self {
            address,
            head: format!("Host: {address}\r\nAuthorization: Bearer {token}\r\n"),
            bound: BOUND,
            stream: None,
        }
    }

    /// The same with another bound on every wait.
    pub(super) fn within(mut self, bound: Duration) -> Self {
        self.bound = bound;
        self
    }

    pub(super) fn get(&mut self, target: &str) -> Result<Answer, NoAnswer> {
        let request = format!("GET {target} HTTP/1.1\r\n{}\r\n", self.head);
        self.exchange(&request)
    }

    pub(super) fn post(&mut self, target: &str, json: &str) -> Result<Answer, NoAnswer> {
        let request = format!(
            "POST {target} HTTP/1.1\r\n{}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{json}",
            self.head,
            json.len()
        );
        self.exchange(&request)
    }

    fn exchange(&mut self, request: &str) -> Result<Answer, NoAnswer> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => connect(self.address, self.bound)?,
        };
        let (answer, stays) = talk(&mut stream, request).map_err(|error| meaning(&error))?;
        self.stream = stays.then_some(stream);
        Ok(answer)
    }
}

/// A connection whose every wait is bounded.
fn connect(address: SocketAddr, bound: Duration) -> Result<BufReader<TcpStream>, NoAnswer> {
    let connected = TcpStream::connect_timeout(&address, bound).and_then(|stream| {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(bound))?;
        stream.set_write_timeout(Some(bound))?;
        Ok(stream)
    });
    connected
        .map(BufReader::new)
        .map_err(|_| NoAnswer::NotConnected)
}

fn meaning(error: &io::Error) -> NoAnswer {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => NoAnswer::Hung,
        _ => NoAnswer::CutOff,
    }
}

/// Sends a request and reads its answer; tells whether the connection can be used again.
fn talk(stream: &mut BufReader<TcpStream>, request: &str) -> io::Result<(Answer, bool)> {
    stream.get_mut().write_all(request.as_bytes())?;
    read(stream)
}

fn read(stream: &mut impl BufRead) -> io::Result<(Answer, bool)> {
    let status = line(stream)?;
    let status = status
        .split(' ')
        .nth(1)
        .and_then(|code| code.parse().ok())
        .ok_or_else(|| odd(&status))?;
    let (mut length, mut chunked, mut closes, mut retry_after) = (None, false, false, false);
    loop {
        let line = line(stream)?;
        let Some((name, value)) = line.split_once(':') else {
            break;
        };
        let value = value.trim();
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().ok(),
            "transfer-encoding" => chunked = value.eq_ignore_ascii_case("chunked"),
            "connection" => closes = value.eq_ignore_ascii_case("close"),
            "retry-after" => retry_after = true,
            _ => {}
        }
    }
    let body = match length {
        Some(length) => exactly(stream, length)?,
        None if chunked => chunks(stream)?,
        None => return Err(odd("an answer without a length")),
    };
    let body = String::from_utf8(body).map_err(|_| odd("an answer that is no text"))?;
    let answer = Answer {
        status,
        retry_after,
        body,
    };
    Ok((answer, !closes))
}

fn chunks(stream: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let size = line(stream)?;
        let length = usize::from_str_radix(&size, 16).map_err(|_| odd(&size))?;
        body.extend(exactly(stream, length)?);
        line(stream)?;
        if length == 0 {
            return Ok(body);
        }
    }
}

fn exactly(stream: &mut impl Read, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    stream.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn line(stream: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    if stream.read_line(&mut line)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(line.trim_end().to_owned())
}

fn odd(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(text: &str) -> io::Result<(Answer, bool)> {
        read(&mut text.as_bytes())
    }

    #[test]
    fn an_answer_is_read_with_what_a_sender_needs_of_it() {
        let text =
            "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 2\r\nRetry-After: 1\r\n\r\n{}";
        let (found, stays) = answer(text).expect("an answer");
        assert_eq!((found.status, found.retry_after, stays), (503, true, true));
        assert_eq!(found.body, "{}");

        let text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n";
        let (found, stays) = answer(text).expect("an answer");
        assert_eq!(
            (found.body.as_str(), found.retry_after, stays),
            ("abcd", false, false)
        );
    }

    #[test]
    fn half_an_answer_is_a_broken_connection_and_none_in_time_a_hang() {
        for text in [
            "",
            "HTTP/1.1 201",
            "HTTP/1.1 201 Created\r\nContent-Length: 9\r\n\r\n{",
        ] {
            let error = answer(text).expect_err(text);
            assert_eq!(meaning(&error), NoAnswer::CutOff, "{text}");
        }
        assert_eq!(meaning(&io::ErrorKind::WouldBlock.into()), NoAnswer::Hung);
    }
}
