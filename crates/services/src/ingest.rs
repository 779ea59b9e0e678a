//! Events in: checked one by one, stored together, answered one by one.

use std::sync::Arc;

use pts_api::Receipt;
use pts_api::actions::events::{Ack, AppendParameters, Validate};
use pts_domain::access::Workspace;
use pts_domain::accounting::{Outcome, UNKNOWN};
use pts_domain::blind::Hindrance;
use pts_domain::event::{Form, NewEvent, read};
use pts_domain::masking::alike;
use pts_domain::{FieldError, Timestamp};
use pts_ports::{Appended, new_id};
use serde_json::Value;
use tokio::task::yield_now;
use uuid::Uuid;

use crate::accounting::Tallies;
use crate::blind::Receiving;
use crate::coverage::Freshness;
use crate::engine::{Failure, Newest, NotStored};
use crate::masking::advice;
use crate::quarantine::Bad;
use crate::tail::Commits;
use crate::{ActionError, Gateway, Item, ItemText};

/// How many events one batch may hold.
pub const MOST_EVENTS: usize = 10_000;

/// Bytes that one event may have as JSON. What is larger belongs in a store of files, with its
/// address in the event.
pub const LARGEST_EVENT: usize = 1024 * 1024;

/// So many events of a batch are checked before others have their turn.
const TURN: usize = 16;

/// What is wanted of the events of a request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mode {
    /// Stored, and answered when that is safe.
    #[default]
    Store,
    /// Stored, and answered at once.
    Accept,
    /// Checked, and nothing else.
    Validate,
}

impl From<&AppendParameters> for Mode {
    fn from(parameters: &AppendParameters) -> Self {
        match (parameters.validate, parameters.ack) {
            (Some(Validate::Only), _) => Self::Validate,
            (None, Some(Ack::Accepted)) => Self::Accept,
            (None, Some(Ack::Committed) | None) => Self::Store,
        }
    }
}

/// What became of one element.
#[derive(Debug, Clone, PartialEq)]
pub enum ItemOutcome {
    /// Stored, committed.
    Created(Receipt),
    /// There already.
    Duplicate(Receipt),
    /// Good, and not stored because only validation was asked for.
    Valid(Receipt),
    /// Good and on its way; what becomes of it is not waited for.
    Accepted(Receipt),
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
    /// Takes events in for whoever runs this program on the machine itself: as [`Gateway::ingest`]
    /// does for a caller, but nobody is asked for a scope, and nothing is limited. `sender` is whom
    /// the accounts name.
    ///
    /// # Errors
    /// As [`Gateway::ingest`], but for [`ActionError::Denied`] and [`ActionError::Limited`].
    pub async fn ingest_here(
        &self,
        sender: Uuid,
        items: Vec<Item>,
        form: Form,
        mode: Mode,
    ) -> Result<Vec<ItemOutcome>, ActionError> {
        self.append_items(sender, items, form, mode).await
    }

    pub(crate) async fn append_items(
        &self,
        sender: Uuid,
        items: Vec<Item>,
        form: Form,
        mode: Mode,
    ) -> Result<Vec<ItemOutcome>, ActionError> {
        let mut batch = Vec::with_capacity(items.len());
        let mut sources = Vec::with_capacity(items.len());
        let mut texts = Vec::with_capacity(items.len());
        let mut bad = Vec::new();
        // Each element's outcome, or what to say once its event is stored.
        let mut slots = Vec::with_capacity(items.len());
        for (number, item) in items.into_iter().enumerate() {
            if number % TURN == TURN - 1 {
                // A batch is long: whoever waits for the same thread comes between.
                yield_now().await;
            }
            let (Item { value, text }, found) = self.masking.item(item);
            let checked = self.check(value, form).map(|(event, mut warnings)| {
                warnings.extend(advice(&found));
                (event, warnings)
            });
            match checked {
                Ok((event, warnings)) if mode == Mode::Validate => {
                    drop(event);
                    slots.push(Slot::Done(ItemOutcome::Valid(receipt(
                        None, false, warnings,
                    ))));
                }
                Ok((mut event, warnings)) => {
                    event.sender = Some(sender);
                    event.workspace = self.workspace.clone();
                    slots.push(Slot::Sent(event.id, event.received_at, warnings));
                    self.masking.count(&found, &event.event.identity.source);
                    sources.push(event.event.identity.source.clone());
                    texts.push(text);
                    batch.push(event);
                }
                Err(errors) if mode == Mode::Validate => {
                    slots.push(Slot::Done(ItemOutcome::Invalid {
                        errors,
                        quarantine_id: None,
                    }));
                }
                Err(errors) => {
                    slots.push(Slot::Bad);
                    self.masking.count(&found, UNKNOWN);
                    bad.push(Bad { text, errors });
                }
            }
        }
        let (appended, places) = futures::join!(
            self.append_good(
                sender,
                batch,
                Sent {
                    sources,
                    texts,
                    form
                },
                mode
            ),
            self.put_aside(sender, form, &bad)
        );
        let mut appended = appended?.map(Vec::into_iter);
        let mut bad = bad.into_iter().zip(places);
        let short = || {
            tracing::error!("the store answered for fewer events than it was given");
            ActionError::Internal
        };
        slots
            .into_iter()
            .map(|slot| match slot {
                Slot::Done(outcome) => Ok(outcome),
                Slot::Sent(id, at, warnings) => match &mut appended {
                    None => Ok(ItemOutcome::Accepted(receipt(
                        Some((id, at)),
                        false,
                        warnings,
                    ))),
                    Some(appended) => {
                        let result = appended.next().ok_or_else(short)?;
                        Ok(outcome(result, id, at, warnings))
                    }
                },
                Slot::Bad => {
                    let (Bad { errors, .. }, quarantine_id) = bad.next().ok_or_else(short)?;
                    Ok(ItemOutcome::Invalid {
                        errors,
                        quarantine_id,
                    })
                }
            })
            .collect()
    }

    /// Appends the good events of a request. `None` if that is not waited for.
    async fn append_good(
        &self,
        sender: Uuid,
        batch: Vec<NewEvent>,
        sent: Sent,
        mode: Mode,
    ) -> Result<Option<Vec<Appended>>, ActionError> {
        if batch.is_empty() {
            return Ok(Some(Vec::new()));
        }
        let after = Afterwards {
            tallies: Arc::clone(self.tallies()),
            receiving: Arc::clone(&self.receiving),
            received_at: batch[0].received_at,
            workspace: self.workspace.clone(),
            sender,
            sources: sent.sources,
        };
        let ticket = match self.engine.submit(sender, batch) {
            Ok(ticket) => ticket,
            Err(why) => {
                if matches!(why, NotStored::Overloaded) {
                    after.hindered(Hindrance::Overloaded, after.number(), false);
                }
                after.refused();
                return Err(why.into());
            }
        };
        if mode == Mode::Accept {
            self.engine.spawn(async move {
                // Nobody waits to be told; a failure is logged and counted.
                after.count(&ticket.outcome().await);
            });
            return Ok(None);
        }
        let mut answer = ticket.answer().await;
        if let Ok(appended) = &mut answer {
            self.recognise(appended, &sent.texts, sent.form).await;
        }
        after.count(&answer);
        Ok(Some(answer.map_err(NotStored::Failed)?))
    }

    /// Finds the repeats among the conflicts: rules of what is masked change, and an event that comes
    /// again with more or less of it masked is still the one that is there.
    async fn recognise(&self, appended: &mut [Appended], texts: &[ItemText], form: Form) {
        for (result, text) in appended.iter_mut().zip(texts) {
            let Appended::Conflict { id, received_at } = *result else {
                continue;
            };
            let value = serde_json::from_slice(text.bytes()).map_err(|_| Vec::new());
            let again = value.and_then(|value| read(value, form, id, self.now()));
            let (Ok(again), Ok(Some(first))) = (again, self.log.get(id).await) else {
                continue;
            };
            if alike(&first.event, &again.event.event) {
                *result = Appended::Repeat { id, received_at };
            }
        }
    }

    /// What was appended to this workspace, received at a moment, is safe.
    pub(crate) fn committed(&self, appended: &[Appended], at: Timestamp) {
        let newest = vec![(self.workspace.clone(), at)];
        committed(&self.commits, &self.freshness, appended, &newest);
    }

    fn check(
        &self,
        value: Result<Value, FieldError>,
        form: Form,
    ) -> Result<(NewEvent, Vec<String>), Vec<FieldError>> {
        let value = value.map_err(|error| vec![error])?;
        let now = self.now();
        let received = read(value, form, new_id(&*self.entropy, now), now)?;
        Ok((received.event, received.warnings))
    }
}

/// Good events as their sender sent them.
struct Sent {
    sources: Vec<String>,
    texts: Vec<ItemText>,
    form: Form,
}

/// What is done once it is known what became of a request's events.
struct Afterwards {
    tallies: Arc<Tallies>,
    receiving: Arc<Receiving>,
    received_at: Timestamp,
    workspace: Workspace,
    sender: Uuid,
    sources: Vec<String>,
}

impl Afterwards {
    fn count(&self, answer: &Result<Vec<Appended>, Failure>) {
        match answer {
            Ok(appended) => {
                for (source, result) in self.sources.iter().zip(appended) {
                    self.one(source, counted(result));
                }
            }
            // What may be stored all the same is counted from the log if it is.
            Err(Failure::InDoubt) => self.hindered(Hindrance::StoreAway, 0, true),
            Err(Failure::Away) => {
                self.hindered(Hindrance::StoreAway, self.number(), false);
                self.refused();
            }
            Err(Failure::Fault) => {
                self.hindered(Hindrance::Fault, self.number(), false);
                self.refused();
            }
        }
    }

    fn number(&self) -> u64 {
        self.sources.len() as u64
    }

    /// Notes that events were refused through no fault of their sender.
    fn hindered(&self, why: Hindrance, events: u64, more: bool) {
        self.receiving.refused(why, self.received_at, events, more);
    }

    fn refused(&self) {
        for source in &self.sources {
            self.one(source, Outcome::Refused);
        }
    }

    fn one(&self, source: &str, outcome: Outcome) {
        let whose = (&self.workspace, Some(self.sender), source);
        self.tallies.count(whose, outcome, 1);
    }
}

/// Tells those who follow the log, and answers that say how fresh they are.
pub(crate) fn committed(
    commits: &Commits,
    freshness: &Freshness,
    appended: &[Appended],
    newest: &Newest,
) {
    let stored = appended.iter().filter_map(|result| match result {
        Appended::Stored { position, .. } => Some(*position),
        _ => None,
    });
    if let Some(position) = stored.max() {
        commits.appended(position);
        for (workspace, at) in newest {
            freshness.received(workspace, *at);
        }
    }
}

/// What is known of one element while its request is worked on.
enum Slot {
    Done(ItemOutcome),
    /// Its event goes into the log under this id, received at this moment.
    Sent(Uuid, Timestamp, Vec<String>),
    /// It is put aside.
    Bad,
}

/// How what became of an event is counted.
fn counted(result: &Appended) -> Outcome {
    match result {
        Appended::Stored { .. } => Outcome::Stored,
        Appended::Repeat { .. } => Outcome::Repeated,
        Appended::Conflict { .. } | Appended::Refused { .. } => Outcome::Refused,
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
        Appended::Refused { reason } => ItemOutcome::Invalid {
            errors: vec![FieldError::invalid(
                "the event",
                reason,
                "an event that the store can hold",
            )],
            quarantine_id: None,
        },
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
