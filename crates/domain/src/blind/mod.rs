//! What PTS could not see: when it was not able to receive, and who fell silent. Worked out from
//! records that are kept beside the log, so that an answer can say what it does not know.

mod cadence;
mod concern;
mod receiving;
mod reporter;

pub use cadence::Cadence;
pub use concern::{Concern, Window};
pub use receiving::{Hindrance, Missed, Refusal, Uptime, Why, missed};
pub use reporter::{About, Expectation, Hearing, Names, Reporter, Silence, TOLERANCE};
