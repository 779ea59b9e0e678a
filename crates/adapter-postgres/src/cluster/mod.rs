//! The embedded default: a private PostgreSQL cluster that lives and dies with this process.
//!
//! One thread (see `keeper`) owns the postmaster from the first look at the data directory to
//! the last byte of its log. It is a thread and not a task for a reason: the kernel's "tell my
//! child when I die" is bound to the *thread* that started the child.
//!
//! What it promises: only this process uses the data directory; no postmaster outlives its owner,
//! not even one that was killed with SIGKILL; a postmaster that dies comes back; nothing half
//! made is ever taken for a cluster.

mod account;
mod binaries;
mod download;
mod error;
mod ground;
mod initdb;
mod keeper;
mod output;
mod server;
mod settings;
mod stale;

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::{oneshot, watch};

pub use error::ClusterError;

/// Whether this process is root, as which PostgreSQL refuses to run: the cluster then belongs to
/// an unprivileged account, which must be able to pass through to the data directory.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// What a cluster needs to know before it can start.
#[derive(Clone, Debug)]
pub struct ClusterOptions {
    /// PTS's data directory. The cluster lives in `postgres` below it; made if it is missing.
    pub data_dir: PathBuf,
    /// The directory of `initdb` and `postgres`. None: looked for (PATH, the usual places of
    /// the distributions, the cache below the data directory, the distribution's archive).
    pub bin_dir: Option<PathBuf>,
    /// How long `initdb`, and then the server, may each take before the start is given up.
    pub start_timeout: Duration,
    /// PostgreSQL settings, name and value; they win over the built-in ones.
    pub settings: Vec<(String, String)>,
}

impl ClusterOptions {
    /// Options with a start timeout of 60 s, binaries looked for and no settings of one's own.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            bin_dir: None,
            start_timeout: Duration::from_mins(1),
            settings: Vec::new(),
        }
    }
}

/// Whether the postmaster is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClusterState {
    /// It answers.
    Running {
        /// The postmaster's process id.
        pid: u32,
    },
    /// It died or has not come up, and is being restarted.
    Down {
        /// How it ended, or why the last restart failed.
        reason: String,
    },
    /// It was stopped and will not come back.
    Stopped,
}

/// A running private cluster.
///
/// Dropping it stops the cluster in the background; [`Cluster::stop`] waits for the end.
#[derive(Debug)]
pub struct Cluster {
    url: String,
    socket_dir: PathBuf,
    state: watch::Receiver<ClusterState>,
    stop: watch::Sender<bool>,
}

impl Cluster {
    /// Starts the cluster of a data directory, making it first where there is none.
    ///
    /// Returns when the server answers and the database `pts` exists. Dropping the future gives
    /// the start up and leaves nothing running.
    pub async fn start(options: ClusterOptions) -> Result<Self, ClusterError> {
        let (stop, stopping) = watch::channel(false);
        let (report, reported) = oneshot::channel();
        let (tell, state) = watch::channel(ClusterState::Down {
            reason: "not started yet".to_owned(),
        });
        keeper::spawn(options, report, tell, stopping)?;
        let place = reported.await.map_err(|_| ClusterError::Keeper)??;
        Ok(Self {
            url: place.url,
            socket_dir: place.socket_dir,
            state,
            stop,
        })
    }

    /// The connection string of the cluster that another process runs on this data directory, for
    /// commands beside a server. None where none answers.
    pub fn url_of_running(data_dir: &Path) -> Option<String> {
        ground::url_of_running(data_dir)
    }

    /// A connection string for tokio-postgres or libpq: unix socket only, user and database
    /// `pts`, no password. It stays the same over restarts of the postmaster.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The directory of the socket, entered by the owner of the cluster and by root alone.
    pub fn socket_dir(&self) -> &Path {
        &self.socket_dir
    }

    /// The postmaster's process id; None while it is down.
    pub fn pid(&self) -> Option<u32> {
        match *self.state.borrow() {
            ClusterState::Running { pid } => Some(pid),
            ClusterState::Down { .. } | ClusterState::Stopped => None,
        }
    }

    /// The state now and each later one, for a readiness check or a metric.
    pub fn state(&self) -> watch::Receiver<ClusterState> {
        self.state.clone()
    }

    /// Waits until the postmaster that runs now is gone and says what is there then: `Down`
    /// while it is being restarted, `Running` with another pid when that was quick, `Stopped`.
    /// Answers at once when it does not run.
    pub async fn exited(&self) -> ClusterState {
        let mut state = self.state.clone();
        let before = state.borrow_and_update().clone();
        if !matches!(before, ClusterState::Running { .. }) {
            return before;
        }
        match state.wait_for(|now| *now != before).await {
            Ok(now) => now.clone(),
            Err(_) => ClusterState::Stopped,
        }
    }

    /// Stops the cluster and waits for its end: a fast shutdown (sessions are cut, a checkpoint
    /// is written) for 10 s, then an immediate one. May be called more than once.
    pub async fn stop(&self) {
        self.stop.send_replace(true);
        let mut state = self.state.clone();
        // An error means that the keeper is gone, and with it the postmaster.
        let _ = state.wait_for(|now| *now == ClusterState::Stopped).await;
    }
}
