//! Signing people in by an identity provider: what binds an answer to the browser that asked, who a
//! person is, which roles their groups give, and how long a session lasts. The provider itself is
//! spoken to elsewhere.

mod attempt;
mod lifetimes;
mod mapping;
mod person;

pub use attempt::Attempt;
pub use lifetimes::Lifetimes;
pub use mapping::{Admission, NotAdmitted, RoleMapping, Rule};
pub use person::Person;
