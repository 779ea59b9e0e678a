//! What was sent and is no event.

use pts_api::actions::quarantine::{
    DiscardQuarantined, GetQuarantined, PurgeQuarantine, ReplayQuarantine, SearchQuarantine,
};
use pts_testkit::generate::platform;
use serde_json::json;

use super::{Proof, proof};

pub(super) const PROOFS: &[Proof] = &[
    proof::<SearchQuarantine>(|answer| {
        assert_eq!(answer.data[0]["id"], platform::ITEM.to_string());
        assert_eq!(answer.data[0]["errors"][0]["field"], "data.commit");
    }),
    proof::<GetQuarantined>(|answer| {
        assert_eq!(answer.data["state"], "waiting");
        assert_eq!(answer.data["item"]["id"], "run-44");
    }),
    proof::<ReplayQuarantine>(|answer| {
        assert_eq!(answer.data["items"][0]["status"], "stored");
        assert_eq!(answer.data["replayed"], 1);
    }),
    proof::<DiscardQuarantined>(|answer| {
        assert_eq!(answer.data, json!({ "discarded": 1, "others": [] }));
    }),
    proof::<PurgeQuarantine>(|answer| {
        assert_eq!(answer.data, json!({ "discarded": 1, "more": false }));
    }),
];
