//! What pts-server does besides serving: one file a family of commands.

pub(crate) mod audit;
pub(crate) mod config;
pub(crate) mod healthcheck;
pub(crate) mod maintenance;
pub(crate) mod outbound;
pub(crate) mod quarantine;
pub(crate) mod retention;
pub(crate) mod token;
