//! Events over HTTP where more is needed than a question's route: taking them in, in every form
//! they come in, and following them live.
//!
//! A body's way: `media` says what it claims to be, `body` reads it within bounds, `decode` and
//! `binary` make JSON of it, `append` hands it to the gateway and writes the answer.

mod append;
mod binary;
mod body;
mod decode;
mod media;
mod stream;

pub(crate) use append::append;
pub(crate) use body::{BodyBudget, whole as whole_body};
pub(crate) use decode::{json_error, not_json};
pub(crate) use stream::stream;
