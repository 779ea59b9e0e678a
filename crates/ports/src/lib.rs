//! What the services need from outside, as async traits: each says what an implementation owes.
//!
//! To add an implementation, implement the traits in an adapter crate and run the contract suite of
//! `pts-testkit` against it: a port's promise is what that suite holds it to. With the feature
//! `mocks`, every trait `X` has a `MockX` (mockall).
//!
//! **Architecture invariant:** ports are cut by use, not by table; no driver's or framework's type
//! appears in them.

mod accounting;
mod audit;
mod blind_spots;
mod clock;
mod confirmations;
mod elevations;
mod error;
mod event_log;
mod identity;
mod maintenance;
mod outbound;
mod policy;
mod projections;
mod projector;
mod quarantine;
mod retention;
mod tokens;

#[cfg(feature = "mocks")]
pub use accounting::MockAccounting;
pub use accounting::{Account, AccountQuery, Accounting, Counted, Handover};
pub use audit::{AuditLog, CheckpointSink, KeptCheckpoint};
#[cfg(feature = "mocks")]
pub use audit::{MockAuditLog, MockCheckpointSink};
#[cfg(feature = "mocks")]
pub use blind_spots::MockBlindSpots;
pub use blind_spots::{BlindSpots, Received};
pub use clock::{Clock, Entropy, new_id};
#[cfg(feature = "mocks")]
pub use clock::{MockClock, MockEntropy};
pub use confirmations::Confirmations;
#[cfg(feature = "mocks")]
pub use confirmations::MockConfirmations;
#[cfg(feature = "mocks")]
pub use elevations::MockElevations;
pub use elevations::{ElevationQuery, Elevations};
pub use error::StoreError;
#[cfg(feature = "mocks")]
pub use event_log::MockEventLog;
pub use event_log::{Appended, EventLog, Stretch, Tail, Written};
#[cfg(feature = "mocks")]
pub use identity::MockIdentityProvider;
pub use identity::{DeviceGrant, DevicePoll, Doubt, IdentityProvider, ProviderError};
#[cfg(feature = "mocks")]
pub use maintenance::MockMaintenance;
pub use maintenance::{Difference, Maintenance, RebuildReport, VerifyReport};
#[cfg(feature = "mocks")]
pub use outbound::MockOutbound;
pub use outbound::{Outbound, OutboundError};
#[cfg(feature = "mocks")]
pub use policy::MockPolicyEngine;
pub use policy::{PoliciesAway, Policy, PolicyBook, PolicyEngine, PolicyFile};
#[cfg(feature = "mocks")]
pub use projections::MockProjections;
pub use projections::{
    DeploymentQuery, DoraFacts, ImageQuery, IncidentQuery, Projections, RunQuery, StateQuery,
};
pub use projector::Projector;
#[cfg(feature = "mocks")]
pub use quarantine::MockQuarantine;
pub use quarantine::{Finding, Quarantine, QuarantineQuery};
#[cfg(feature = "mocks")]
pub use retention::MockRetentionStore;
pub use retention::{MonthAhead, Remover, RetentionRun, RetentionStore, Thinned, Thinning};
#[cfg(feature = "mocks")]
pub use tokens::MockTokenStore;
pub use tokens::{TokenQuery, TokenStore};
