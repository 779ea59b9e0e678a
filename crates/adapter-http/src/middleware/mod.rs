//! What happens to every request, whatever it asks for: it gets an id and a span, is counted and
//! timed, its problem is written out, and its answer leaves with the headers that keep browsers
//! safe.

mod observe;
mod panics;
mod request_id;
mod security;
mod trace;

pub(crate) use observe::observe;
pub(crate) use panics::catch_panics;
pub(crate) use request_id::{RequestId, RequestIds};
pub(crate) use security::secure;
pub(crate) use trace::TraceIds;
