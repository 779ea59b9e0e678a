//! The contract: every operation of the service, declared once. Routes, OpenAPI, clients and
//! permission checks are derived from these declarations; `pts-services` supplies the code behind
//! them.
//!
//! **Architecture invariant:** serde, schemars and domain types only. Nothing here can do anything.

mod action;
pub mod actions;
mod answer;
mod call;
mod device;
mod problem;
mod record;

pub use action::{Action, ActionSpec, Binding, Effect, Method};
pub use answer::{Answer, Coverage, Gap, Source, SourceState};
pub use call::{Call, CallError, CallMeta, Details, Done, Failed, Partial};
pub use device::{DevicePoll, DevicePolled, DeviceStart, DeviceStarted};
pub use problem::Problem;
pub use record::{BatchResult, EventRecord, ItemResult, ItemStatus, Receipt};
