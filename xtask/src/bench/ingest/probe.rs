//! What readers meet while events come in: searches, and events followed live, a few a second over
//! connections of their own.

use std::{
    collections::BTreeMap,
    io::{Read, Write},
    net::TcpStream,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};

use crate::bench::{client::Client, measure::Latencies};

/// Between two questions, and between two events that are followed.
const EVERY: Duration = Duration::from_millis(20);
/// An event that has not been seen after this long is lost.
const PATIENCE: Duration = Duration::from_secs(10);
const SOURCE: &str = "//acme/probe";
const MARK: &[u8] = b"\"probe-";
const DIGITS: usize = 8;

/// Times of everything that was asked.
pub(super) struct Found {
    pub(super) searches: Latencies,
    /// From sending a single event to its acknowledgement.
    pub(super) acknowledged: Latencies,
    /// From sending an event to seeing it in the live stream.
    pub(super) seen: Latencies,
}

impl Found {
    /// How many events were stored by this.
    pub(super) fn events(&self) -> u64 {
        self.acknowledged.count() as u64
    }
}

/// Asks for so long, and sends events that are numbered from `first` on: what was sent before would
/// be a repeat, which nobody sees.
pub(super) fn run(
    address: &str,
    (reader, writer): (&str, &str),
    lasts: Duration,
    first: usize,
) -> Result<Found> {
    let arrivals = Arrivals::default();
    let ended = AtomicBool::new(false);
    let stream = follow(address, reader)?;
    let until = Instant::now() + lasts;
    let (following, searching, sent) = thread::scope(|scope| {
        let following = scope.spawn(|| arrive(stream, &arrivals, &ended));
        let searching = scope.spawn(move || search(address, reader, until));
        let sent = send(address, writer, until, first);
        let searching = joined(searching);
        let wanted = sent.as_ref().map_or(0, |(sent, _)| sent.len());
        let deadline = Instant::now() + PATIENCE;
        while lock(&arrivals).len() < wanted && Instant::now() < deadline {
            thread::sleep(EVERY);
        }
        // The stream is read with a time limit, so its reader looks at this soon.
        ended.store(true, Ordering::Relaxed);
        (joined(following), searching, sent)
    });
    following?;
    let (sent, acknowledged) = sent?;
    let arrivals = lock(&arrivals);
    let times = sent.iter().zip(first..).map(|(sent, number)| {
        let seen = arrivals.get(&number);
        let seen = seen.with_context(|| format!("event {number} was never seen"))?;
        Ok(seen.duration_since(*sent))
    });
    Ok(Found {
        searches: Latencies::taken(searching?),
        acknowledged: Latencies::taken(acknowledged),
        seen: Latencies::taken(times.collect::<Result<_>>()?),
    })
}

fn joined<T>(thread: thread::ScopedJoinHandle<'_, Result<T>>) -> Result<T> {
    thread.join().unwrap_or_else(|_| bail!("a thread panicked"))
}

type Arrivals = Mutex<BTreeMap<usize, Instant>>;

fn lock(arrivals: &Arrivals) -> std::sync::MutexGuard<'_, BTreeMap<usize, Instant>> {
    arrivals.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits for the next moment on a beat; one that is missed is not made up for.
fn beat(next: &mut Instant) {
    thread::sleep(next.saturating_duration_since(Instant::now()));
    *next = Instant::now().max(*next) + EVERY;
}

fn search(address: &str, token: &str, until: Instant) -> Result<Vec<Duration>> {
    let mut client = Client::connect(address, token)?;
    let mut times = Vec::new();
    let mut next = Instant::now();
    for number in 0_usize.. {
        if Instant::now() >= until {
            break;
        }
        beat(&mut next);
        let service = format!("service-{:03}", number * 37 % 200);
        let target = match number % 3 {
            0 => format!("/v1/events?service={service}&since=1h&limit=100"),
            1 => format!("/v1/events?service={service}&type=service.heartbeat&since=1h&limit=100"),
            _ => "/v1/events?type=deployment.*&since=1h&limit=100".to_owned(),
        };
        let began = Instant::now();
        let answer = client.get(&target)?;
        times.push(began.elapsed());
        ensure!(answer.contains("\"coverage\""), "not an answer: {answer}");
    }
    Ok(times)
}

/// Sends events and tells when each was sent, and how long its acknowledgement took.
fn send(
    address: &str,
    token: &str,
    until: Instant,
    first: usize,
) -> Result<(Vec<Instant>, Vec<Duration>)> {
    let mut client = Client::connect(address, token)?;
    let (mut sent, mut acknowledged) = (Vec::new(), Vec::new());
    let mut next = Instant::now();
    while Instant::now() < until {
        beat(&mut next);
        let event = format!(
            r#"{{"type":"com.acme.probe.sent","source":"{SOURCE}","id":"probe-{:0DIGITS$}","data":{{"service":"probe"}}}}"#,
            first + sent.len()
        );
        let began = Instant::now();
        sent.push(began);
        client.post("/v1/events", "application/json", &event)?;
        acknowledged.push(began.elapsed());
    }
    Ok((sent, acknowledged))
}

/// Opens a live stream of the events that are sent here.
fn follow(address: &str, token: &str) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_millis(200)))?;
    write!(
        stream,
        "GET /v1/events/stream?source={SOURCE} HTTP/1.1\r\nHost: {address}\r\n\
         Authorization: Bearer {token}\r\nAccept: text/event-stream\r\n\r\n"
    )?;
    let mut head = [0; 12];
    let deadline = Instant::now() + PATIENCE;
    let mut filled = 0;
    while filled < head.len() {
        match stream.read(&mut head[filled..]) {
            Ok(0) => break,
            Ok(more) => filled += more,
            Err(error) if waits(&error) && Instant::now() < deadline => {}
            Err(error) => return Err(error).context("no live stream"),
        }
    }
    let head = String::from_utf8_lossy(&head[..filled]);
    ensure!(head.ends_with(" 200"), "no live stream: {head}");
    Ok(stream)
}

fn waits(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
    matches!(error.kind(), WouldBlock | TimedOut | Interrupted)
}

/// Notes when each event is first seen, until it is told to end.
fn arrive(mut stream: TcpStream, arrivals: &Arrivals, ended: &AtomicBool) -> Result<()> {
    let mut buffer = Vec::new();
    let mut bytes = [0; 16 * 1024];
    while !ended.load(Ordering::Relaxed) {
        let read = match stream.read(&mut bytes) {
            Ok(read) => read,
            Err(error) if waits(&error) => continue,
            Err(error) => return Err(error).context("the live stream broke"),
        };
        ensure!(read > 0, "the live stream ended");
        let now = Instant::now();
        buffer.extend_from_slice(&bytes[..read]);
        let (numbers, done) = numbers(&buffer);
        let mut seen = lock(arrivals);
        for number in numbers {
            seen.entry(number).or_insert(now);
        }
        buffer.drain(..done);
    }
    Ok(())
}

/// The events that are named in these bytes, and how much of them has been looked through.
fn numbers(bytes: &[u8]) -> (Vec<usize>, usize) {
    let whole = MARK.len() + DIGITS;
    let mut numbers = Vec::new();
    let mut at = 0;
    while at + whole <= bytes.len() {
        if bytes[at..].starts_with(MARK) {
            let digits = std::str::from_utf8(&bytes[at + MARK.len()..at + whole]);
            numbers.extend(digits.ok().and_then(|digits| digits.parse::<usize>().ok()));
        }
        at += 1;
    }
    (numbers, at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_found_wherever_the_stream_is_cut() {
        let stream = br#"data: {"id":"probe-00000007","a":1} data: {"id":"probe-00000012"}"#;
        for cut in 0..stream.len() {
            let mut found = Vec::new();
            let mut buffer = Vec::new();
            for part in [&stream[..cut], &stream[cut..]] {
                buffer.extend_from_slice(part);
                let (numbers, done) = numbers(&buffer);
                found.extend(numbers);
                buffer.drain(..done);
            }
            assert_eq!(found, [7, 12], "cut at {cut}");
        }
    }
}
