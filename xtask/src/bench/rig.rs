//! What the scenarios about ingest stand on: one PostgreSQL for all that is measured, a fresh
//! database for each measurement, the subjects, and the load.

mod cluster;
pub(crate) mod fastapi;
mod load;
pub(crate) mod pgbench;
mod process;
mod programs;
mod server;

use std::{
    cell::Cell,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, ensure};

pub(crate) use cluster::Cluster;
pub(crate) use load::{Post, Told, Window, copy, finish};
pub(crate) use programs::peers;
pub(crate) use server::Server;

use super::Settings;
use crate::{command, repo};
use programs::Programs;

/// The database that all others are made from: migrated, with a token, without an event.
const TEMPLATE: &str = "pts_template";
/// The database of a measurement.
const DATABASE: &str = "pts_bench";
/// The token that the load uses where no other is named.
pub(crate) const LOAD: &str = "load";
/// That of the FastAPI service, which has tables of its own.
const FASTAPI: &str = "fastapi_bench";

/// Everything there is to measure with.
pub(crate) struct Rig {
    pub(crate) programs: Programs,
    pub(crate) cluster: Cluster,
    directory: PathBuf,
    pub(crate) pace: Pace,
}

/// How long a measurement takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    pub(crate) warm: Duration,
    pub(crate) window: Duration,
}

impl Pace {
    pub(crate) fn of(settings: &Settings) -> Self {
        let ms = Duration::from_millis;
        if settings.quick {
            Self {
                warm: ms(500),
                window: ms(1500),
            }
        } else {
            Self {
                warm: ms(1000),
                window: ms(4000),
            }
        }
    }
}

/// A database of its own, gone with this.
pub(crate) struct Database<'a> {
    cluster: &'a Cluster,
    name: &'static str,
    /// The table of events.
    table: &'static str,
    /// So many events are in it.
    events: Cell<u64>,
}

impl Rig {
    /// Builds what is needed and starts PostgreSQL, with `preload` loaded into it and nothing else.
    pub(crate) fn start(settings: &Settings, preload: Option<PathBuf>) -> Result<Self> {
        let programs = Programs::build(settings)?;
        let target = repo::target_directory()?.join("bench");
        fs::create_dir_all(&target)?;
        cluster::clear(&target);
        let directory = target.join(format!("run-{}", std::process::id()));
        let cluster = Cluster::start(&directory, preload)?;
        let rig = Self {
            programs,
            cluster,
            directory,
            pace: Pace::of(settings),
        };
        rig.cluster.create(TEMPLATE, None)?;
        server::migrate(&rig, TEMPLATE)?;
        rig.token(LOAD, "events:write")?;
        Ok(rig)
    }

    /// A database like the template: no events yet, and nothing left of the measurement before.
    pub(crate) fn database(&self) -> Result<Database<'_>> {
        self.database_from(DATABASE, TEMPLATE, 0)
    }

    /// One like the template under a name of its own, which ends in `bench`.
    pub(crate) fn database_named(&self, name: &'static str) -> Result<Database<'_>> {
        self.database_from(name, TEMPLATE, 0)
    }

    /// A database of this name, which ends in `bench`, made from one with so many events.
    pub(crate) fn database_from(
        &self,
        name: &'static str,
        template: &str,
        events: u64,
    ) -> Result<Database<'_>> {
        self.create(name, Some(template), "platform.events", events)
    }

    /// An empty database for the FastAPI service.
    pub(crate) fn database_of_fastapi(&self) -> Result<Database<'_>> {
        self.create(FASTAPI, None, "platform_events", 0)
    }

    fn create(
        &self,
        name: &'static str,
        template: Option<&str>,
        table: &'static str,
        events: u64,
    ) -> Result<Database<'_>> {
        self.cluster.drop_database(name)?;
        self.cluster.create(name, template)?;
        // What was written before shall not be flushed during the measurement.
        self.cluster.psql("postgres", "CHECKPOINT")?;
        Ok(Database {
            cluster: &self.cluster,
            name,
            table,
            events: Cell::new(events),
        })
    }

    /// Makes a token and says in which file it is. Databases that are made from now on know it.
    pub(crate) fn token(&self, name: &str, scope: &str) -> Result<PathBuf> {
        server::token(self, TEMPLATE, name, scope)
    }

    /// Runs a program that ends with the bench, and returns what it printed.
    pub(crate) fn read(&self, program: &Path, tell: impl Fn(&mut Command)) -> Result<String> {
        let mut command = process::command(program, None);
        tell(command.current_dir(&self.directory));
        command::read(&mut command)
    }

    /// The file of a token that was made.
    pub(crate) fn token_file(&self, name: &str) -> PathBuf {
        self.directory.join(format!("token-{name}"))
    }

    /// How long the disk takes to keep something, in seconds, as the database meets it.
    pub(crate) fn flush_s(&self) -> Result<f64> {
        load::flush(self)
    }
}

impl Database<'_> {
    pub(crate) fn psql(&self, statements: &str) -> Result<String> {
        self.cluster.psql(self.name, statements)
    }

    /// As drivers take it.
    pub(crate) fn url(&self) -> String {
        self.cluster.url(self.name)
    }

    /// How many events there were when it was last looked.
    pub(crate) fn events(&self) -> u64 {
        self.events.get()
    }

    pub(crate) fn name(&self) -> &str {
        self.name
    }

    /// Fails unless exactly so many events have come since it was last looked.
    pub(crate) fn holds_more(&self, acknowledged: u64) -> Result<()> {
        if acknowledged == 0 {
            return Ok(());
        }
        let stored = self.psql(&format!("SELECT count(*) FROM {}", self.table))?;
        let stored: u64 = stored.trim().parse().context("a count")?;
        let before = self.events.replace(stored);
        ensure!(
            stored == before + acknowledged,
            "{acknowledged} events were acknowledged, {} are stored",
            stored - before
        );
        Ok(())
    }

    /// Fills it with rows as the server would have made them.
    pub(crate) fn fill(&self, rig: &Rig, rows: u64) -> Result<()> {
        load::fill(rig, &self.url(), rows)?;
        self.psql(
            "UPDATE platform.log_head SET position = (SELECT max(position) FROM platform.events)",
        )?;
        for mark in ["log_durable", "log_projected"] {
            // Earlier builds, which may be compared, have no such table.
            let there = self.psql(&format!("SELECT to_regclass('platform.{mark}')"))?;
            if !there.trim().is_empty() {
                self.psql(&format!(
                    "UPDATE platform.{mark} SET position = (SELECT position FROM platform.log_head)"
                ))?;
            }
        }
        self.psql("VACUUM (ANALYZE) platform.events")?;
        self.holds_more(rows)
    }
}

impl Drop for Database<'_> {
    fn drop(&mut self) {
        // The next one is made from the template whether or not this is gone.
        let _ = self.cluster.drop_database(self.name);
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.cluster.stop();
        // What cannot be removed is in the target directory, and cleared next time.
        let _ = fs::remove_dir_all(&self.directory);
    }
}
