//! The ports on PostgreSQL 15 and later: the only crate that names diesel.
//!
//! [`migrate`] brings a database to the shape that this crate expects, [`connect`] makes a pool,
//! and each port is a small struct over that pool. An append is one transaction that moves the head of
//! the log: events and projections are written with it, which makes positions gapless and the order
//! of commit the order of the log. It usually is one trip to the server, from memory (`event_log`).
//!
//! To change the schema, add a migration (up and down), and the columns to `schema`; the diagram
//! in `docs/erd.md` is checked against a migrated database.
//!
//! **Architecture invariant:** no type of diesel or of the driver is in a public signature.

pub mod cluster;

mod accounting;
mod audit;
mod blind_spots;
mod confirmations;
mod connection;
mod elevations;
mod error;
mod event_log;
mod lane;
#[cfg(test)]
mod leaks;
mod maintenance;
mod migrate;
#[cfg(test)]
mod plans;
mod pool;
mod project;
mod projections;
mod quarantine;
mod retention;
mod row;
mod schema;
mod settings;
mod sql;
mod tls;
mod tokens;
mod transaction;
mod url;
mod workspaces;

pub use accounting::PgAccounting;
pub use audit::PgAuditLog;
pub use blind_spots::PgBlindSpots;
pub use confirmations::PgConfirmations;
pub use elevations::PgElevations;
pub use event_log::PgEventLog;
pub use maintenance::PgMaintenance;
pub use migrate::{MigrationReport, migrate, revert_all};
pub use pool::{PgPool, connect};
pub use projections::PgProjections;
pub use quarantine::PgQuarantine;
pub use retention::PgRetention;
pub use settings::DatabaseSettings;
pub use tokens::PgTokenStore;
pub use url::redact;
