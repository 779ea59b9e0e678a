//! What the log means: aggregates, and the pure handlers that fold events into them.
//!
//! A handler takes the state it asked for and one event, and returns what changes. State follows
//! the newest event by the time it happened (`time`); an event that arrives late fills in blanks
//! and never turns the state back. What contradicts the state is recorded beside it and stored
//! like any other event.
//!
//! **Architecture invariant:** only the order of events within one aggregate matters, and replaying
//! the log gives the same projections as living through it.

mod aggregates;
mod config;
mod contradiction;
mod deployment;
mod handler;
mod image;
mod incident;
mod instance;
mod run;
mod service;
mod state;

pub use aggregates::{Aggregate, AggregateKey, AggregateKind, Aggregates};
pub use config::ConfigEntry;
pub use contradiction::Contradiction;
pub use deployment::{Deployment, DeploymentStatus};
pub use handler::{Changes, Handler, Happened, fold, handlers, keys_of};
pub use image::{Image, ImageStatus};
pub use incident::{Incident, IncidentStatus};
pub use instance::{Instance, InstanceState, Liveness};
pub use run::{Run, RunKind, close_declared};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
pub use service::{Declared, Service, ServiceChange, ServiceEnvironment};
pub use state::{ComponentState, StateChange};
use uuid::Uuid;

use crate::Timestamp;

/// How many of the events that made it an aggregate remembers; the log has all of them.
pub const REMEMBERED: usize = 20;

/// One of the events that made an aggregate what it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EventRef {
    /// The event's internal id: look it up with `GET /v1/events/{id}`.
    pub id: Uuid,
    /// Its place in the log.
    pub position: i64,
    /// Its type.
    #[serde(rename = "type")]
    pub event_type: String,
    /// When it happened.
    pub time: Timestamp,
}

/// Appends to a bounded memory, forgetting the oldest.
fn remember<T>(memory: &mut Vec<T>, item: T) {
    if memory.len() >= REMEMBERED {
        memory.remove(0);
    }
    memory.push(item);
}

/// Puts an item in its place in a bounded memory that is ordered by time, forgetting the oldest.
fn remember_in_order<T>(memory: &mut Vec<T>, item: T, time: impl Fn(&T) -> Timestamp) {
    let place = memory.partition_point(|other| time(other) <= time(&item));
    memory.insert(place, item);
    if memory.len() > REMEMBERED {
        memory.remove(0);
    }
}

/// Cuts a text that an aggregate keeps many of: the event itself has all of it.
fn shorten(text: &mut String, longest: usize) {
    if text.len() > longest {
        text.truncate(text.floor_char_boundary(longest));
        text.push('…');
    }
}

/// Fills a blank, or overwrites what stands there if the news is newer.
fn learn<T: Clone>(slot: &mut Option<T>, value: Option<&T>, newer: bool) {
    if let Some(value) = value
        && (newer || slot.is_none())
    {
        *slot = Some(value.clone());
    }
}
