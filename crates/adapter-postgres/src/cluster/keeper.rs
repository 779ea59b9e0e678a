//! The thread that keeps the postmaster: starts it, watches it, brings it back, ends it.
//!
//! It has a runtime of its own on a thread that lives as long as the cluster. A child's death
//! signal is bound to the thread that started it, so a pooled thread that idles out would take
//! the database with it; and the server's log is read even when the application's runtime is
//! busy, so a full pipe never stops the server.

use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, sleep};

use super::binaries::Search;
use super::error::ClusterError;
use super::ground::Ground;
use super::server::{Plan, Server};
use super::{ClusterOptions, ClusterState, initdb, settings, stale};

/// The longest pause between two attempts to bring the postmaster back.
const BACKOFF_MAX: Duration = Duration::from_secs(5);
/// A run this long makes earlier failures a thing of the past.
const STEADY: Duration = Duration::from_secs(30);

/// Where a started cluster is reached.
pub(super) struct Place {
    pub(super) url: String,
    pub(super) socket_dir: PathBuf,
}

/// Starts the thread. It reports once, tells each change of state, and ends after `stop` turns
/// true or its sender is gone; `Stopped` is told when the data directory is free again.
pub(super) fn spawn(
    options: ClusterOptions,
    report: oneshot::Sender<Result<Place, ClusterError>>,
    tell: watch::Sender<ClusterState>,
    stop: watch::Receiver<bool>,
) -> Result<(), ClusterError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|_| ClusterError::Keeper)?;
    std::thread::Builder::new()
        .name("pts-postgres".to_owned())
        .spawn(move || {
            runtime.block_on(keep(&options, report, &tell, stop));
            // Orphans may hold the log's pipe open: do not wait for its reader.
            runtime.shutdown_background();
            tell.send_replace(ClusterState::Stopped);
        })
        .map(drop)
        .map_err(|_| ClusterError::Keeper)
}

/// Resolves when the cluster is to be stopped or nobody holds it any more.
pub(super) async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

async fn keep(
    options: &ClusterOptions,
    report: oneshot::Sender<Result<Place, ClusterError>>,
    tell: &watch::Sender<ClusterState>,
    mut stop: watch::Receiver<bool>,
) {
    let began = Instant::now();
    let prepared = tokio::select! {
        biased;
        () = stopped(&mut stop) => Err(ClusterError::Stopped),
        prepared = prepare(options) => prepared,
    };
    let plan = match prepared {
        Ok(plan) => plan,
        Err(error) => {
            let _ = report.send(Err(error));
            return;
        }
    };
    match plan.start(Some(options.start_timeout), &mut stop).await {
        Ok(server) => {
            tracing::info!(
                pid = server.pid(),
                major = plan.binaries.major,
                data = %plan.ground.pgdata.display(),
                took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
                "the embedded PostgreSQL runs"
            );
            tell.send_replace(ClusterState::Running { pid: server.pid() });
            let place = Place {
                url: plan.ground.url(),
                socket_dir: plan.ground.sockets.clone(),
            };
            let _ = report.send(Ok(place));
            supervise(&plan, server, tell, &mut stop).await;
            give_back(plan).await;
        }
        Err(error) => {
            // The caller may try again at once: the directory must be free by then.
            give_back(plan).await;
            let _ = report.send(Err(error));
        }
    }
}

/// Gives the data directory back, with nothing left on it.
async fn give_back(plan: Plan) {
    if let Err(error) = stale::clear(&plan.ground).await {
        tracing::warn!(%error, "the embedded PostgreSQL left something behind");
    }
    plan.ground.leave();
}

/// All that comes before the server: the directory claimed and clear, programs, a cluster.
async fn prepare(options: &ClusterOptions) -> Result<Plan, ClusterError> {
    settings::check(&options.settings)?;
    let ground = Ground::claim(&options.data_dir)?;
    stale::clear(&ground).await?;
    let made_by = ground.made_by()?;
    let cache = ground.binaries();
    let binaries = Search::here(options.bin_dir.as_deref(), &cache)
        .find(&ground.pgdata, made_by)
        .await?;
    if made_by.is_none() {
        initdb::make(&ground, &binaries, options.start_timeout).await?;
    }
    Ok(Plan {
        ground,
        binaries,
        settings: options.settings.clone(),
    })
}

/// Brings the postmaster back as often as it dies, until the cluster is to be stopped.
async fn supervise(
    plan: &Plan,
    mut server: Server,
    tell: &watch::Sender<ClusterState>,
    stop: &mut watch::Receiver<bool>,
) {
    let mut failures = 0;
    loop {
        let since = Instant::now();
        let ended = tokio::select! {
            biased;
            () = stopped(stop) => {
                server.shut_down().await;
                return;
            }
            ended = server.wait() => ended,
        };
        tracing::error!(
            ended,
            pid = server.pid(),
            "the embedded PostgreSQL died; restarting it"
        );
        tell.send_replace(ClusterState::Down { reason: ended });
        if since.elapsed() > STEADY {
            failures = 0;
        }
        server = loop {
            tokio::select! {
                biased;
                () = stopped(stop) => return,
                () = sleep(backoff(failures)) => {}
            }
            failures += 1;
            match plan.start(None, stop).await {
                Ok(server) => break server,
                Err(ClusterError::Stopped) => return,
                Err(error) => {
                    tracing::error!(%error, failures, "the embedded PostgreSQL does not come back");
                    tell.send_replace(ClusterState::Down {
                        reason: error.to_string(),
                    });
                }
            }
        };
        tracing::info!(pid = server.pid(), "the embedded PostgreSQL is back");
        tell.send_replace(ClusterState::Running { pid: server.pid() });
    }
}

/// None before the first attempt, then doubling from 100 ms to 5 s.
fn backoff(failures: u32) -> Duration {
    match failures {
        0 => Duration::ZERO,
        more => (Duration::from_millis(50) * 2_u32.saturating_pow(more.min(8))).min(BACKOFF_MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_between_restarts_grows_and_is_bounded() {
        let pauses: Vec<_> = (0..9)
            .map(|failures| backoff(failures).as_millis())
            .collect();
        assert_eq!(pauses, [0, 100, 200, 400, 800, 1600, 3200, 5000, 5000]);
        assert_eq!(backoff(u32::MAX), BACKOFF_MAX);
    }
}
