//! Events: in, out, and as they come.

use pts_api::actions::events::{AppendEvents, GetEvent, SearchEvents, StreamEvents};
use pts_testkit::generate::platform;

use super::{Proof, proof};

pub(super) const PROOFS: &[Proof] = &[
    proof::<AppendEvents>(|answer| {
        assert_eq!(answer.data["items"][0]["status"], "valid");
        assert_eq!(answer.data["created"], 0, "only checked");
    }),
    proof::<SearchEvents>(|answer| {
        let events = answer.data.as_array().unwrap();
        assert_eq!(events.len(), 4);
        assert_eq!(events[0]["type"], "deployment.failed", "the newest first");
        let gaps = &answer.coverage.gaps;
        assert!(gaps[0].reason.contains("quarantine"), "{gaps:?}");
    }),
    proof::<StreamEvents>(|answer| assert_eq!(answer.data["type"], "incident.opened")),
    proof::<GetEvent>(|answer| {
        assert_eq!(answer.data["id"], platform::EVENT.to_string());
        assert_eq!(answer.data["type"], "image.built");
    }),
];
