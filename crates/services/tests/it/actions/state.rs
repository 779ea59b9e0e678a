//! Operational states.

use pts_api::actions::state::ListStates;

use super::{Proof, proof};

pub(super) const PROOFS: &[Proof] = &[proof::<ListStates>(|answer| {
    assert_eq!(answer.data[0]["component"], "payments-db");
    assert_eq!(answer.data[0]["state"], "read-only");
})];
