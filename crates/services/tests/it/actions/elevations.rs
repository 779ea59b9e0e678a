//! Rights for a while.

use pts_api::actions::elevations::{
    DecideElevation, EndElevation, MyElevations, RequestElevation, SearchElevations,
};
use pts_testkit::generate::platform;
use serde_json::json;

use super::{Proof, proof};

pub(super) const PROOFS: &[Proof] = &[
    proof::<RequestElevation>(|answer| {
        assert_eq!(answer.data["state"], "requested");
        assert_eq!(answer.data["decide_by"], "2026-03-01T13:30:00Z");
        assert_eq!(answer.warnings, ["operate is held already"]);
    }),
    proof::<MyElevations>(|answer| assert_eq!(answer.data, json!([]))),
    proof::<SearchElevations>(|answer| {
        assert_eq!(answer.data[0]["id"], platform::ELEVATION.to_string());
        assert_eq!(answer.data[0]["holder"], "person:bob@acme.example");
    }),
    proof::<DecideElevation>(|answer| {
        assert_eq!(answer.data["state"], "active");
        assert_eq!(answer.data["active_until"], "2026-03-01T13:00:00Z");
        assert_eq!(answer.data["steps"][0]["reason"], "on call tonight");
    }),
    proof::<EndElevation>(|answer| assert_eq!(answer.data["state"], "withdrawn")),
];
