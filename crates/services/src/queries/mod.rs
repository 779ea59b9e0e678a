//! Questions, by the thing they are about. Each file holds the use cases of one file of
//! `pts_api::actions`.

mod access;
mod accounting;
mod annotations;
mod audit;
pub(crate) mod deployments;
mod discovery;
mod dora;
mod elevations;
mod event_types;
mod events;
mod expectations;
mod feeds;
mod images;
pub(crate) mod incidents;
mod maintenance;
mod purge;
mod quarantine;
mod services;
mod sessions;
mod state;
mod timeline;
mod tokens;

use pts_domain::time::Moment;
use pts_domain::{FieldError, Timestamp};

pub(crate) use events::sought;

use crate::{ActionError, Gateway};

/// A period as a query names it; refused when it ends before it begins.
pub(crate) fn period(
    gateway: &Gateway,
    since: Option<&Moment>,
    until: Option<&Moment>,
) -> Result<(Option<Timestamp>, Option<Timestamp>), ActionError> {
    let now = gateway.now();
    let (since, until) = (since.map(|m| m.resolve(now)), until.map(|m| m.resolve(now)));
    match (since, until) {
        (Some(from), Some(to)) if to < from => {
            let expected = format!("a moment not before `since` ({})", from.to_rfc3339());
            let error = FieldError::invalid("until", to.to_rfc3339(), expected);
            Err(ActionError::Invalid(vec![error]))
        }
        period => Ok(period),
    }
}
