//! Who did what, in a chain that shows where somebody meddled with it: entries, their hashes, signed
//! checkpoints, and the reading of all that by somebody who trusts nothing but a public key.

mod chain;
mod checkpoint;
mod entry;
mod filter;
mod hash;
mod key;
mod verify;

pub use chain::{Entry, Head, input_digest};
pub use checkpoint::Checkpoint;
pub use entry::{Actor, ActorKind, Effect, Outcome, Record};
pub use filter::AuditFilter;
pub use hash::Hash;
pub use key::{KeyId, PublicKey, Signature, SigningKey};
pub use verify::{Fault, Flaw, Report, Stored, Tampering, Verifier};
