//! Services.

use pts_api::actions::services::{GetService, ListServices};

use super::{Proof, proof};

pub(super) const PROOFS: &[Proof] = &[
    proof::<ListServices>(|answer| {
        assert_eq!(answer.data[0]["service"], "payments");
        assert_eq!(answer.data[0]["environments"][0]["agrees"], true);
    }),
    proof::<GetService>(|answer| {
        assert_eq!(answer.data["instances"][0]["instance"], "payments-7f9c");
        let environment = &answer.data["environments"][0];
        assert_eq!(environment["declared"]["version"], "1.4.1");
    }),
];
