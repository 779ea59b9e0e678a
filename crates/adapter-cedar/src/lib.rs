//! Who may do what, by policies in the Cedar language: the rules that there always are, and those of a
//! file of the operator's. They are checked against a schema made from the contract's actions when they
//! are read, so that a misspelt action refuses the start instead of deciding nothing. A file that
//! changes is read again; one that is wrong or gone permits nothing until it is right.
//!
//! **Architecture invariant:** the only crate that names the policy engine, and no type of it is in a
//! public signature here.

mod book;
mod built_in;
mod engine;
mod file;
mod schema;

use std::path::Path;
use std::sync::Arc;

use pts_domain::Timestamp;
use pts_domain::access::ActionFacts;
use pts_ports::PolicyEngine;

pub use book::PolicyError;
pub use engine::CedarPolicies;

/// What decides who may: the policies of a file beside the rules that there always are, or these alone,
/// which take neither time nor memory for a language that nobody writes in.
///
/// # Errors
/// What is wrong with the file, and where.
pub fn policies(
    actions: &[ActionFacts],
    file: Option<&Path>,
    now: Timestamp,
) -> Result<Arc<dyn PolicyEngine>, PolicyError> {
    match file {
        Some(_) => Ok(Arc::new(CedarPolicies::open(actions, file, now)?)),
        None => Ok(Arc::new(built_in::BuiltIn::new(actions, now))),
    }
}
