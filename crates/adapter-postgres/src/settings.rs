//! What somebody who runs PTS can say about the database.

use std::fmt;
use std::time::Duration;

/// Where the database is and how much of it may be used. Its `Debug` leaves the URL out: it may
/// hold a password.
#[derive(Clone)]
pub struct DatabaseSettings {
    /// `postgres://user:password@host/database?sslmode=…` or `host=… dbname=…`, as libpq reads it;
    /// a directory as host is that of a unix socket.
    pub url: String,
    /// Connections to borrow at most, three quarters of them to read; three others there are at the
    /// least, so that fewer than 12 in all become up to three more. The log keeps up to five more for itself: two that append, one
    /// for what these must read, one that waits for the disk; and one that listens.
    pub max_connections: usize,
    /// How long a request may wait for a connection.
    pub acquire_timeout: Duration,
    /// How long a statement may take.
    pub statement_timeout: Duration,
}

impl DatabaseSettings {
    /// 16 connections, 2 s to get one, 30 s a statement.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            max_connections: 16,
            acquire_timeout: Duration::from_secs(2),
            statement_timeout: Duration::from_secs(30),
        }
    }
}

impl fmt::Debug for DatabaseSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatabaseSettings")
            .field("max_connections", &self.max_connections)
            .field("acquire_timeout", &self.acquire_timeout)
            .field("statement_timeout", &self.statement_timeout)
            .finish_non_exhaustive()
    }
}
