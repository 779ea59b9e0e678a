//! Events in: checked one by one, stored together, answered one by one.

use pts_api::Receipt;
use pts_domain::event::{Form, NewEvent, read};
use pts_domain::{FieldError, Timestamp};
use pts_ports::{Appended, new_id};
use uuid::Uuid;

use crate::{ActionError, Gateway, Item};

/// How many events one batch may hold.
pub const MOST_EVENTS: usize = 10_000;

/// What became of one element.
#[derive(Debug, Clone, PartialEq)]
pub enum ItemOutcome {
    /// Stored, committed.
    Created(Receipt),
    /// There already.
    Duplicate(Receipt),
    /// Good, and not stored because only validation was asked for.
    Valid(Receipt),
    /// Its identity stands for another event; nothing was stored.
    Conflict {
        /// That event's id.
        id: Uuid,
        /// When that event was received.
        received_at: Timestamp,
    },
    /// Not an event that can be accepted.
    Invalid {
        /// What is wrong with it.
        errors: Vec<FieldError>,
        /// Where it was put aside, if it was.
        quarantine_id: Option<Uuid>,
    },
}

impl Gateway {
    pub(crate) async fn append_items(
        &self,
        sender: Uuid,
        items: Vec<Item>,
        form: Form,
        validate_only: bool,
    ) -> Result<Vec<ItemOutcome>, ActionError> {
        let mut batch = Vec::with_capacity(items.len());
        // Each element's outcome, or what to say once its event is stored.
        let mut slots = Vec::with_capacity(items.len());
        for item in items {
            match self.check(item, form) {
                Ok((event, warnings)) if validate_only => {
                    drop(event);
                    slots.push(Ok(ItemOutcome::Valid(receipt(None, false, warnings))));
                }
                Ok((mut event, warnings)) => {
                    event.sender = Some(sender);
                    slots.push(Err((event.id, event.received_at, warnings)));
                    batch.push(event);
                }
                Err(errors) => slots.push(Ok(ItemOutcome::Invalid {
                    errors,
                    quarantine_id: None,
                })),
            }
        }
        let mut appended = if batch.is_empty() {
            Vec::new().into_iter()
        } else {
            let newest = batch.iter().map(|event| event.received_at).max();
            let appended = self.log.append(batch).await?;
            self.committed(&appended, newest);
            appended.into_iter()
        };
        slots
            .into_iter()
            .map(|slot| match slot {
                Ok(outcome) => Ok(outcome),
                Err((id, at, warnings)) => {
                    let result = appended.next().ok_or_else(|| {
                        tracing::error!("the store answered for fewer events than it was given");
                        ActionError::Internal
                    })?;
                    Ok(outcome(result, id, at, warnings))
                }
            })
            .collect()
    }

    fn check(&self, item: Item, form: Form) -> Result<(NewEvent, Vec<String>), Vec<FieldError>> {
        let value = item.value.map_err(|error| vec![error])?;
        let now = self.now();
        let received = read(value, form, new_id(&*self.entropy, now), now)?;
        Ok((received.event, received.warnings))
    }

    fn committed(&self, appended: &[Appended], newest: Option<Timestamp>) {
        let stored = appended.iter().filter_map(|result| match result {
            Appended::Stored { position, .. } => Some(*position),
            Appended::Repeat { .. } | Appended::Conflict { .. } => None,
        });
        if let Some(position) = stored.max() {
            self.commits.reached(position);
            if let Some(newest) = newest {
                self.freshness.received(newest);
            }
        }
    }
}

fn outcome(
    result: Appended,
    id: Uuid,
    received_at: Timestamp,
    warnings: Vec<String>,
) -> ItemOutcome {
    match result {
        Appended::Stored { contradictions, .. } => {
            let mut receipt = receipt(Some((id, received_at)), false, warnings);
            receipt.contradictions = contradictions;
            ItemOutcome::Created(receipt)
        }
        Appended::Repeat { id, received_at } => {
            ItemOutcome::Duplicate(receipt(Some((id, received_at)), true, warnings))
        }
        Appended::Conflict { id, received_at } => ItemOutcome::Conflict { id, received_at },
    }
}

fn receipt(stored: Option<(Uuid, Timestamp)>, duplicate: bool, warnings: Vec<String>) -> Receipt {
    Receipt {
        id: stored.map(|(id, _)| id),
        received_at: stored.map(|(_, at)| at),
        duplicate,
        warnings,
        contradictions: Vec::new(),
    }
}
