//! A reader of the live tail that comes back whenever it is cut off, as a browser would, and
//! remembers what it saw: in the end that must be every event, once, in order.

use std::{
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    thread,
    time::Duration,
};

use serde_json::Value;

use super::ledger::{Identity, Row};

/// How often a reader looks whether it shall end.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How long it waits before it comes back.
const RETRY: Duration = Duration::from_millis(50);

/// What one reader saw.
pub(super) struct Tail {
    address: SocketAddr,
    token: String,
    end: AtomicBool,
    last: AtomicI64,
    seen: Mutex<Seen>,
}

/// Everything a reader keeps.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) rows: Vec<Row>,
    pub(super) complaints: Vec<String>,
    /// How often it had to come back.
    pub(super) returns: u64,
}

impl Tail {
    pub(super) fn new(address: SocketAddr, token: &str) -> Self {
        Self {
            address,
            token: token.to_owned(),
            end: AtomicBool::new(false),
            last: AtomicI64::new(0),
            seen: Mutex::default(),
        }
    }

    /// The place of the last event that was seen.
    pub(super) fn last(&self) -> i64 {
        self.last.load(Ordering::Relaxed)
    }

    pub(super) fn end(&self) {
        self.end.store(true, Ordering::Relaxed);
    }

    /// Takes out what was seen.
    pub(super) fn seen(&self) -> Seen {
        std::mem::take(&mut *self.lock())
    }

    /// Reads from the beginning of the log until told to end.
    pub(super) fn read(&self) {
        while !self.end.load(Ordering::Relaxed) {
            // Why a stream ended does not matter: it goes on behind the last event.
            let _ = self.follow();
            self.lock().returns += 1;
            thread::sleep(RETRY);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn follow(&self) -> std::io::Result<()> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(LOOK_EVERY))?;
        let last = self.last();
        let place = if last == 0 {
            String::new()
        } else {
            format!("Last-Event-ID: {last}\r\n")
        };
        let (address, token) = (self.address, &self.token);
        write!(
            stream,
            "GET /v1/events/stream?after=0 HTTP/1.1\r\nHost: {address}\r\n\
             Authorization: Bearer {token}\r\n{place}\r\n"
        )?;
        let mut reading = Reading::default();
        let mut bytes = [0; 16 * 1024];
        while !self.end.load(Ordering::Relaxed) {
            let read = match stream.read(&mut bytes) {
                Ok(0) => return Ok(()),
                Ok(read) => read,
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) =>
                {
                    continue;
                }
                Err(error) => return Err(error),
            };
            reading.feed(&bytes[..read]);
            if let Some(status) = reading.status.filter(|&status| status != 200) {
                if status != 503 {
                    let what = format!("the stream behind {last} was answered {status}");
                    self.lock().complaints.push(what);
                }
                return Ok(());
            }
            for message in reading.messages() {
                self.take(&message);
            }
            if reading.ended {
                return Ok(());
            }
        }
        Ok(())
    }

    fn take(&self, message: &Message) {
        let mut seen = self.lock();
        if message.kind == "problem" {
            // Streams end with one when the store is away.
            return;
        }
        let Some(row) = row(message) else {
            seen.complaints.push(format!("not an event: {message:?}"));
            return;
        };
        let last = self.last.swap(row.position, Ordering::Relaxed);
        if row.position != last + 1 {
            let what = format!("the stream went from {last} to {}", row.position);
            seen.complaints.push(what);
        }
        seen.rows.push(row);
    }
}

fn row(message: &Message) -> Option<Row> {
    let event: Value = serde_json::from_str(&message.data).ok()?;
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let position = event["position"].as_i64()?;
    (message.id == position.to_string()).then_some(())?;
    Some(Row {
        position,
        id: text(&event["id"])?,
        identity: Identity {
            source: text(&event["source"])?,
            id: text(&event["event_id"])?,
        },
        mark: text(&event["data"]["mark"]).unwrap_or_default(),
    })
}

/// One server-sent event.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Message {
    kind: String,
    id: String,
    data: String,
}

/// Takes a response apart as its bytes come: head, chunks, lines, messages.
#[derive(Debug, Default)]
struct Reading {
    status: Option<u16>,
    /// Whether all of it has come: the connection may stay open after that.
    ended: bool,
    /// As it came, from where it is not understood yet.
    raw: Vec<u8>,
    /// The stream itself, without the chunks' sizes, from where it is not understood yet.
    text: Vec<u8>,
}

impl Reading {
    fn feed(&mut self, bytes: &[u8]) {
        self.raw.extend_from_slice(bytes);
        if self.status.is_none() {
            let Some(end) = find(&self.raw, b"\r\n\r\n") else {
                return;
            };
            let head = String::from_utf8_lossy(&self.raw[..end]).into_owned();
            self.raw.drain(..end + 4);
            let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
            self.status = Some(status.unwrap_or(0));
        }
        while let Some(size_end) = find(&self.raw, b"\r\n") {
            let size = String::from_utf8_lossy(&self.raw[..size_end]).into_owned();
            let size = usize::from_str_radix(&size, 16).unwrap_or(0);
            let (begin, end) = (size_end + 2, size_end + 2 + size);
            if self.raw.len() < end + 2 {
                break;
            }
            self.ended |= size == 0;
            self.text.extend_from_slice(&self.raw[begin..end]);
            self.raw.drain(..end + 2);
        }
    }

    /// The messages that are complete.
    fn messages(&mut self) -> Vec<Message> {
        let mut messages = Vec::new();
        while let Some(end) = find(&self.text, b"\n\n") {
            let text = String::from_utf8_lossy(&self.text[..end]).into_owned();
            self.text.drain(..end + 2);
            let mut message = Message::default();
            for line in text.lines() {
                match line.split_once(": ") {
                    Some(("event", value)) => value.clone_into(&mut message.kind),
                    Some(("id", value)) => value.clone_into(&mut message.id),
                    Some(("data", value)) => message.data.push_str(value),
                    _ => {}
                }
            }
            if !message.data.is_empty() {
                messages.push(message);
            }
        }
        messages
    }
}

fn find(bytes: &[u8], sought: &[u8]) -> Option<usize> {
    bytes
        .windows(sought.len())
        .position(|window| window == sought)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream() -> String {
        let body = [
            "retry: 2000\n\n",
            "id: 1\ndata: {\"position\":1}\n\n: alive\n\nid: 2\nda",
        ];
        let rest = "ta: {\"position\":2}\n\nevent: problem\ndata: {}\n\n";
        let chunk = |text: &str| format!("{:x}\r\n{text}\r\n", text.len());
        let chunks: String = body.iter().chain([&rest]).map(|text| chunk(text)).collect();
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}")
    }

    #[test]
    fn messages_are_found_however_the_bytes_are_cut() {
        let whole = stream();
        for step in [1, 2, 7, 50, whole.len()] {
            let mut reading = Reading::default();
            let mut found = Vec::new();
            for piece in whole.as_bytes().chunks(step) {
                reading.feed(piece);
                found.extend(reading.messages());
            }
            assert_eq!((reading.status, reading.ended), (Some(200), false));
            let ids: Vec<_> = found
                .iter()
                .map(|one| (one.id.as_str(), one.kind.as_str()))
                .collect();
            assert_eq!(
                ids,
                [("1", ""), ("2", ""), ("", "problem")],
                "in steps of {step}"
            );
            assert_eq!(found[1].data, "{\"position\":2}");
            reading.feed(b"0\r\n\r\n");
            assert!(reading.ended);
        }
    }

    #[test]
    fn a_gap_and_a_repeat_are_noticed() {
        let tail = Tail::new(SocketAddr::from(([127, 0, 0, 1], 1)), "");
        let message = |position: i64| Message {
            kind: String::new(),
            id: position.to_string(),
            data: format!(
                r#"{{"position":{position},"id":"u","source":"w","event_id":"{position}","data":{{"mark":"m"}}}}"#
            ),
        };
        for position in [1, 2, 4, 4] {
            tail.take(&message(position));
        }
        let seen = tail.seen();
        assert_eq!(seen.rows.len(), 4);
        assert_eq!(
            seen.complaints,
            ["the stream went from 2 to 4", "the stream went from 4 to 4"]
        );
        assert_eq!(seen.rows[0].mark, "m");
    }
}
