//! Images.

use pts_api::actions::images::SearchImages;

use super::{Proof, proof};

pub(super) const PROOFS: &[Proof] = &[proof::<SearchImages>(|answer| {
    assert_eq!(answer.data[0]["image"], "ghcr.io/acme/payments");
    assert_eq!(answer.data[0]["ran"][0]["version"], "1.4.1");
})];
