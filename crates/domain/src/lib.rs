//! What is true of a platform: the events it can report, what they change, and the rules by which
//! one history is read. Everything here is a pure function of its arguments.
//!
//! **Architecture invariant:** no async, no IO, no clock, no randomness and no framework. Time and
//! chance come in as values; whatever must happen goes out as a value.

pub mod access;
pub mod accounting;
pub mod blind;
pub mod dora;
pub mod event;
pub mod filter;
pub mod forwarded;
pub mod image_ref;
pub mod platform;
pub mod problem;
pub mod projection;
pub mod quarantine;
pub mod retention;
pub mod signin;
pub mod time;

pub use event::{Event, Identity, StoredEvent};
pub use platform::PlatformEvent;
pub use problem::FieldError;
pub use time::Timestamp;
