//! Looking after what is stored.

use pts_api::actions::maintenance::{RebuildProjections, RunRetention};
use serde_json::json;

use super::{Proof, proof};

pub(super) const PROOFS: &[Proof] = &[
    proof::<RunRetention>(|answer| assert_eq!(answer.data, json!({ "removed": 0, "months": [] }))),
    proof::<RebuildProjections>(|answer| assert_eq!(answer.data["events"], 10)),
];
