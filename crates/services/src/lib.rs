//! Use cases: what the service does with events, questions and tokens. Decisions are the domain's,
//! storage is behind ports; here they are put together.
//!
//! **Architecture invariant:** builds and tests with no web framework, no database driver and no
//! network.

mod access;
mod accounting;
mod audit;
mod blind;
mod bus;
mod coverage;
mod engine;
mod error;
mod export;
mod gateway;
mod ingest;
pub mod input;
mod item;
mod itself;
mod limits;
mod masking;
mod preview;
mod quarantine;
mod queries;
pub mod receipts;
mod registry;
mod retention;
mod signin;
mod tail;

pub use access::{Access, NewToken, Session, Turned, governed_actions};
pub use accounting::{Busiest, Tallies, Whose};
pub use audit::{
    Act, Audit, AuditUnavailable, Checkpointer, Ended, ExportedCheckpoint, Intent, NotSigned,
    verify_audit,
};
pub use bus::EventBus;
pub use coverage::Found;
pub use error::{AccessError, ActionError};
pub use export::{Export, Exported, Part, Source, Stretch};
pub use futures::stream::BoxStream;
pub use gateway::{CallOptions, Following, Gateway, Parts, Share, UseCase, Wanted};
pub use ingest::{ItemOutcome, LARGEST_EVENT, MOST_EVENTS, Mode};
pub use item::{Item, ItemText};
pub use itself::{Itself, OWN_SOURCE, Reporter};
pub use limits::{Limited, Limits};
pub use masking::MaskCounts;
pub use preview::{Foreseen, Seen, Shown};
pub use registry::{is_callable, known_action};
pub use retention::{MONTHS_AHEAD, MonthDone, Preview, Retention, RetentionError};
pub use signin::{Begun, CameBack, DeviceAnswer, SignIn, SignInError, SignedIn};
