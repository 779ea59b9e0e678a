//! HTTP in front of the gateway: routes bound from the contract, access, events in every form they
//! come in, live streams, the API reference and the pages of the browser.
//!
//! Start reading at [`bind`]; `routes.rs` says which path leads where. An endpoint with logic of
//! its own is one file; a plain question needs none, because `bind` derives its route, the reading
//! of its parameters and its errors from its declaration in `pts-api`.
//!
//! **Architecture invariant:** the only crate of the server that names the web framework, and no
//! type of it is in a public signature here. Nothing here decides what is true or who may do what:
//! that is asked of [`pts_services::Gateway`].

mod auth;
mod bind;
mod client_of;
mod device;
mod events;
mod export;
mod feeds;
mod health;
mod limits;
mod mcp;
mod metrics;
mod middleware;
mod openapi;
mod pages;
mod problem;
mod routes;
mod server;
mod settings;
mod shared;
mod tls;

pub use openapi::document as openapi_document;
pub use server::{Running, bind, refresh as refresh_tls};
pub use settings::{Figure, FigureKind, HttpSettings};
pub use tls::{Tls, TlsError, TlsFiles};
