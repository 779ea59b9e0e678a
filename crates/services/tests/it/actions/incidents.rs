//! Incidents.

use pts_api::actions::incidents::SearchIncidents;

use super::{Proof, proof};

pub(super) const PROOFS: &[Proof] = &[proof::<SearchIncidents>(|answer| {
    let open = answer.data.as_array().unwrap();
    assert_eq!(open.len(), 1);
    assert_eq!(open[0]["incident_id"], "INC-7");
})];
