//! Deployments and incidents as marks on the graphs of others.

use pts_api::actions::annotations::ListAnnotations;

use super::{Proof, proof};

pub(super) const PROOFS: &[Proof] = &[proof::<ListAnnotations>(|answer| {
    let marks = answer.data.as_array().unwrap();
    let titles: Vec<_> = marks.iter().map(|mark| &mark["title"]).collect();
    assert_eq!(
        titles,
        [
            "payments 1.4.1 in production: succeeded",
            "payments 1.4.2 in production: failed",
            "Payments time out",
        ]
    );
})];
