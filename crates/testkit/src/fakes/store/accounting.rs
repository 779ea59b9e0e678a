//! Accounts in memory.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use async_trait::async_trait;
use chrono::NaiveDate;
use pts_domain::access::Workspace;
use pts_domain::accounting::{Counts, Line, day_of};
use pts_ports::{Account, AccountQuery, Accounting, Counted, Handover, StoreError};
use uuid::Uuid;

use super::{MemoryStore, Origin, State};

type Key = (Workspace, NaiveDate, Option<Uuid>, String);

/// The books.
#[derive(Default)]
pub(super) struct Books {
    /// So many of the events that there are are counted.
    pub(super) counted: usize,
    lines: BTreeMap<Key, Counts>,
    handovers: HashMap<Uuid, i64>,
}

impl Books {
    pub(super) fn line(
        &mut self,
        workspace: &Workspace,
        day: NaiveDate,
        sender: Option<Uuid>,
        source: &str,
    ) -> &mut Counts {
        self.lines
            .entry((workspace.clone(), day, sender, source.to_owned()))
            .or_default()
    }
}

#[async_trait]
impl Accounting for MemoryStore {
    fn within(&self, workspace: &Workspace) -> Arc<dyn Accounting> {
        self.seen_from(workspace)
    }

    async fn add(&self, handover: &Handover) -> Result<(), StoreError> {
        let mut state = self.open()?;
        let last = state.books.handovers.entry(handover.process).or_insert(0);
        if *last < handover.number {
            *last = handover.number;
            for (workspace, line) in &handover.lines {
                let books = &mut state.books;
                *books.line(workspace, handover.day, line.sender, &line.source) += line.counts;
            }
        }
        Ok(())
    }

    async fn count(&self, most: i64) -> Result<Counted, StoreError> {
        let mut state = self.open()?;
        let (begin, all) = (state.books.counted, state.events.len());
        let end = all.min(begin + usize::try_from(most).unwrap_or(0));
        let fresh: Vec<_> = state.stored(begin..end).collect();
        for (workspace, day, sender, source) in fresh {
            state.books.line(&workspace, day, sender, &source).stored += 1;
        }
        state.books.counted = end;
        if end < all {
            Ok(Counted::Further)
        } else {
            Ok(Counted::All)
        }
    }

    async fn account(&self, query: &AccountQuery, limit: usize) -> Result<Account, StoreError> {
        let state = self.open()?;
        let mut all: HashMap<(Option<Uuid>, String), Counts> = HashMap::new();
        let booked = state.books.lines.iter();
        let booked = booked.map(|(key, counts)| (key.clone(), *counts));
        let fresh = state.stored(state.books.counted..state.events.len());
        let one = Counts {
            stored: 1,
            ..Counts::default()
        };
        for ((workspace, day, sender, source), counts) in booked.chain(fresh.map(|key| (key, one)))
        {
            let wanted = workspace == self.workspace
                && query.days.hold(day)
                && query.sender.is_none_or(|wanted| sender == Some(wanted))
                && query.source.as_ref().is_none_or(|wanted| source == *wanted);
            if wanted {
                *all.entry((sender, source)).or_default() += counts;
            }
        }
        let mut lines: Vec<_> = all
            .into_iter()
            .filter(|(_, counts)| !counts.is_zero())
            .map(|((sender, source), counts)| Line {
                sender,
                source,
                counts,
            })
            .collect();
        lines.sort_by(|a, b| {
            let most = b.counts.received().cmp(&a.counts.received());
            // Those without a sender come last.
            let place = |line: &Line| (line.sender.is_none(), line.sender, line.source.clone());
            most.then_with(|| place(a).cmp(&place(b)))
        });
        let totals = lines.iter().map(|line| line.counts).sum();
        let all_lines = lines.len() as u64;
        lines.truncate(limit);
        Ok(Account {
            totals,
            lines,
            all_lines,
            uncounted: 0,
        })
    }
}

impl State {
    /// How the events in these places are counted.
    fn stored(&self, places: std::ops::Range<usize>) -> impl Iterator<Item = Key> {
        let events = self.events[places.clone()].iter();
        events.zip(&self.origins[places]).map(|(event, origin)| {
            let Origin { workspace, sender } = origin.clone();
            let source = event.event.identity.source.clone();
            (workspace, day_of(event.received_at), sender, source)
        })
    }
}
