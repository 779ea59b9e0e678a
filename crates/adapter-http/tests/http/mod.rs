//! One module for each thing that clients rely on.

mod access;
mod actions;
mod annotations;
mod append;
mod audit;
mod bad_input;
mod elevations;
mod explained;
mod export;
mod faults;
mod feeds;
mod limits;
mod matrix;
mod mcp;
mod pages;
mod policies;
mod quarantine;
mod questions;
mod server;
mod sign_in;
mod stream;
mod support;
mod tenants;
mod tls;
mod tour;
mod workspaces;
