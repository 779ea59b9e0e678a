//! PostgreSQL's handshake, and no more of its protocol: enough to know that it takes connections,
//! and to hold them.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

/// A connection that somebody holds and does nothing with.
pub(super) struct Held {
    _stream: TcpStream,
}

/// Protocol 3.0.
const VERSION: i32 = 196_608;
/// For a server that stands still or is on its way down.
const PATIENCE: Duration = Duration::from_secs(2);

/// Opens a connection without a password and waits until it could be used.
///
/// # Errors
/// What the server said, or that it says nothing.
pub(super) fn connect(address: SocketAddr, user: &str, database: &str) -> io::Result<Held> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(&startup(user, database))?;
    loop {
        let mut head = [0; 5];
        stream.read_exact(&mut head)?;
        let length = i32::from_be_bytes([head[1], head[2], head[3], head[4]]);
        let length = usize::try_from(length).unwrap_or(4).saturating_sub(4);
        let mut body = vec![0; length];
        stream.read_exact(&mut body)?;
        match head[0] {
            b'Z' => return Ok(Held { _stream: stream }),
            b'E' => return Err(io::Error::other(message(&body))),
            _ => {}
        }
    }
}

fn startup(user: &str, database: &str) -> Vec<u8> {
    let mut body = VERSION.to_be_bytes().to_vec();
    for text in ["user", user, "database", database, ""] {
        body.extend_from_slice(text.as_bytes());
        body.push(0);
    }
    let length = i32::try_from(body.len() + 4).unwrap_or(i32::MAX);
    [length.to_be_bytes().to_vec(), body].concat()
}

/// The text of an error: of its fields, the one that starts with `M`.
fn message(body: &[u8]) -> String {
    body.split(|&byte| byte == 0)
        .filter_map(|field| field.strip_prefix(b"M"))
        .map(|text| String::from_utf8_lossy(text).into_owned())
        .next()
        .unwrap_or_else(|| "an error without a text".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handshake_says_who_and_where() {
        let sent = startup("pts", "d");
        assert_eq!(
            sent[..4],
            i32::try_from(sent.len()).expect("small").to_be_bytes()
        );
        assert_eq!(&sent[8..], b"user\0pts\0database\0d\0\0");
    }

    #[test]
    fn an_error_is_told_by_its_text() {
        assert_eq!(
            message(b"SFATAL\0C53300\0Mtoo many clients\0\0"),
            "too many clients"
        );
        assert_eq!(message(b"\0"), "an error without a text");
    }
}
