//! Deployments.

use pts_api::actions::deployments::{GetDeployment, SearchDeployments};

use super::{Proof, proof};

pub(super) const PROOFS: &[Proof] = &[
    proof::<SearchDeployments>(|answer| {
        let found = answer.data.as_array().unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0]["deployment_id"], "d-42");
        assert_eq!(found[0]["status"], "failed");
    }),
    proof::<GetDeployment>(|answer| {
        assert_eq!(answer.data["deployment"]["version"], "1.4.2");
        assert_eq!(answer.data["events"].as_array().unwrap().len(), 2);
    }),
];
