//! Who may do what: scopes, tokens, principals, and the workspace that each of them acts in.

mod confirmation;
mod elevation;
mod holder;
mod network;
mod principal;
mod role;
mod scope;
mod service;
mod token;
mod workspace;

pub use confirmation::{Confirmation, ConfirmationRefused, ConfirmationText, digest};
pub use elevation::{Elevation, ElevationRules, ElevationState, Step, StepKind, StepRefused};
pub use holder::Holder;
pub use network::Network;
pub use principal::{Origin, Principal};
pub use role::{BUILT_IN_ROLES, built_in_role};
pub use scope::Scope;
pub use service::ServiceIdentity;
pub use token::{Token, TokenKind, TokenRefused, TokenText};
pub use workspace::Workspace;
