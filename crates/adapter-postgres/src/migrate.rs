//! Bringing a database to the shape that this crate expects, one process at a time.

use std::time::Duration;

use diesel::QueryableByName;
use diesel::migration::{Migration, MigrationSource};
use diesel::pg::Pg;
use diesel::sql_types::{Integer, Text};
use diesel_async::{AsyncMigrationHarness, AsyncPgConnection, SimpleAsyncConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use pts_ports::StoreError;

use crate::connection::{Connection, Driver, Opener};
use crate::error::{Fault, classify, migrating, setting};
use crate::row::Number;
use crate::sql::Sql;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations");

/// Partitions are made for so many months ahead.
pub(crate) const MONTHS_AHEAD: i32 = 2;

const OLDEST_SERVER: i32 = 150_000;

/// A database that does not say its version by then stands still.
const ANSWERS_WITHIN: Duration = Duration::from_secs(2);

/// What [`migrate`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationReport {
    /// The migrations that it applied, in order.
    pub applied: Vec<String>,
    /// How many had been applied before.
    pub already: usize,
    /// How many partitions of the event log it made.
    pub partitions: u32,
}

/// Applies the migrations that are missing and makes the partitions of this month and the next
/// ones. Safe to call from many processes at once: one migrates, the others wait for it (for up to
/// five minutes) and find nothing left to do.
///
/// # Errors
/// [`StoreError::Unavailable`] when the database cannot be reached or goes away meanwhile: calling
/// again goes on where this left off. [`StoreError::Other`] when the URL is wrong, the server is older than PostgreSQL 15, the database was migrated by a newer
/// version of PTS, or a migration fails (it is rolled back then).
pub async fn migrate(url: &str) -> Result<MigrationReport, StoreError> {
    let session = Session::open(url).await?;
    let (session, report) = session
        .with_harness(|harness| {
            let applied = harness.applied_migrations()?;
            let known = MigrationSource::<Pg>::migrations(&MIGRATIONS)?;
            let names: Vec<_> = known
                .iter()
                .map(|m| m.name().version().to_string())
                .collect();
            if let Some(newer) = applied.iter().find(|v| !names.contains(&v.to_string())) {
                return Err(format!(
                    "the database knows migration {newer} and this program does not: it was \
                     migrated by a newer version of PTS"
                )
                .into());
            }
            let mut report = MigrationReport {
                applied: Vec::new(),
                already: applied.len(),
                partitions: 0,
            };
            for migration in &known {
                if !applied.contains(&migration.name().version().as_owned()) {
                    harness.run_migration(migration)?;
                    report.applied.push(migration.name().to_string());
                }
            }
            Ok(report)
        })
        .await?;
    let partitions = session.ensure_partitions().await?;
    Ok(MigrationReport {
        partitions: u32::try_from(partitions).unwrap_or(0),
        ..report
    })
}

/// Takes every migration back, and with them everything that is stored. For tests, and for whoever
/// wants an empty database back.
///
/// # Errors
/// As [`migrate`].
pub async fn revert_all(url: &str) -> Result<Vec<String>, StoreError> {
    let session = Session::open(url).await?;
    let (_session, reverted) = session
        .with_harness(|harness| {
            let reverted = harness.revert_all_migrations(MIGRATIONS)?;
            Ok(reverted.iter().map(ToString::to_string).collect())
        })
        .await?;
    Ok(reverted)
}

type Harness = AsyncMigrationHarness<AsyncPgConnection>;
type HarnessResult<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

#[derive(QueryableByName)]
struct Version {
    #[diesel(sql_type = Integer)]
    number: i32,
    #[diesel(sql_type = Text)]
    name: String,
}

/// A connection that holds the lock on migrating; the lock ends with it.
struct Session {
    connection: AsyncPgConnection,
    driver: Driver,
}

impl Session {
    async fn open(url: &str) -> Result<Self, StoreError> {
        // A migration takes as long as it takes; diesel keeps its own table in `public`.
        let opener = Opener::new(url, Duration::ZERO, "public")?;
        let Connection {
            diesel: mut connection,
            driver,
            ..
        } = opener.open().await?;
        let asking = Sql::once(
            "SELECT current_setting('server_version_num')::integer AS number, \
             current_setting('server_version') AS name",
        )
        .rows(&connection);
        let versions: Vec<Version> = tokio::time::timeout(ANSWERS_WITHIN, asking)
            .await
            .map_err(|_| Fault::Broken("the database does not answer".into()))?
            .map_err(classify)?;
        if let Some(old) = versions.iter().find(|v| v.number < OLDEST_SERVER) {
            return Err(setting(format!(
                "the database is PostgreSQL {}; PTS needs 15 or later",
                old.name
            )));
        }
        connection
            .batch_execute("SET lock_timeout = '5min'; SELECT pg_advisory_lock(7020100, 0)")
            .await
            .map_err(classify)?;
        Ok(Self { connection, driver })
    }

    /// Migrations are run by blocking code, on a thread that may block: this works under every
    /// kind of runtime.
    async fn with_harness<T: Send + 'static>(
        self,
        work: impl FnOnce(&mut Harness) -> HarnessResult<T> + Send + 'static,
    ) -> Result<(Self, T), StoreError> {
        let Self { connection, driver } = self;
        let (mut connection, result) = tokio::task::spawn_blocking(move || {
            let mut harness = AsyncMigrationHarness::new(connection);
            let result = work(&mut harness);
            (harness.into_inner(), result)
        })
        .await
        .map_err(|error| setting(format!("migrating was cut short: {error}")))?;
        match result {
            Ok(value) => Ok((Self { connection, driver }, value)),
            Err(error) => {
                let asking = connection.batch_execute("ROLLBACK");
                let asked = tokio::time::timeout(ANSWERS_WITHIN, asking).await;
                Err(migrating(error, !matches!(asked, Ok(Ok(())))))
            }
        }
    }

    async fn ensure_partitions(&self) -> Result<i64, StoreError> {
        let made: Vec<Number> = Sql::once("SELECT platform.ensure_partitions(now(), ")
            .value::<Integer, _>(MONTHS_AHEAD)
            .sql(")::bigint AS number")
            .rows(&self.connection)
            .await
            .map_err(classify)?;
        Ok(made.iter().map(|made| made.number).sum())
    }
}
