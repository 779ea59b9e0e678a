//! The Rust client of PTS: every action as a typed call, streams that resume, downloads of any
//! length, and an [`Emitter`] that hands events over without ever holding up or breaking its host.
//!
//! ```no_run
//! use pts_api::actions::deployments::{SearchDeployments, SearchDeploymentsInput};
//! use pts_client::{Client, ClientOptions, Event};
//! use serde_json::json;
//!
//! # async fn example() -> Result<(), pts_client::ClientError> {
//! let client = Client::new(ClientOptions::new("https://pts.example", "pts_…")?)?;
//! let started = Event::new("deployment.started", "ci").with_data(json!({
//!     "service": "payments", "environment": "production", "deployment_id": "d-42",
//! }));
//! client.append_one(started).await?;
//! let input = SearchDeploymentsInput { service: Some("payments".into()), ..Default::default() };
//! let answer = client.call::<SearchDeployments>(input).await?;
//! println!("{} deployments, complete: {}", answer.data.len(), answer.coverage.complete);
//! # Ok(())
//! # }
//! ```
//!
//! **Architecture invariant:** it knows the contract (`pts-api`), not the server. No type of the HTTP
//! library is in a public signature.

mod append;
mod chance;
mod client;
mod download;
mod emitter;
mod error;
mod event;
mod options;
mod retry;
mod route;
mod sign_in;
mod sse;
mod stream;
mod tls;
mod transport;

pub use client::Client;
pub use download::Download;
pub use emitter::{DropReason, Emitter, EmitterOptions, Tally};
pub use error::{ClientError, Refused};
pub use event::Event;
pub use options::ClientOptions;
pub use sign_in::{DeviceSignIn, SignedIn};
pub use stream::EventStream;
