//! What the tests of every crate share: in-memory fakes of the ports, contract suites that hold any
//! implementation to the ports' promises, generators of events, and databases for tests.
//!
//! **Architecture invariant:** a dev-dependency only. Without the feature `postgres` it brings no
//! database, container library or web framework into anybody's tree.

pub mod contract;
pub mod fakes;
pub mod generate;
#[cfg(feature = "postgres")]
pub mod postgres;
mod request;

pub use request::Request;
