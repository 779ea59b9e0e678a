//! DORA's metrics.

use pts_api::actions::dora::GetDora;

use super::{Proof, proof};

pub(super) const PROOFS: &[Proof] = &[proof::<GetDora>(|answer| {
    assert_eq!(answer.data["service"], "payments");
    assert_eq!(answer.data["deployment_frequency"]["deployments"], 1);
})];
