//! What is no event: put aside when it comes, and sent through the same door again when somebody
//! thinks that it is one by now.

use std::time::Duration;

use pts_domain::accounting::{Outcome, UNKNOWN};
use pts_domain::event::{Form, NewEvent, read};
use pts_domain::quarantine::{Item as Kept, LARGEST_ITEM, NewItem, State, Text, Verdict};
use pts_domain::{FieldError, Timestamp};
use pts_ports::{Appended, Finding, new_id};
use uuid::Uuid;

use crate::error::in_doubt;
use crate::{ActionError, Gateway, ItemText};

/// How long a sender waits at the most for what it sent to be put aside.
const WITHIN: Duration = Duration::from_secs(2);

/// What was sent and is no event.
pub(crate) struct Bad {
    /// How it was written.
    pub(crate) text: ItemText,
    /// Why it is none.
    pub(crate) errors: Vec<FieldError>,
}

/// What replaying one item showed.
pub(crate) type Replayed = (Uuid, Finding);

impl Gateway {
    /// Puts aside what one sender sent at once; tells where, for each, or that there was no room or
    /// no store. Every item is counted, except those of which nobody knows whether the store has
    /// them: these are counted by the store if it does.
    pub(crate) async fn put_aside(
        &self,
        sender: Uuid,
        form: Form,
        bad: &[Bad],
    ) -> Vec<Option<Uuid>> {
        let now = self.now();
        let fits = |bad: &&Bad| bad.text.len() <= LARGEST_ITEM;
        let batch: Vec<_> = bad
            .iter()
            .filter(fits)
            .map(|bad| {
                let named = (new_id(&*self.entropy, now), now, sender);
                NewItem::new(named, form, bad.text.as_str().into_owned(), &bad.errors)
            })
            .collect();
        let sources: Vec<_> = batch.iter().map(|item| item.source.clone()).collect();
        let ids: Vec<_> = batch.iter().map(|item| item.id).collect();
        let kept = if batch.is_empty() {
            Ok(Vec::new())
        } else {
            self.quarantine.keep(batch, WITHIN).await
        };
        let tallies = self.tallies();
        let (here, sender) = (&self.workspace, Some(sender));
        for _ in bad.iter().filter(|bad| !fits(bad)) {
            tallies.count((here, sender, UNKNOWN), Outcome::Refused, 1);
        }
        let named = |source: &Option<String>| source.clone().unwrap_or_else(|| UNKNOWN.to_owned());
        let places: Vec<Option<Uuid>> = match kept {
            Ok(verdicts) => {
                if verdicts.contains(&Verdict::Kept) {
                    self.ward.put_aside();
                }
                for (source, verdict) in sources.iter().zip(&verdicts) {
                    match verdict.outcome() {
                        Outcome::Refused => {
                            tallies.count((here, sender, &named(source)), Outcome::Refused, 1);
                        }
                        counted => tallies.note((here, sender, &named(source)), counted, 1),
                    }
                }
                let places = ids.into_iter().zip(verdicts);
                places
                    .map(|(id, verdict)| match verdict {
                        Verdict::Kept => Some(id),
                        Verdict::Again(first) => Some(first),
                        Verdict::NoRoom => None,
                    })
                    .collect()
            }
            Err(error) => {
                tracing::warn!(%error, "what is no event could not be put aside");
                if in_doubt(&error) {
                    self.ward.put_aside();
                } else {
                    for source in &sources {
                        tallies.count((here, sender, &named(source)), Outcome::Refused, 1);
                    }
                }
                vec![None; sources.len()]
            }
        };
        let mut places = places.into_iter();
        let place = |bad: &Bad| {
            if fits(&bad) {
                places.next().flatten()
            } else {
                None
            }
        };
        bad.iter().map(place).collect()
    }

    /// Sends items through the same check and into the same log as everything else, in one
    /// transaction, and writes down what that showed. Their first sender stays their sender.
    ///
    /// An item becomes an event of its own id. So what was stored by a replay that did not come to
    /// its end is recognised by the next one.
    pub(crate) async fn replay_items(
        &self,
        items: Vec<Kept>,
    ) -> Result<Vec<Replayed>, ActionError> {
        let now = self.now();
        let mut findings: Vec<Replayed> = Vec::with_capacity(items.len());
        let (mut batch, mut senders) = (Vec::new(), Vec::new());
        for item in items {
            match as_event(&item, now) {
                Ok(mut event) => {
                    event.workspace = self.workspace.clone();
                    senders.push((event.sender, event.event.identity.source.clone()));
                    batch.push(event);
                }
                Err(errors) => findings.push((item.id, Finding::Bad { errors })),
            }
        }
        let ids: Vec<_> = batch.iter().map(|event| event.id).collect();
        if !batch.is_empty() {
            let appended = self.log.append(batch).await?;
            self.committed(&appended, now);
            for ((id, (sender, source)), result) in ids.into_iter().zip(senders).zip(appended) {
                let finding = finding(id, &result);
                let whose = (&self.workspace, sender, source.as_str());
                match finding {
                    Finding::Stored { .. } => {
                        self.tallies().count(whose, Outcome::Stored, 1);
                    }
                    Finding::Repeated { .. } => {
                        self.tallies().note(whose, Outcome::Repeated, 1);
                    }
                    Finding::Bad { .. } => {}
                }
                findings.push((id, finding));
            }
        }
        self.quarantine.settle(findings.clone(), now).await?;
        Ok(findings)
    }
}

/// Reads an item again, as it would be read if it came now.
fn as_event(item: &Kept, now: Timestamp) -> Result<NewEvent, Vec<FieldError>> {
    let gone = || {
        let expected = format!("an item that waits; this one is {}", item.state.as_str());
        vec![FieldError::missing("the item", expected)]
    };
    let Some(Text { text, .. }) = item.text.as_ref().filter(|_| item.state == State::Waiting)
    else {
        return Err(gone());
    };
    // What cannot be read now could not be read then: the errors of that time name the place.
    let value = serde_json::from_str(text).map_err(|_| item.errors.clone())?;
    let mut event = read(value, item.form, item.id, now)?.event;
    event.sender = Some(item.sender);
    if !event.event.time_given {
        // It happened about when it came, not when somebody looked after it.
        event.event.time = item.received_at;
    }
    Ok(event)
}

fn finding(id: Uuid, result: &Appended) -> Finding {
    match *result {
        Appended::Refused { ref reason } => {
            let expected = "an event that the store can hold";
            Finding::Bad {
                errors: vec![FieldError::invalid("the event", reason, expected)],
            }
        }
        Appended::Stored { .. } => Finding::Stored { event: id },
        // By a replay that did not come to its end.
        Appended::Repeat { id: first, .. } if first == id => Finding::Stored { event: id },
        Appended::Repeat { id: first, .. } => Finding::Repeated { event: first },
        Appended::Conflict {
            id: first,
            received_at,
        } => {
            let found = format!(
                "the identity of the event {first}, received at {}",
                received_at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)
            );
            let expected = "an identity that stands for no other event";
            Finding::Bad {
                errors: vec![FieldError::with_code("conflict", "id", found, expected)],
            }
        }
    }
}
