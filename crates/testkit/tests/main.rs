//! The kit held to its own promises.

mod memory;
#[cfg(feature = "postgres")]
mod postgres;
