//! Blind spots, as this process keeps them: when it was able to receive, who usually reports, and
//! what other processes wrote down of the same. All of it is in memory when somebody asks, and nothing
//! of it is written on an event's way in.

mod keeping;
mod receiving;
mod reporters;
mod ward;

pub(crate) use receiving::Receiving;
pub(crate) use reporters::{Reporters, Standing, Suspect};
pub(crate) use ward::Ward;
