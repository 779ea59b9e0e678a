//! A database for one test.

use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::server::copy_template;
use super::settings::Mode;
use super::{NoServer, Server, report};

/// A database of its own for one test, gone when this is dropped.
pub struct TestDb {
    server: Arc<Server>,
    name: String,
    url: String,
}

impl TestDb {
    /// A migrated, empty database on any server there is.
    ///
    /// # Panics
    /// If there is none: a test that needs a database has failed without.
    pub async fn fresh() -> Self {
        match Server::obtain(None).await {
            Ok(server) => Self::on(server, true).await,
            Err(error) => panic!("{error}"),
        }
    }

    /// A database without a single table, for tests of the migrations themselves.
    ///
    /// # Panics
    /// If there is no server.
    pub async fn bare() -> Self {
        match Server::obtain(None).await {
            Ok(server) => Self::on(server, false).await,
            Err(error) => panic!("{error}"),
        }
    }

    /// A migrated, empty database on a server of a major version. `None`, and a line in the
    /// report, where the machine has no such server and nobody demanded containers.
    ///
    /// # Panics
    /// If containers are demanded (`PTS_TEST_DATABASE=containers`) and there is none, or a server
    /// that is there does not start.
    pub async fn fresh_on(major: u16) -> Option<Self> {
        match Server::obtain(Some(major)).await {
            Ok(server) => Some(Self::on(server, true).await),
            Err(NoServer::Absent(why)) if Mode::of_environment().ok() != Some(Mode::Containers) => {
                report::say("skipped", &major.to_string(), &format!(" ({why})"));
                None
            }
            Err(error) => panic!("{error}"),
        }
    }

    async fn on(server: Arc<Server>, migrated: bool) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(1);
        let name = format!(
            "pts_test_{}_{}",
            process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        let make = if migrated {
            copy_template(&name)
        } else {
            format!("CREATE DATABASE {name}")
        };
        server.run(migrated, vec![make]).await;
        let url = server.url(&name);
        Self { server, name, url }
    }

    /// Where it is: a connection string for any driver.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its name on its server.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Makes the database unreachable: every connection is cut and no new one is let in, until
    /// [`TestDb::bring_back`].
    pub async fn take_away(&self) {
        let name = &self.name;
        let sql = vec![
            format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false"),
            self.cut(),
        ];
        self.server.run(false, sql).await;
    }

    /// Lets connections in again.
    pub async fn bring_back(&self) {
        let sql = format!("ALTER DATABASE {} ALLOW_CONNECTIONS true", self.name);
        self.server.run(false, vec![sql]).await;
    }

    /// Cuts every connection once; new ones are let in.
    pub async fn cut_connections(&self) {
        self.server.run(false, vec![self.cut()]).await;
    }

    fn cut(&self) -> String {
        format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}'",
            self.name
        )
    }
}

impl Drop for TestDb {
    fn drop(&mut self) {
        self.server
            .run_later(format!("DROP DATABASE {} WITH (FORCE)", self.name));
    }
}
