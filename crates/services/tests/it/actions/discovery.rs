//! The actions themselves.

use pts_api::actions::discovery::{GetAction, ListActions};

use super::{Proof, proof};

pub(super) const PROOFS: &[Proof] = &[
    proof::<ListActions>(|answer| {
        let keys: Vec<_> = answer
            .data
            .as_array()
            .unwrap()
            .iter()
            .map(|one| &one["key"])
            .collect();
        assert_eq!(
            keys,
            ["platform.events.append", "platform.quarantine.replay"]
        );
    }),
    proof::<GetAction>(|answer| {
        assert_eq!(answer.data["key"], "platform.events.search");
        assert_eq!(answer.data["scope"], "events:read");
        let (schema, example) = (&answer.data["input_schema"], &answer.data["examples"][0]);
        assert!(jsonschema::is_valid(schema, example), "{example}");
    }),
];
