//! What an operator may decide about the HTTP server, with bounds that hold when nobody decides.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use pts_domain::forwarded::Proxies;

use crate::Tls;

/// How the server behaves. Every bound exists so that one client cannot take what all need.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// Bytes that the body of one request may have, after decompression.
    pub max_body_bytes: usize,
    /// Memory that all bodies which are being worked on may take together, by estimate; more are
    /// turned away with 503 until some are done. One body may take half of it.
    pub max_bodies_bytes: usize,
    /// Live streams that may be open at the same time.
    pub max_streams: usize,
    /// Whether browsers reach the server over TLS though no request says so: the session cookie is
    /// then `Secure` and bound to this host by the prefix `__Host-`, as it is wherever a request says.
    pub secure_cookies: bool,
    /// Where browsers find the server (`https://pts.example`), if anybody said.
    pub public_url: Option<String>,
    /// The proxies that are believed about whom they speak for.
    pub proxies: Proxies,
    /// TLS of its own; without it, plain HTTP is spoken.
    pub tls: Option<Arc<Tls>>,
    /// Threads that answer requests; one for each core if not given.
    pub workers: Option<usize>,
    /// How long a client may take to send the head of a request.
    pub head_timeout: Duration,
    /// How long a client may take to send the body of a request.
    pub body_timeout: Duration,
    /// How long a connection on which nothing happens is kept.
    pub idle_timeout: Duration,
    /// How long requests may go on once the server was told to stop.
    pub stop_timeout: Duration,
    /// How often a live stream says that it is alive when nothing happens.
    pub stream_heartbeat: Duration,
    /// The share of the traces that begin here that are sampled, 0 to 1: marked so for others, shown as
    /// exemplars of the figures, and exported where that is configured.
    pub trace_ratio: f64,
    /// Figures of whoever runs the server, shown with its own.
    pub figures: Vec<Figure>,
}

/// A figure that is asked for when somebody looks.
#[derive(Clone)]
pub struct Figure {
    /// Its name, without the prefix `pts_` and the suffix `_total`.
    pub name: &'static str,
    /// What it counts.
    pub help: &'static str,
    /// How it changes.
    pub kind: FigureKind,
    /// How many there have been, or are.
    pub count: Arc<dyn Fn() -> u64 + Send + Sync>,
}

/// How a figure changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FigureKind {
    /// It only grows.
    Counter,
    /// It goes up and down.
    Gauge,
}

impl fmt::Debug for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Figure")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            max_body_bytes: 16 * 1024 * 1024,
            max_bodies_bytes: 256 * 1024 * 1024,
            max_streams: 1_000,
            secure_cookies: false,
            public_url: None,
            proxies: Proxies::default(),
            tls: None,
            workers: None,
            head_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_mins(1),
            idle_timeout: Duration::from_mins(1),
            stop_timeout: Duration::from_secs(10),
            stream_heartbeat: Duration::from_secs(15),
            trace_ratio: 1.0,
            figures: Vec::new(),
        }
    }
}
