//! The database: somebody's PostgreSQL by URL, or a private one in the data directory.

use std::fmt::Display;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use pts_adapter_postgres::cluster::{Cluster, ClusterError, ClusterOptions};
use pts_adapter_postgres::{DatabaseSettings, PgPool, connect, migrate};
use pts_ports::StoreError;
use pts_services::ActionError;

use crate::config::Settings;

/// A database that answers and has the shape that this version needs.
pub(crate) struct Opened {
    pub(crate) pool: PgPool,
    /// What is left of the time that a start waits.
    pub(crate) patience: Patience,
    /// The private cluster, if this process runs it.
    cluster: Option<Cluster>,
}

impl Opened {
    /// Stops what was started.
    pub(crate) async fn close(self) {
        self.pool.close();
        if let Some(cluster) = self.cluster {
            cluster.stop().await;
        }
    }
}

/// Who opens a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To serve: the data directory must be ours alone.
    Serve,
    /// To carry out one command: a server that runs meanwhile lends its database.
    Command,
}

/// How long a start waits, altogether, for a database that is away.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    until: Instant,
}

impl Patience {
    fn of(settings: &Settings) -> Self {
        Self {
            until: Instant::now() + Duration::from_secs(settings.database.wait_s),
        }
    }

    /// Does something again and again until it is done, is no matter of waiting, or has been waited
    /// for long enough.
    pub(crate) async fn wait_for<T, E: Passing>(
        self,
        mut attempt: impl AsyncFnMut() -> Result<T, E>,
    ) -> Result<T, E> {
        loop {
            match attempt().await {
                Err(error) if error.may_pass() && Instant::now() < self.until => {
                    tracing::warn!(%error, "waiting for the database");
                    tokio::time::sleep(PAUSE).await;
                }
                done => return done,
            }
        }
    }
}

/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(250);

/// An error that may be gone a moment later.
pub(crate) trait Passing: Display {
    fn may_pass(&self) -> bool;
}

impl Passing for StoreError {
    fn may_pass(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}

impl Passing for ActionError {
    fn may_pass(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}

/// Opens and migrates the database.
pub(crate) async fn open(settings: &Settings, purpose: Purpose) -> Result<Opened> {
    let (url, cluster) = if settings.database.url.is_empty() {
        private(settings, purpose).await?
    } else {
        (settings.database.url.clone(), None)
    };
    let database = DatabaseSettings {
        max_connections: settings.database.max_connections,
        ..DatabaseSettings::new(url)
    };
    let patience = Patience::of(settings);
    match prepare(&database, patience).await {
        Ok(pool) => Ok(Opened {
            pool,
            patience,
            cluster,
        }),
        Err(error) => {
            if let Some(cluster) = cluster {
                cluster.stop().await;
            }
            Err(error)
        }
    }
}

async fn private(settings: &Settings, purpose: Purpose) -> Result<(String, Option<Cluster>)> {
    let mut options = ClusterOptions::new(&settings.data_dir);
    let bin_dir = &settings.database.bin_dir;
    options.bin_dir = (bin_dir != Path::new("")).then(|| bin_dir.clone());
    match Cluster::start(options).await {
        Ok(cluster) => Ok((cluster.url().to_owned(), Some(cluster))),
        Err(ClusterError::InUse { .. }) if purpose == Purpose::Command => {
            let url = Cluster::url_of_running(&settings.data_dir).with_context(|| {
                format!(
                    "another pts-server holds {} and its database does not answer yet",
                    settings.data_dir.display()
                )
            })?;
            Ok((url, None))
        }
        Err(error) => Err(error).context("the private database does not start"),
    }
}

/// Migrates and connects, waiting a while for a database that does not answer yet.
async fn prepare(database: &DatabaseSettings, patience: Patience) -> Result<PgPool> {
    let report = patience
        .wait_for(async || migrate(&database.url).await)
        .await
        .context("the database cannot be used")?;
    if !report.applied.is_empty() {
        tracing::info!(applied = ?report.applied, "the database has a new shape");
    }
    connect(database).context("the database cannot be used")
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_mins(1);

    fn patience(left: Duration) -> Patience {
        Patience {
            until: Instant::now() + left,
        }
    }

    /// Answers with these errors, one after the other, and then well; returns how often it was asked.
    async fn ask(patience: Patience, errors: Vec<StoreError>) -> (Result<(), StoreError>, usize) {
        let mut asked = 0;
        let mut errors = errors.into_iter();
        let outcome = patience
            .wait_for(async || {
                asked += 1;
                errors.next().map_or(Ok(()), Err)
            })
            .await;
        (outcome, asked)
    }

    #[tokio::test]
    async fn what_is_away_is_asked_again_until_it_is_there() {
        let away = || StoreError::unavailable("away");
        let (outcome, asked) = ask(patience(LONG), vec![away(), away()]).await;
        assert!(outcome.is_ok(), "{outcome:?}");
        assert_eq!(asked, 3);
    }

    #[tokio::test]
    async fn what_does_not_pass_and_what_lasts_too_long_is_not_waited_for() {
        let wrong = StoreError::Other("wrong".into());
        let (outcome, asked) = ask(patience(LONG), vec![wrong]).await;
        assert!(matches!(outcome, Err(StoreError::Other(_))), "{outcome:?}");
        assert_eq!(asked, 1);
        let away = StoreError::unavailable("away");
        let (outcome, asked) = ask(patience(Duration::ZERO), vec![away]).await;
        assert!(outcome.is_err());
        assert_eq!(asked, 1);
    }
}
