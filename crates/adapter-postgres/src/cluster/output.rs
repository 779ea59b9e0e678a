//! The server's log, read from its standard error into `tracing` with bounded memory.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncRead, AsyncReadExt};
use tracing::Level;

/// Longer lines are cut: a statement of megabytes may be in one.
const LINE_BYTES_MAX: usize = 8 * 1024;
/// How many lines are kept for an error message.
const LINES_KEPT: usize = 20;
/// How much of a line is kept for an error message.
const KEPT_BYTES_MAX: usize = 400;

/// The end of a server's log, shared with the task that reads it.
#[derive(Clone, Debug, Default)]
pub(super) struct Tail {
    lines: Arc<Mutex<VecDeque<String>>>,
    stopping: Arc<AtomicBool>,
}

impl Tail {
    /// From now on sessions are cut on purpose, and their FATAL is no error.
    pub(super) fn expect_the_end(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// The last lines in one, for an error message.
    pub(super) fn text(&self) -> String {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.is_empty() {
            return "(nothing)".to_owned();
        }
        lines
            .iter()
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join(" | ")
    }

    fn keep(&self, line: &str) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == LINES_KEPT {
            lines.pop_front();
        }
        lines.push_back(line.chars().take(KEPT_BYTES_MAX).collect());
    }
}

/// Reads a log to its end, which comes when the last process of the server is gone.
pub(super) async fn pump(mut from: impl AsyncRead + Unpin, tail: Tail) {
    let mut splitter = Splitter::default();
    let mut buffer = vec![0; 16 * 1024];
    let mut level = Level::DEBUG;
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        splitter.push(&buffer[..read], |line| {
            level = level_of(line).unwrap_or(level);
            tail.keep(line.trim());
            emit(level, line, tail.stopping.load(Ordering::Relaxed));
        });
    }
}

fn emit(level: Level, line: &str, stopping: bool) {
    match level {
        Level::ERROR if !stopping => tracing::error!(target: "postgres", "{line}"),
        Level::WARN if !stopping => tracing::warn!(target: "postgres", "{line}"),
        _ => tracing::debug!(target: "postgres", "{line}"),
    }
}

/// The level of a line by its severity; None where it continues the message before it.
fn level_of(line: &str) -> Option<Level> {
    let (severity, text) = line.split_once(':')?;
    match severity {
        // How a process of the server crashed is said in a plain LOG line.
        "LOG" if text.contains("was terminated by signal") => Some(Level::WARN),
        "LOG" | "INFO" | "NOTICE" | "DEBUG1" | "DEBUG2" | "DEBUG3" | "DEBUG4" | "DEBUG5" => {
            Some(Level::DEBUG)
        }
        // The last is written before logging works.
        "WARNING" | "ERROR" | "postgres" => Some(Level::WARN),
        // Whoever gives a question up closes its connection, so that the server gives it up, too.
        "FATAL" if text.trim() == "connection to client lost" => Some(Level::DEBUG),
        "FATAL" | "PANIC" => Some(Level::ERROR),
        _ => None,
    }
}

/// Cuts a stream of bytes into lines of bounded length.
#[derive(Default)]
struct Splitter {
    line: Vec<u8>,
    cut: bool,
}

impl Splitter {
    fn push(&mut self, bytes: &[u8], mut line: impl FnMut(&str)) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (text, ended) = match piece {
                [text @ .., b'\n'] => (text, true),
                text => (text, false),
            };
            let room = LINE_BYTES_MAX - self.line.len();
            self.cut |= text.len() > room;
            self.line.extend_from_slice(&text[..text.len().min(room)]);
            if ended {
                let mut said = String::from_utf8_lossy(&self.line).into_owned();
                if self.cut {
                    said.push('…');
                }
                if !said.is_empty() {
                    line(&said);
                }
                self.line.clear();
                self.cut = false;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn severities_map_to_levels_and_other_lines_continue() {
        for (line, level) in [
            (
                "LOG:  database system is ready to accept connections",
                Some(Level::DEBUG),
            ),
            (
                "LOG:  server process (PID 7) was terminated by signal 9",
                Some(Level::WARN),
            ),
            ("WARNING:  oh", Some(Level::WARN)),
            ("ERROR:  duplicate key", Some(Level::WARN)),
            ("FATAL:  no", Some(Level::ERROR)),
            ("FATAL:  connection to client lost", Some(Level::DEBUG)),
            ("PANIC:  no space", Some(Level::ERROR)),
            ("DETAIL:  Key (id)=(1)", None),
            ("\tmore of it", None),
            ("STATEMENT:  SELECT 1", None),
        ] {
            assert_eq!(level_of(line), level, "{line}");
        }
    }

    #[test]
    fn lines_are_cut_out_of_any_pieces_and_bounded() {
        let mut splitter = Splitter::default();
        let mut lines = Vec::new();
        let long = vec![b'x'; LINE_BYTES_MAX * 3];
        for piece in [&b"one\ntw"[..], b"o\n\n", &long, b"\nthree\nrest"] {
            splitter.push(piece, |line| lines.push(line.to_owned()));
        }
        let cut = format!("{}…", "x".repeat(LINE_BYTES_MAX));
        assert_eq!(lines, ["one", "two", &cut, "three"]);
    }

    #[test]
    fn only_the_end_of_a_log_is_kept() {
        let tail = Tail::default();
        for number in 0..100 {
            tail.keep(&format!("line {number}"));
        }
        let text = tail.text();
        assert!(
            text.starts_with("line 80 | ") && text.ends_with("line 99"),
            "{text}"
        );
    }
}
