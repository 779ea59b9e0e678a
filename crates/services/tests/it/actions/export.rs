//! Everything that fits, as a file.

use std::sync::Arc;

use futures::StreamExt as _;
use pts_api::Answer;
use pts_api::actions::export::ExportEvents;
use pts_services::{CallOptions, Gateway, Part};
use serde_json::{Value, json};

use super::{Proof, admin, proof, whole};

pub(super) const PROOFS: &[Proof] = &[proof::<ExportEvents>(|answer| {
    assert_eq!(answer.data["type"], "deployment.failed", "the newest");
    assert_eq!(answer.data["data"]["reason"], "probe");
})];

/// The first event of an export, and that there are as many as it says.
pub(super) async fn carried_out(gateway: &Arc<Gateway>, example: &Value) -> Answer<Value> {
    let input = serde_json::from_value(example.clone()).unwrap();
    let (gateway, admin) = (Arc::clone(gateway), admin());
    let export = gateway.export(&admin, input, CallOptions::default());
    let mut parts = export.await.unwrap().parts;
    let mut all = Vec::new();
    while let Some(part) = parts.next().await {
        match part.unwrap() {
            Part::Events(events) => all.extend(events),
            Part::End { events, .. } => {
                assert_eq!((all.len(), events), (4, 4));
                let first = &all[0];
                return whole(&json!({
                    "id": first.id,
                    "event_id": first.event_id,
                    "position": first.position,
                    "source": first.source,
                    "type": first.event_type,
                    "subject": first.subject,
                    "time": first.time,
                    "received_at": first.received_at,
                    "data": serde_json::from_str::<Value>(&first.data).unwrap(),
                }));
            }
        }
    }
    panic!("it was broken off");
}
