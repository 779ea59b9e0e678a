//! Who did what.

use std::sync::Arc;

use futures::StreamExt as _;
use pts_api::Answer;
use pts_api::actions::audit::{ExportAudit, GetAuditHead, SearchAudit};
use pts_services::{AuditPart, CallOptions, Gateway};
use serde_json::{Value, json};

use super::{Proof, admin, proof, whole};

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

/// The first entry of an export, and that there are as many as it says.
pub(super) async fn carried_out(gateway: &Arc<Gateway>, example: &Value) -> Answer<Value> {
    let input = serde_json::from_value(example.clone()).unwrap();
    let (gateway, admin) = (Arc::clone(gateway), admin());
    let export = gateway.export_audit(&admin, input, CallOptions::default());
    let mut parts = export.await.unwrap().parts;
    let mut all = Vec::new();
    while let Some(part) = parts.next().await {
        match part.unwrap() {
            AuditPart::Entries(entries) => all.extend(entries),
            AuditPart::End { entries, .. } => {
                assert_eq!((all.len(), entries), (3, 3));
                return whole(&all[0]);
            }
        }
    }
    panic!("it was broken off");
}
