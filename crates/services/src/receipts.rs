//! What became of events, as their sender is told: one result each, and a problem for what was not
//! accepted.

use chrono::SecondsFormat;
use pts_api::{BatchResult, ItemResult, ItemStatus, Problem, Receipt};
use pts_domain::{FieldError, Timestamp};

use crate::ItemOutcome;

/// The result of a batch.
pub fn batch(outcomes: Vec<ItemOutcome>) -> BatchResult {
    let mut result = BatchResult {
        created: 0,
        duplicates: 0,
        rejected: 0,
        items: Vec::with_capacity(outcomes.len()),
    };
    for (index, outcome) in outcomes.into_iter().enumerate() {
        let problem = refused(&outcome);
        let (status, code, receipt) = match outcome {
            ItemOutcome::Created(receipt) => (ItemStatus::Created, 201, Some(receipt)),
            ItemOutcome::Duplicate(receipt) => (ItemStatus::Duplicate, 200, Some(receipt)),
            ItemOutcome::Valid(receipt) => (ItemStatus::Valid, 200, Some(receipt)),
            ItemOutcome::Accepted(receipt) => (ItemStatus::Accepted, 202, Some(receipt)),
            ItemOutcome::Conflict { .. } => (ItemStatus::Conflict, 409, None::<Receipt>),
            ItemOutcome::Invalid { .. } => (ItemStatus::Invalid, 400, None),
        };
        match status {
            ItemStatus::Created => result.created += 1,
            ItemStatus::Duplicate => result.duplicates += 1,
            ItemStatus::Valid | ItemStatus::Accepted => {}
            ItemStatus::Conflict | ItemStatus::Invalid => result.rejected += 1,
        }
        result.items.push(ItemResult {
            index,
            status,
            code: problem.as_ref().map_or(code, |problem| problem.status),
            receipt,
            problem,
        });
    }
    result
}

/// Why an event of a batch was not accepted; `None` if it was.
pub fn refused(outcome: &ItemOutcome) -> Option<Problem> {
    match outcome {
        ItemOutcome::Created(_)
        | ItemOutcome::Duplicate(_)
        | ItemOutcome::Valid(_)
        | ItemOutcome::Accepted(_) => None,
        ItemOutcome::Conflict { id, received_at } => Some(conflict(id, *received_at)),
        ItemOutcome::Invalid {
            errors,
            quarantine_id,
        } => {
            let mut problem = invalid(errors);
            problem.quarantine_id = *quarantine_id;
            Some(problem)
        }
    }
}

fn conflict(id: impl std::fmt::Display, received_at: Timestamp) -> Problem {
    Problem::new(
        409,
        "identity_conflict",
        "The identity stands for another event",
        format!(
            "This `source` and `id` were used for another event, {id}, received at {}. Nothing was \
             stored.",
            received_at.to_rfc3339_opts(SecondsFormat::AutoSi, true),
        ),
    )
}

fn invalid(errors: &[FieldError]) -> Problem {
    let detail = pts_domain::problem::summary(errors);
    let mut problem = Problem::new(400, "invalid_event", "The event is not valid", detail);
    problem.errors = errors.to_vec();
    problem
}
