//! The use cases, over mocks where a fault or a call is the point, over the in-memory store where
//! an outcome is.

mod access;
mod accounts;
mod answers;
mod engine;
mod ingest;
mod itself;
mod quarantine;
mod retention;
mod support;
mod tail;
