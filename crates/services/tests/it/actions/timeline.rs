//! What was so at some moment, and what cannot have been so.

use pts_api::Action as _;
use pts_api::actions::timeline::{CompareMoments, ListContradictions, WhatRanAt};
use pts_services::{ActionError, CallOptions};
use serde_json::json;

use super::{Proof, admin, on_the_platform, proof};

pub(super) const PROOFS: &[Proof] = &[
    proof::<WhatRanAt>(|answer| {
        assert_eq!(answer.data["declared"][0]["version"], "1.4.1");
        assert_eq!(answer.data["observed"][0]["instance"], "payments-7f9c");
    }),
    proof::<CompareMoments>(|answer| {
        let changes = answer.data["changes"].as_array().unwrap();
        assert_eq!(changes.len(), 1);
        assert_eq!(changes[0]["before"], json!(null), "nothing ran at eight");
        assert_eq!(changes[0]["after"]["version"], "1.4.1");
        assert_eq!(answer.data["same"], 0);
    }),
    proof::<ListContradictions>(|answer| {
        let found = answer.data.to_string();
        assert!(found.contains("INC-8"), "{found}");
    }),
];

#[tokio::test]
async fn two_moments_differ_by_what_was_brought_between_them() {
    let gateway = on_the_platform().await;
    let compare = async |from: &str, to: &str| {
        let input = json!({ "from": from, "to": to });
        let options = CallOptions::default();
        gateway
            .act(&admin(), CompareMoments::NAME, &input, options)
            .await
    };
    let quiet = compare("2026-03-01T10:00:00Z", "2026-03-01T11:00:00Z").await;
    let quiet = quiet.unwrap();
    assert_eq!(
        (&quiet.data["changes"], &quiet.data["same"]),
        (&json!([]), &json!(1))
    );
    let ahead = compare("1h", "2026-03-02T00:00:00Z").await.unwrap();
    assert!(ahead.warnings[0].contains("ahead"), "{:?}", ahead.warnings);
    let refused = compare("2026-03-01T11:00:00Z", "2026-03-01T10:00:00Z").await;
    assert!(
        matches!(&refused, Err(ActionError::Invalid(errors)) if errors[0].field == "to"),
        "{refused:?}"
    );
}
