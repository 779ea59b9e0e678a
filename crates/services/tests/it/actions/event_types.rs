//! The catalogue of what can be sent.

use pts_api::actions::event_types::{GetEventType, ListEventTypes};

use super::{Proof, proof};

pub(super) const PROOFS: &[Proof] = &[
    proof::<ListEventTypes>(|answer| {
        let types = answer.data.as_array().unwrap();
        assert_eq!(types.len(), 6);
        assert!(types.iter().all(|one| one["family"] == "deployment"));
    }),
    proof::<GetEventType>(|answer| {
        assert_eq!(answer.data["type"], "deployment.started");
        let (schema, example) = (&answer.data["schema"], &answer.data["example"]["data"]);
        assert!(jsonschema::is_valid(schema, example), "{example}");
    }),
];
