//! Events on their way into the log: what is worked out of each once, before anything waits for it.

use std::collections::HashMap;

use pts_domain::event::{Admission, Known, NewEvent, admit};
use pts_domain::{Event, Identity, StoredEvent};
use pts_ports::Appended;
use uuid::Uuid;

/// One event.
pub(crate) struct Incoming {
    /// Without a place (0) until it is admitted.
    pub(super) event: StoredEvent,
    /// The token it came with.
    pub(super) sender: Option<Uuid>,
    /// The number of the workspace that it belongs to.
    pub(super) workspace: i32,
    /// What the log will say of its identity, should it be the first.
    pub(super) known: Known,
}

impl Incoming {
    /// One of the workspace of this number.
    pub(crate) fn new(new: NewEvent, workspace: i32) -> Self {
        let known = Known::of(&new);
        Self {
            event: StoredEvent {
                position: 0,
                id: new.id,
                received_at: new.received_at,
                event: new.event,
            },
            sender: new.sender,
            workspace,
            known,
        }
    }
}

/// Decides what becomes of each, given what the log holds of their identities.
pub(super) fn admitted(batch: &[Incoming], known: &Identities<Known>) -> Vec<Admission> {
    let each = batch.iter().map(|incoming| {
        let identity = &incoming.event.event.identity;
        ((incoming.workspace, identity), incoming.known)
    });
    admit(each, |(workspace, identity): (i32, &Identity)| {
        known.get(&workspace)?.get(identity).copied()
    })
}

/// Something of identities, each in its workspace.
pub(super) type Identities<T> = HashMap<i32, HashMap<Identity, T>>;

/// The events themselves, each beside its workspace's number.
pub(super) fn events<'e>(
    batch: impl IntoIterator<Item = &'e Incoming>,
) -> impl Iterator<Item = (i32, &'e Event)> {
    let each = batch.into_iter();
    each.map(|incoming| (incoming.workspace, &incoming.event.event))
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
