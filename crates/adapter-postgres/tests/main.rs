//! PostgreSQL for real: every test here runs against a server.

mod cluster;
mod store;
