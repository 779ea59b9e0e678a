//! Fakes of every port: the real decisions over plain memory, with switches for faults. Faithful
//! enough to pass the contract suites that the real adapters pass.

mod clock;
mod entropy;
mod identity;
mod projector;
mod store;

pub use clock::{FixedClock, StepClock};
pub use entropy::SeededEntropy;
pub use identity::FakeProvider;
pub use projector::DomainProjector;
pub use store::MemoryStore;
