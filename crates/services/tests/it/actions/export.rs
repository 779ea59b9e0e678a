//! Everything that fits, as a file.

use std::sync::Arc;

use futures::StreamExt as _;
use pts_api::actions::export::{Export, ExportDeployments, ExportEvents, ExportIncidents};
use pts_api::{Action as _, Answer};
use pts_domain::event::RawEvent;
use pts_services::{CallOptions, Exported, Gateway, Part};
use serde_json::{Value, json};

use super::{Proof, admin, proof, whole};

pub(super) const PROOFS: &[Proof] = &[
    proof::<ExportEvents>(|answer| {
        assert_eq!(answer.data["type"], "deployment.failed", "the newest");
        assert_eq!(answer.data["data"]["reason"], "probe");
    }),
    proof::<ExportDeployments>(|answer| {
        assert_eq!(
            answer.data["deployment_id"], "d-42",
            "the one first reported last"
        );
    }),
    proof::<ExportIncidents>(|answer| {
        assert_eq!(answer.data["incident_id"], "INC-7", "the one in production");
    }),
];

/// The first of an export, and that there are as many as it says.
pub(super) async fn carried_out(
    gateway: &Arc<Gateway>,
    action: &str,
    example: &Value,
) -> Answer<Value> {
    match action {
        ExportEvents::NAME => {
            let all = all::<ExportEvents>(gateway, example).await;
            assert_eq!(all.len(), 4);
            event(&all[0])
        }
        ExportDeployments::NAME => whole(&all::<ExportDeployments>(gateway, example).await[0]),
        ExportIncidents::NAME => whole(&all::<ExportIncidents>(gateway, example).await[0]),
        other => panic!("{other} exports nothing that is known here"),
    }
}

async fn all<A: Export>(
    gateway: &Arc<Gateway>,
    example: &Value,
) -> Vec<<Gateway as Exported<A>>::Row>
where
    Gateway: Exported<A>,
{
    let input = serde_json::from_value(example.clone()).unwrap();
    let (gateway, admin) = (Arc::clone(gateway), admin());
    let export = gateway.export::<A>(&admin, input, CallOptions::default());
    let mut parts = export.await.unwrap().parts;
    let mut all = Vec::new();
    while let Some(part) = parts.next().await {
        match part.unwrap() {
            Part::Rows(rows) => all.extend(rows),
            Part::End { count, .. } => {
                assert_eq!(all.len() as u64, count);
                return all;
            }
        }
    }
    panic!("it was broken off");
}

fn event(event: &RawEvent) -> Answer<Value> {
    whole(&json!({
        "id": event.id,
        "event_id": event.event_id,
        "position": event.position,
        "source": event.source,
        "type": event.event_type,
        "subject": event.subject,
        "time": event.time,
        "received_at": event.received_at,
        "data": serde_json::from_str::<Value>(&event.data).unwrap(),
    }))
}
