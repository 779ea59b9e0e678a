//! Deployments and incidents for feed readers and calendars: what the documents are made of.

use pts_api::actions::feeds::{
    DeploymentsCalendar, DeploymentsFeed, IncidentsCalendar, IncidentsFeed,
};
use pts_api::{Action, Answer};
use pts_services::{CallOptions, Gateway, UseCase};
use serde_json::{Value, json};

use super::{Proof, admin, proof, whole};

pub(super) const PROOFS: &[Proof] = &[
    proof::<DeploymentsFeed>(the_newest_deployments),
    proof::<DeploymentsCalendar>(the_newest_deployments),
    proof::<IncidentsFeed>(the_incident),
    proof::<IncidentsCalendar>(the_incident),
];

fn the_newest_deployments(answer: &Answer<Value>) {
    let all = answer.data.as_array().unwrap().iter();
    let ids: Vec<_> = all.map(|one| &one["deployment_id"]).collect();
    assert_eq!(ids, ["d-42", "d-41"]);
}

fn the_incident(answer: &Answer<Value>) {
    assert_eq!(answer.data[0]["incident_id"], "INC-7");
    assert_eq!(answer.data[1], json!(null), "there is one");
}

/// What the document of a feed is made of.
pub(super) async fn carried_out(gateway: &Gateway, name: &str, example: &Value) -> Answer<Value> {
    macro_rules! ask {
        (feed $action:ty) => {
            if name == <$action>::NAME {
                return ask::<$action>(gateway, example).await;
            }
        };
        ($kind:ident $action:ty) => {};
    }
    pts_api::each_action!(ask);
    panic!("{name} is no feed");
}

async fn ask<A: Action>(gateway: &Gateway, example: &Value) -> Answer<Value>
where
    Gateway: UseCase<A>,
{
    let input = serde_json::from_value(example.clone()).expect(A::NAME);
    let admin = admin();
    let answer = gateway.call::<A>(&admin, input, CallOptions::default());
    whole(&answer.await.expect(A::NAME).data)
}
