//! The parts of the measurement: what is loaded, and how.

use anyhow::{Context, Result};

use super::{Reading, Rig};
use crate::bench::rig::{Database, Post, Server, Window, copy, fastapi, pgbench};

/// One thing that is measured.
pub(super) struct Part {
    /// As it is named on the command line.
    pub(super) name: &'static str,
    /// As it is named in the table.
    pub(super) title: &'static str,
    kind: Kind,
}

enum Kind {
    Copy { connections: usize },
    Server { connections: usize, batch: usize },
    ParseOnly { connections: usize },
    PgBench { clients: usize },
    FastApi { connections: usize, batch: usize },
}

const fn part(name: &'static str, title: &'static str, kind: Kind) -> Part {
    Part { name, title, kind }
}

pub(super) const fn server(
    name: &'static str,
    title: &'static str,
    connections: usize,
    batch: usize,
) -> Part {
    part(name, title, Kind::Server { connections, batch })
}

const fn fastapi(
    name: &'static str,
    title: &'static str,
    connections: usize,
    batch: usize,
) -> Part {
    part(name, title, Kind::FastApi { connections, batch })
}

pub(super) const fn pgbench_at(name: &'static str, title: &'static str, clients: usize) -> Part {
    part(name, title, Kind::PgBench { clients })
}

const fn parse_only(name: &'static str, title: &'static str, connections: usize) -> Part {
    part(name, title, Kind::ParseOnly { connections })
}

const fn copy_on(name: &'static str, title: &'static str, connections: usize) -> Part {
    part(name, title, Kind::Copy { connections })
}

/// All parts of `bench ingest`.
pub(super) const PARTS: &[Part] = &[
    copy_on("copy1", "COPY of 1,000 rows, 1 connection", 1),
    copy_on("copy2", "COPY of 1,000 rows, 2 connections", 2),
    server("batch2", "batches of 1,000, 2 connections", 2, 1000),
    server("batch4", "batches of 1,000, 4 connections", 4, 1000),
    server("single1", "single events, 1 connection", 1, 0),
    server("single16", "single events, 16 connections", 16, 0),
    server("single64", "single events, 64 connections", 64, 0),
    server("single256", "single events, 256 connections", 256, 0),
    parse_only("parse64", "parse-only, 64 connections", 64),
    parse_only("parse256", "parse-only, 256 connections", 256),
    pgbench_at("pgbench1", "pgbench, 1 row a commit, 1 client", 1),
    pgbench_at("pgbench64", "pgbench, 1 row a commit, 64 clients", 64),
    fastapi("fastapi64", "FastAPI, single events, 64 connections", 64, 0),
    fastapi("fastapi-batch2", "FastAPI, batches, 2 connections", 2, 1000),
    fastapi("fastapi-batch4", "FastAPI, batches, 4 connections", 4, 1000),
];

impl Part {
    /// Measures once, or not at all where the machine lacks what it takes.
    pub(super) fn measure(&self, rig: &Rig) -> Result<Option<Reading>> {
        if matches!(self.kind, Kind::PgBench { .. }) && !pgbench::is_here() {
            return Ok(None);
        }
        let database = match self.kind {
            Kind::FastApi { .. } => rig.database_of_fastapi()?,
            _ => rig.database()?,
        };
        self.measure_on(rig, &database, &[]).map(Some)
    }

    /// Measures once on a database that there is; `more` is told to the load.
    pub(super) fn measure_on(
        &self,
        rig: &Rig,
        database: &Database<'_>,
        more: &[String],
    ) -> Result<Reading> {
        let flush_s = rig.flush_s()?;
        let before = (rig.cluster.wal()?, rig.cluster.commits()?);
        let (window, mut reading, stored) = self.load(rig, database, more)?;
        // The subject has ended, and so have its connections: they have told all.
        let after = (rig.cluster.wal()?, rig.cluster.commits()?);
        database.holds_more(stored)?;
        #[expect(clippy::cast_precision_loss, reason = "nobody sends 2^52 events")]
        let each = |count: f64| stored as f64 / count.max(1.0);
        reading.window = window;
        reading.flush_s = flush_s;
        if stored > 0 {
            reading.rows_per_flush = Some(each(after.0.flushes - before.0.flushes));
            reading.rows_per_commit = Some(each(after.1 - before.1));
            reading.wal_bytes = Some((after.0.bytes - before.0.bytes) / each(1.0));
        }
        Ok(reading)
    }

    /// What was found, and how many events should have been stored.
    fn load(
        &self,
        rig: &Rig,
        database: &Database<'_>,
        more: &[String],
    ) -> Result<(Window, Reading, u64)> {
        let none = Reading::default();
        let (subject, path, connections, batch) = match self.kind {
            Kind::Copy { connections } => {
                let told = copy(rig, &database.url(), connections, more)?;
                return Ok((told.window()?.clone(), none, told.acknowledged));
            }
            Kind::PgBench { clients } => {
                let (window, rows) = pgbench::run(rig, database, clients)?;
                return Ok((window, none, rows));
            }
            Kind::Server { connections, batch } => {
                let server = Server::start(rig, database)?;
                (server, "/v1/events", connections, batch)
            }
            Kind::ParseOnly { connections } => {
                let server = Server::start_parse_only(rig)?;
                (server, "/v1/events", connections, 0)
            }
            Kind::FastApi {
                connections,
                batch: 0,
            } => (fastapi::start(rig, database)?, "/events", connections, 0),
            Kind::FastApi { connections, batch } => {
                let service = fastapi::start(rig, database)?;
                (service, "/events/batch", connections, batch)
            }
        };
        let post = Post {
            path,
            batch,
            more: more.to_vec(),
            ..Post::new(rig, &subject, connections)
        };
        let told = post.run(rig).and_then(|told| told.clean().map(|()| told));
        let told = told.with_context(|| format!("the subject said: {}", subject.said()))?;
        let reading = Reading {
            ready_s: Some(subject.ready.as_secs_f64()),
            idle_kib: told.idle_kib.get("subject").copied(),
            ..none
        };
        subject.stop();
        let stored = match self.kind {
            Kind::ParseOnly { .. } => 0,
            _ => told.acknowledged,
        };
        Ok((told.window()?.clone(), reading, stored))
    }
}
