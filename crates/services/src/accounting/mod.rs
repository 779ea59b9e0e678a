//! Accounts of everything that was sent: what this process sees is tallied in memory at next to no
//! cost, and brought to the books once a second; what is stored is counted from the log itself.

mod books;
mod tallies;

pub(crate) use books::Books;
pub use tallies::{Busiest, Tallies, Whose};
