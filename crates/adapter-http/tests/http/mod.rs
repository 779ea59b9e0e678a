//! One module for each thing that clients rely on.

mod access;
mod actions;
mod append;
mod bad_input;
mod faults;
mod limits;
mod mcp;
mod pages;
mod quarantine;
mod questions;
mod server;
mod stream;
mod support;
mod tour;
