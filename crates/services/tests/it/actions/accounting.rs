//! The account of what was sent.

use pts_api::actions::accounting::GetAccounting;

use super::{Proof, proof};

pub(super) const PROOFS: &[Proof] = &[proof::<GetAccounting>(|answer| {
    let (totals, row) = (&answer.data["totals"], &answer.data["rows"][0]);
    assert_eq!(row["source"], "ci");
    assert_eq!(totals["stored"], 5);
    assert_eq!(totals["quarantined"], 1);
    assert_eq!(totals["received"], 6);
})];
