//! Who may do what, by policies in the Cedar language: the rules that there always are, and those of a
//! file of the operator's. They are checked against a schema made from the contract's actions when they
//! are read, so that a misspelt action refuses the start instead of deciding nothing. A file that
//! changes is read again; one that is wrong or gone permits nothing until it is right.
//!
//! **Architecture invariant:** the only crate that names the policy engine, and no type of it is in a
//! public signature here.

mod book;
mod engine;
mod file;
mod schema;

pub use book::PolicyError;
pub use engine::CedarPolicies;
