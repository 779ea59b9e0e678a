//! The use cases, over mocks where a fault or a call is the point, over the in-memory store where
//! an outcome is.

mod access;
mod accounts;
mod actions;
mod answers;
mod audit;
mod blind;
mod checkpoints;
mod elevations;
mod engine;
mod export;
mod guard;
mod ingest;
mod itself;
mod limits;
mod masking;
mod previews;
mod quarantine;
mod retention;
mod rules;
mod support;
mod tail;
mod world;
