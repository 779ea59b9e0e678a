//! PostgreSQL for real: every test here runs against a server.

mod cluster;
mod contract_15;
mod contract_17;
mod support;
