//! What was so at some moment, and what cannot have been so.

use pts_api::actions::timeline::{ListContradictions, WhatRanAt};

use super::{Proof, proof};

pub(super) const PROOFS: &[Proof] = &[
    proof::<WhatRanAt>(|answer| {
        assert_eq!(answer.data["declared"][0]["version"], "1.4.1");
        assert_eq!(answer.data["observed"][0]["instance"], "payments-7f9c");
    }),
    proof::<ListContradictions>(|answer| {
        let found = answer.data.to_string();
        assert!(found.contains("INC-8"), "{found}");
    }),
];
