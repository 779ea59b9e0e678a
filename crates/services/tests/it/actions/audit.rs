//! Who did what.

use pts_api::actions::audit::{ExportAudit, GetAuditHead, SearchAudit};
use serde_json::json;

use super::{Proof, proof};

pub(super) const PROOFS: &[Proof] = &[
    proof::<SearchAudit>(|answer| {
        let data = answer.data.as_array().unwrap();
        assert_eq!(data.len(), 1, "one was allowed");
        assert_eq!(data[0]["principal"]["name"], "ci");
        assert_eq!(data[0]["address"], "192.0.2.7");
        assert!(answer.coverage.complete);
    }),
    proof::<ExportAudit>(|answer| {
        assert_eq!(answer.data["outcome"], "denied", "the newest");
        assert_eq!(answer.data["times"], 3);
    }),
    proof::<GetAuditHead>(|answer| {
        assert_eq!(answer.data["sequence"], 3);
        assert_eq!(answer.data["checkpoint"], json!(null));
    }),
];
