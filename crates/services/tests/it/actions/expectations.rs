//! Who is expected to report.

use pts_api::actions::expectations::{ListExpectations, RemoveExpectation, SetExpectation};
use serde_json::json;

use super::{Proof, proof};

pub(super) const PROOFS: &[Proof] = &[
    proof::<ListExpectations>(|answer| {
        assert_eq!(
            answer.data,
            json!([{
                "source": "backup",
                "state": "silent",
                "every_s": 86_400.0,
                "origin": "declared",
                "heard_at": "2026-02-26T03:00:00Z",
            }])
        );
    }),
    proof::<SetExpectation>(|answer| {
        assert_eq!(answer.data["every_s"], 86_400.0);
        assert_eq!(answer.data["origin"], "declared");
    }),
    proof::<RemoveExpectation>(|answer| {
        assert_eq!(answer.data, json!({ "source": "backup", "learned": null }));
    }),
];
