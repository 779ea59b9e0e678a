//! What was sent and is no event: looking at it, replaying it, giving it up.

use std::collections::{HashMap, HashSet};

use pts_api::actions::LARGEST_LIMIT;
use pts_api::actions::quarantine::{
    DiscardQuarantined, DiscardQuarantinedInput, DiscardReport, GetQuarantined,
    GetQuarantinedInput, QuarantinedItem, ReplayQuarantine, ReplayQuarantineInput, ReplayReport,
    ReplayStatus, ReplayedItem, SearchQuarantine, SearchQuarantineInput,
};
use pts_domain::filter::{Cursor, patterns};
use pts_domain::quarantine::State;
use pts_domain::{FieldError, reason};
use pts_ports::{Finding, QuarantineQuery};
use uuid::Uuid;

use super::period;
use crate::coverage::{Found, Question, found, page};
use crate::gateway::{CursorKind, cursor, limit};
use crate::{ActionError, Gateway, UseCase};

/// Bytes of items that are replayed together.
const GROUP_BYTES: u64 = 8 * 1024 * 1024;
/// Items that are replayed together.
const GROUP: usize = 200;

impl UseCase<SearchQuarantine> for Gateway {
    async fn run(
        &self,
        input: SearchQuarantineInput,
    ) -> Result<Found<Vec<QuarantinedItem>>, ActionError> {
        let (since, until) = period(self, input.since.as_ref(), input.until.as_ref())?;
        let limit = limit(input.limit)?;
        let cursor = place(input.cursor.as_deref())?;
        let query = QuarantineQuery {
            ids: Vec::new(),
            sender: input.token,
            source: input.source,
            types: patterns(&input.types),
            state: input.state,
            since,
            until,
            oldest_first: false,
        };
        let items = self.quarantine.items(&query, cursor, limit).await?;
        Ok(page(items, Question::itself(), QuarantinedItem::from))
    }
}

impl UseCase<GetQuarantined> for Gateway {
    async fn run(&self, input: GetQuarantinedInput) -> Result<Found<QuarantinedItem>, ActionError> {
        let items = self.quarantine.get(&[input.id]).await?;
        let item = items
            .into_iter()
            .next()
            .ok_or_else(|| ActionError::NotFound {
                what: format!("the item {}", input.id),
            })?;
        Ok(found(item.into(), Question::itself()))
    }
}

impl UseCase<ReplayQuarantine> for Gateway {
    async fn run(&self, input: ReplayQuarantineInput) -> Result<Found<ReplayReport>, ActionError> {
        let mut report = ReplayReport::default();
        let (wanted, next) = self.to_replay(input, &mut report).await?;
        let mut group: Vec<Uuid> = Vec::new();
        let mut bytes = 0;
        for (id, weight) in wanted {
            if group.len() == GROUP || (bytes + weight > GROUP_BYTES && !group.is_empty()) {
                self.replay_group(&group, &mut report).await?;
                (group, bytes) = (Vec::new(), 0);
            }
            group.push(id);
            bytes += weight;
        }
        if !group.is_empty() {
            self.replay_group(&group, &mut report).await?;
        }
        tracing::info!(
            replayed = report.replayed,
            waiting = report.waiting,
            "quarantined items were replayed"
        );
        let mut answer = found(report, Question::itself());
        answer.next_cursor = next.as_ref().map(Cursor::to_string);
        Ok(answer)
    }
}

impl Gateway {
    /// The items to replay with what they weigh, and where the next ones begin. Of what was named
    /// and cannot be replayed, the report is told.
    async fn to_replay(
        &self,
        input: ReplayQuarantineInput,
        report: &mut ReplayReport,
    ) -> Result<(Vec<(Uuid, u64)>, Option<Cursor>), ActionError> {
        if input.ids.is_empty() {
            let (since, until) = period(self, input.since.as_ref(), input.until.as_ref())?;
            let query = QuarantineQuery {
                ids: Vec::new(),
                sender: input.token,
                source: input.source,
                types: patterns(&input.types),
                state: Some(State::Waiting),
                since,
                until,
                oldest_first: true,
            };
            let cursor = place(input.cursor.as_deref())?;
            let limit = limit(input.limit)?;
            let page = self.quarantine.items(&query, cursor, limit).await?;
            let wanted = page.items.iter().map(|item| (item.id, item.bytes));
            return Ok((wanted.collect(), page.next));
        }
        let only_ids = ReplayQuarantineInput {
            ids: input.ids.clone(),
            ..ReplayQuarantineInput::default()
        };
        if input != only_ids {
            let expected = "either `ids` or a filter";
            return Err(invalid("ids", "a filter as well", expected));
        }
        let ids = named(input.ids)?;
        let query = QuarantineQuery {
            ids: ids.clone(),
            ..QuarantineQuery::default()
        };
        let found = self.quarantine.items(&query, None, ids.len()).await?;
        let found = found.items.into_iter();
        let known: HashMap<_, _> = found
            .map(|item| (item.id, (item.state, item.bytes)))
            .collect();
        let mut wanted = Vec::with_capacity(ids.len());
        for id in ids {
            match known.get(&id) {
                Some((State::Waiting, bytes)) => wanted.push((id, *bytes)),
                Some(_) => report.items.push(told(id, ReplayStatus::Settled)),
                None => report.items.push(told(id, ReplayStatus::Unknown)),
            }
        }
        wanted.sort_unstable();
        Ok((wanted, None))
    }

    async fn replay_group(
        &self,
        ids: &[Uuid],
        report: &mut ReplayReport,
    ) -> Result<(), ActionError> {
        let mut items = self.quarantine.get(ids).await?;
        items.sort_unstable_by_key(|item| item.id);
        for (id, finding) in self.replay_items(items).await? {
            let (status, event, errors) = match finding {
                Finding::Stored { event } => (ReplayStatus::Stored, Some(event), Vec::new()),
                Finding::Repeated { event } => (ReplayStatus::Duplicate, Some(event), Vec::new()),
                Finding::Bad { errors } => (ReplayStatus::Invalid, None, errors),
            };
            if event.is_some() {
                report.replayed += 1;
            } else {
                report.waiting += 1;
            }
            report.items.push(ReplayedItem {
                id,
                status,
                event,
                errors,
            });
        }
        Ok(())
    }
}

impl UseCase<DiscardQuarantined> for Gateway {
    async fn run(
        &self,
        input: DiscardQuarantinedInput,
    ) -> Result<Found<DiscardReport>, ActionError> {
        let ids = named(input.ids)?;
        let reason = reason::read("reason", &input.reason);
        let reason = reason.map_err(|error| ActionError::Invalid(vec![error]))?;
        let now = self.now();
        let discarded = self
            .quarantine
            .discard(ids.clone(), reason.clone(), now)
            .await?;
        tracing::info!(
            discarded = discarded.len(),
            reason,
            "quarantined items were discarded"
        );
        let gone: HashSet<_> = discarded.iter().collect();
        let report = DiscardReport {
            discarded: discarded.len(),
            others: ids.into_iter().filter(|id| !gone.contains(id)).collect(),
        };
        Ok(found(report, Question::itself()))
    }
}

fn told(id: Uuid, status: ReplayStatus) -> ReplayedItem {
    ReplayedItem {
        id,
        status,
        event: None,
        errors: Vec::new(),
    }
}

/// Ids that a caller names, each once.
fn named(mut ids: Vec<Uuid>) -> Result<Vec<Uuid>, ActionError> {
    if !(1..=LARGEST_LIMIT).contains(&ids.len()) {
        let expected = format!("1 to {LARGEST_LIMIT} of them");
        return Err(invalid("ids", ids.len(), expected));
    }
    let mut seen = HashSet::new();
    ids.retain(|id| seen.insert(*id));
    Ok(ids)
}

/// A cursor of a list of items.
pub(super) fn place(text: Option<&str>) -> Result<Option<Cursor>, ActionError> {
    let cursor = cursor(text, CursorKind::Name(1))?;
    match &cursor {
        Some(Cursor::Name(parts)) if parts.iter().any(|id| id.parse::<Uuid>().is_err()) => Err(
            invalid("cursor", "another list's", "a `next_cursor` of this list"),
        ),
        _ => Ok(cursor),
    }
}

fn invalid(field: &str, found: impl std::fmt::Display, expected: impl Into<String>) -> ActionError {
    ActionError::Invalid(vec![FieldError::invalid(field, found, expected)])
}
