//! Who may do what: scopes, tokens, principals, and the workspace that each of them acts in.

mod brake;
mod confirmation;
mod elevation;
mod grant;
mod holder;
mod network;
mod principal;
mod role;
mod rule;
mod scope;
mod service;
mod token;
mod workspace;

pub use brake::{Brake, Try};
pub use confirmation::{Confirmation, ConfirmationRefused, ConfirmationText, digest};
pub use elevation::{Elevation, ElevationRules, ElevationState, Step, StepKind, StepRefused};
pub use grant::{Grant, Withheld};
pub use holder::Holder;
pub use network::Network;
pub use principal::{Origin, Principal};
pub use role::{BUILT_IN_ROLES, Roles, built_in_role};
pub use rule::{ActionFacts, BUILT_IN_RULE, RULE_ADMIN, RULE_OPEN, RULE_SCOPE, Ruling};
pub use scope::Scope;
pub use service::ServiceIdentity;
pub use token::{Token, TokenKind, TokenRefused, TokenText};
pub use workspace::Workspace;
