//! Events on their way into the log: what is worked out of each once, before anything waits for it.

use pts_domain::StoredEvent;
use pts_domain::event::{Admission, Known, NewEvent};
use pts_ports::Appended;
use uuid::Uuid;

/// One event.
pub(crate) struct Incoming {
    /// Without a place (0) until it is admitted.
    pub(super) event: StoredEvent,
    /// The token it came with.
    pub(super) sender: Option<Uuid>,
    /// What the log will say of its identity, should it be the first.
    pub(super) known: Known,
}

impl From<NewEvent> for Incoming {
    fn from(new: NewEvent) -> Self {
        let known = Known::of(&new);
        Self {
            event: StoredEvent {
                position: 0,
                id: new.id,
                received_at: new.received_at,
                event: new.event,
            },
            sender: new.sender,
            known,
        }
    }
}

/// Gives the admitted events their places behind the head.
pub(super) fn place(batch: &mut [Incoming], admissions: &[Admission], head: i64) {
    let mut places = head + 1..;
    for (incoming, admission) in batch.iter_mut().zip(admissions) {
        incoming.event.position = match admission {
            Admission::Store => places.next().unwrap_or(i64::MAX),
            Admission::Repeat { .. } | Admission::Conflict { .. } => 0,
        };
    }
}

/// Those that have a place.
pub(super) fn placed(batch: &[Incoming]) -> Vec<&Incoming> {
    batch
        .iter()
        .filter(|incoming| incoming.event.position > 0)
        .collect()
}

/// What to tell of each, given what did not fit in those that have a place, in order.
pub(super) fn outcomes(
    batch: &[Incoming],
    admissions: Vec<Admission>,
    found: Vec<Vec<pts_domain::projection::Contradiction>>,
) -> Vec<Appended> {
    let mut found = found.into_iter();
    let each = admissions.into_iter().zip(batch);
    each.map(|(admission, incoming)| match admission {
        Admission::Store => Appended::Stored {
            position: incoming.event.position,
            contradictions: found.next().unwrap_or_default(),
        },
        Admission::Repeat { id, received_at } => Appended::Repeat { id, received_at },
        Admission::Conflict { id, received_at } => Appended::Conflict { id, received_at },
    })
    .collect()
}
