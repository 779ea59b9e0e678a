//! One run of the postmaster: spawned, awaited until it answers, shut down in order.

use std::fs;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::Signal;
use tokio::process::Child;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tokio_postgres::NoTls;

use super::binaries::Binaries;
use super::error::ClusterError;
use super::ground::{Ground, PORT};
use super::keeper::stopped;
use super::output::{Tail, pump};
use super::{settings, stale};

/// How long a fast shutdown may take before an immediate one.
const FAST: Duration = Duration::from_secs(10);
/// How long an immediate shutdown may take before SIGKILL.
const IMMEDIATE: Duration = Duration::from_secs(5);
/// How often a starting server is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(3);
/// How long the remains of a killed server may keep a new one from starting.
const REMAINS: Duration = Duration::from_secs(10);

/// A postmaster that answers.
pub(super) struct Server {
    child: Child,
    pid: u32,
    tail: Tail,
    log: JoinHandle<()>,
}

/// Everything that stays the same from one run of the postmaster to the next.
pub(super) struct Plan {
    pub(super) ground: Ground,
    pub(super) binaries: Binaries,
    pub(super) settings: Vec<(String, String)>,
}

impl Plan {
    /// Starts the server and waits until it answers. `patience` None waits as long as the
    /// process lives: a recovery takes what it takes.
    pub(super) async fn start(
        &self,
        patience: Option<Duration>,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<Server, ClusterError> {
        let since = Instant::now();
        loop {
            stale::clear(&self.ground).await?;
            let mut server = self.spawn()?;
            match server.ready(&self.ground, patience, stop).await {
                Ok(()) => return Ok(server),
                // A killed postmaster's shared memory is in use until its last child is gone.
                Err(ClusterError::Ended { output, .. })
                    if blocked_by_remains(&output) && since.elapsed() < REMAINS =>
                {
                    tracing::debug!(output, "the remains of an earlier server are still there");
                    tokio::select! {
                        () = stopped(stop) => return Err(ClusterError::Stopped),
                        () = sleep(Duration::from_millis(50)) => {}
                    }
                }
                Err(error) => {
                    server.shut_down().await;
                    return Err(error);
                }
            }
        }
    }

    fn spawn(&self) -> Result<Server, ClusterError> {
        let Ground {
            home,
            pgdata,
            sockets,
            account,
            tag,
            ..
        } = &self.ground;
        let mut command = account.command(&self.binaries, "postgres", home);
        command.arg("-D").arg(pgdata);
        for setting in settings::all(sockets, tag, &self.settings) {
            command.arg("-c").arg(setting);
        }
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        let failed = |source| ClusterError::Spawn {
            program: self.binaries.dir.join("postgres"),
            account: account.to_string(),
            source,
        };
        let mut child = tokio::process::Command::from(command)
            .spawn()
            .map_err(failed)?;
        let tail = Tail::default();
        let stderr = child.stderr.take().ok_or(ClusterError::Keeper)?;
        let pid = child.id().ok_or(ClusterError::Keeper)?;
        let log = tokio::spawn(pump(stderr, tail.clone()));
        Ok(Server {
            child,
            pid,
            tail,
            log,
        })
    }
}

impl Server {
    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    /// Waits for the end of the process and says how it was.
    pub(super) async fn wait(&mut self) -> String {
        said(self.child.wait().await)
    }

    /// Ends the server: fast, then immediate, then killed. Returns when the process is gone.
    pub(super) async fn shut_down(mut self) {
        self.tail.expect_the_end();
        for (signal, patience) in [(Signal::INT, FAST), (Signal::QUIT, IMMEDIATE)] {
            if self.child.id().is_none() {
                return;
            }
            stale::signal_to(self.pid, signal);
            if timeout(patience, self.child.wait()).await.is_ok() {
                return;
            }
            tracing::warn!(?signal, ?patience, "PostgreSQL did not stop in time");
        }
        let _ = self.child.kill().await;
    }

    /// Waits until the postmaster says that it is ready and the database `pts` answers.
    ///
    /// The postmaster's own file is asked first: each connection before its time would be
    /// a FATAL line in the log.
    async fn ready(
        &mut self,
        ground: &Ground,
        patience: Option<Duration>,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<(), ClusterError> {
        let since = Instant::now();
        let pid_file = ground.pgdata.join("postmaster.pid");
        loop {
            if says_ready(&pid_file, self.pid) {
                break;
            }
            if patience.is_some_and(|patience| since.elapsed() > patience) {
                return Err(ClusterError::TimedOut {
                    what: "the start of PostgreSQL",
                    after: since.elapsed(),
                    output: self.tail.text(),
                });
            }
            tokio::select! {
                biased;
                () = stopped(stop) => return Err(ClusterError::Stopped),
                ended = self.child.wait() => return Err(self.ended(ended).await),
                () = sleep(LOOK_EVERY) => {}
            }
        }
        tokio::select! {
            () = stopped(stop) => Err(ClusterError::Stopped),
            ended = self.child.wait() => Err(self.ended(ended).await),
            answered = database(&ground.sockets) => answered,
        }
    }

    async fn ended(&mut self, ended: std::io::Result<ExitStatus>) -> ClusterError {
        // Its last words may still be in the pipe; an orphan may hold that open for ever.
        let _ = timeout(Duration::from_millis(500), &mut self.log).await;
        ClusterError::Ended {
            ended: said(ended),
            output: self.tail.text(),
        }
    }
}

fn said(ended: std::io::Result<ExitStatus>) -> String {
    ended.map_or_else(|error| error.to_string(), |status| status.to_string())
}

fn blocked_by_remains(output: &str) -> bool {
    output.contains("pre-existing shared memory block") || output.contains("lock file \"")
}

/// Line 1 of `postmaster.pid` is the process, line 8 how far it is.
fn says_ready(pid_file: &Path, pid: u32) -> bool {
    fs::read_to_string(pid_file).is_ok_and(|content| {
        let mut lines = content.lines();
        lines.next().and_then(|line| line.trim().parse().ok()) == Some(pid)
            && lines.nth(6).is_some_and(|status| status.trim() == "ready")
    })
}

/// Makes sure that the server answers and has the database `pts`.
///
/// Asked of the database `postgres`: to try `pts` and be refused would be a FATAL line.
async fn database(sockets: &Path) -> Result<(), ClusterError> {
    let refused = |source| ClusterError::Database {
        source: Box::new(source),
    };
    let (client, connection) = tokio_postgres::Config::new()
        .host_path(sockets)
        .port(PORT)
        .user("pts")
        .dbname("postgres")
        .connect_timeout(Duration::from_secs(10))
        .connect(NoTls)
        .await
        .map_err(refused)?;
    let driven = tokio::spawn(connection);
    let there = "SELECT FROM pg_database WHERE datname = 'pts'";
    if client
        .query_opt(there, &[])
        .await
        .map_err(refused)?
        .is_none()
    {
        client
            .batch_execute("CREATE DATABASE pts")
            .await
            .map_err(refused)?;
    }
    drop(client);
    // Gone for good before the server is handed over: the connection count starts at none.
    let _ = driven.await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readiness_is_this_postmasters_own() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("postmaster.pid");
        assert!(!says_ready(&file, 7));
        let write = |pid: u32, status: &str| {
            fs::write(
                &file,
                format!("{pid}\n/d\n1\n5432\n/s\n\n  1 2\n{status}\n"),
            )
            .unwrap();
        };
        write(7, "starting");
        assert!(!says_ready(&file, 7));
        write(7, "ready   ");
        assert!(says_ready(&file, 7));
        assert!(!says_ready(&file, 8));
        fs::write(&file, "7\n/d\n").unwrap();
        assert!(!says_ready(&file, 7));
    }
}
