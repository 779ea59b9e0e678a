//! What answers rest on. A use case returns what it found together with the question that it
//! answered; only the gateway makes an [`Answer`] of it, and works out what could be missing. So no
//! query gets around its coverage.

mod assemble;
mod freshness;
mod question;

pub(crate) use assemble::timed_out;
pub(crate) use freshness::Freshness;
pub use question::Found;
pub(crate) use question::{Question, found, page};
