//! The database: somebody's PostgreSQL by URL, or a private one in the data directory.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use pts_adapter_postgres::cluster::{Cluster, ClusterError, ClusterOptions};
use pts_adapter_postgres::{DatabaseSettings, PgPool, connect, migrate};
use pts_ports::StoreError;

use crate::config::Settings;

/// A database that answers and has the shape that this version needs.
pub(crate) struct Opened {
    pub(crate) pool: PgPool,
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
    match prepare(&database, Duration::from_secs(settings.database.wait_s)).await {
        Ok(pool) => Ok(Opened { pool, cluster }),
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
async fn prepare(database: &DatabaseSettings, patience: Duration) -> Result<PgPool> {
    let begun = Instant::now();
    loop {
        match migrate(&database.url).await {
            Ok(report) if report.applied.is_empty() => break,
            Ok(report) => {
                tracing::info!(applied = ?report.applied, "the database has a new shape");
                break;
            }
            Err(error @ StoreError::Unavailable { .. }) if begun.elapsed() < patience => {
                tracing::warn!(error = %error, "waiting for the database");
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
            Err(error) => return Err(error).context("the database cannot be used"),
        }
    }
    connect(database).context("the database cannot be used")
}
