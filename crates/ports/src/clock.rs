//! Time and chance as ports, so that tests and replays decide what now is and what is drawn.

use pts_domain::{Timestamp, time};
use uuid::Uuid;

/// Tells the time.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait Clock: Send + Sync {
    /// The current time, in whole microseconds (see [`pts_domain::time::to_micros`]).
    fn now(&self) -> Timestamp;
}

/// Draws unpredictable bytes.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait Entropy: Send + Sync {
    /// 20 bytes that nobody can guess: fit for secrets.
    fn draw(&self) -> [u8; 20];
}

/// A version 7 UUID: the milliseconds of `now`, then chance. Ids made later sort later, so that
/// indexes grow at their end.
pub fn new_id(entropy: &dyn Entropy, now: Timestamp) -> Uuid {
    let drawn = entropy.draw();
    let mut random = [0; 10];
    random.copy_from_slice(&drawn[..10]);
    let millis = u64::try_from(time::to_micros(now).timestamp_millis()).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}
