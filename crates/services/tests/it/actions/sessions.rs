//! Who is signed in.

use pts_api::actions::sessions::{ListSessions, RevokeSession};
use pts_testkit::generate::platform;
use serde_json::json;

use super::{Proof, proof};

pub(super) const PROOFS: &[Proof] = &[
    proof::<ListSessions>(|answer| {
        assert_eq!(
            answer.data,
            json!([{
                "id": platform::SESSION,
                "name": "ada@acme.example",
                "subject": "https://login.acme.example#ada",
                "place": "browser",
                "roles": ["viewer"],
                "workspace": null,
                "created_at": "2026-03-01T12:10:00Z",
                "last_used_at": "2026-03-01T12:25:00Z",
                "idle_ends_at": "2026-03-01T13:25:00Z",
                "expires_at": "2026-03-01T20:30:00Z",
                "current": false,
            }])
        );
    }),
    proof::<RevokeSession>(|answer| {
        assert_eq!(answer.data["id"], json!(platform::SESSION));
    }),
];
