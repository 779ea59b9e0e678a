//! Events for tests: hand-made ones that get their ids and defaults from a [`Sender`], random ones
//! that collide on purpose ([`Babel`], [`strategies`]), and whole stories ([`deployments`]).

mod babel;
mod dice;
pub mod platform;
mod scenario;
mod sender;
pub mod strategies;

pub use babel::{Babel, Recipe};
pub use dice::Dice;
pub use scenario::{Scenario, deployments};
pub use sender::Sender;

use chrono::Duration;
use pts_domain::Timestamp;

/// When the tests' history begins: 2026-01-01.
pub fn epoch() -> Timestamp {
    Timestamp::from_timestamp_secs(1_767_225_600).expect("a time")
}

/// So many minutes into the tests' history.
pub fn minute(minutes: i64) -> Timestamp {
    epoch() + Duration::minutes(minutes)
}

/// What "now" is when events are received: later than everything in the tests' history.
pub fn now() -> Timestamp {
    epoch() + Duration::days(365)
}
