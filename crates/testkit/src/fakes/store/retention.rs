//! Retention in memory: the same decisions, over a list.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use async_trait::async_trait;
use pts_domain::accounting::day_of;
use pts_domain::retention::{Month, MonthSurvey, RemovalDigest, is_kept};
use pts_domain::{StoredEvent, Timestamp};
use pts_ports::{MonthAhead, RetentionRun, RetentionStore, StoreError, Thinned, Thinning};

use super::{MemoryStore, Origin, State};

/// What retention did, and left room for.
#[derive(Default)]
pub(super) struct Retained {
    runs: Vec<RetentionRun>,
    /// The positions that have no event any more.
    pub(super) removed: BTreeSet<i64>,
    by_source: BTreeMap<String, u64>,
    /// The last position of each month that was gone through.
    settled: BTreeMap<Month, i64>,
    ready: BTreeSet<Month>,
}

#[async_trait]
impl RetentionStore for MemoryStore {
    async fn survey(&self, horizon: Timestamp) -> Result<Vec<MonthSurvey>, StoreError> {
        let state = self.open()?;
        let months: BTreeSet<_> = state.events.iter().map(month_of).collect();
        let behind = months.into_iter().filter(|month| month.is_behind(horizon));
        let surveys = behind.map(|month| state.survey(month));
        let settled = &state.retained.settled;
        Ok(surveys
            .filter(|found| {
                settled
                    .get(&found.month)
                    .is_none_or(|last| *last < found.last_position)
            })
            .collect())
    }

    async fn thin(&self, thinning: Thinning) -> Result<Thinned, StoreError> {
        let mut state = self.open()?;
        let found = state.survey(thinning.survey.month);
        if found.events == 0 || !found.is_as_seen_by(&thinning.survey) {
            return Ok(Thinned::Changed);
        }
        Ok(Thinned::Done {
            run: Box::new(state.thin(&thinning, &found)),
            locked: Duration::ZERO,
        })
    }

    async fn history(&self, limit: usize) -> Result<Vec<RetentionRun>, StoreError> {
        let mut runs = self.open()?.retained.runs.clone();
        runs.sort_by_key(|run| std::cmp::Reverse((run.at, run.id)));
        runs.truncate(limit);
        Ok(runs)
    }

    async fn removed_by_source(&self, limit: usize) -> Result<Vec<(String, u64)>, StoreError> {
        let state = self.open()?;
        let mut sources: Vec<_> = state.retained.by_source.clone().into_iter().collect();
        sources.sort_by_key(|(_, events)| std::cmp::Reverse(*events));
        sources.truncate(limit);
        Ok(sources)
    }

    async fn ahead(&self, now: Timestamp, months: u32) -> Result<Vec<MonthAhead>, StoreError> {
        let state = self.open()?;
        let asked = asked(now, months);
        Ok(asked
            .map(|month| MonthAhead {
                month,
                ready: state.retained.ready.contains(&month),
            })
            .collect())
    }

    async fn prepare(&self, now: Timestamp, months: u32) -> Result<u32, StoreError> {
        let mut state = self.open()?;
        let made = asked(now, months).filter(|month| state.retained.ready.insert(*month));
        Ok(u32::try_from(made.count()).expect("few months"))
    }
}

fn asked(now: Timestamp, months: u32) -> impl Iterator<Item = Month> {
    let first = Month::of(now);
    std::iter::successors(Some(first), |month| Some(month.next())).take(months as usize + 1)
}

fn month_of(event: &StoredEvent) -> Month {
    Month::of(event.received_at)
}

impl State {
    fn survey(&self, month: Month) -> MonthSurvey {
        let events = || self.events.iter().filter(|event| month_of(event) == month);
        let bytes = events().map(|event| event.event.weight() as u64).sum();
        MonthSurvey::of(month, events(), bytes)
    }

    fn thin(&mut self, thinning: &Thinning, found: &MonthSurvey) -> RetentionRun {
        let goes = |event: &StoredEvent| month_of(event) == found.month && !is_kept(&event.event);
        let (mut gone, mut left, mut origins) = (Vec::new(), Vec::new(), Vec::new());
        let mut counted = 0;
        let all = self.events.drain(..).zip(self.origins.drain(..));
        for (place, (event, origin)) in all.enumerate() {
            let is_counted = place < self.books.counted;
            if goes(&event) {
                // What goes must have been counted as stored.
                if !is_counted {
                    let (day, source) = (day_of(event.received_at), &event.event.identity.source);
                    let Origin { workspace, sender } = &origin;
                    self.books.line(workspace, day, *sender, source).stored += 1;
                }
                gone.push((event, origin.workspace));
            } else {
                counted += usize::from(is_counted);
                left.push(event);
                origins.push(origin);
            }
        }
        self.origins = origins;
        self.books.counted = counted;
        let mut digest = RemovalDigest::default();
        let mut freed_bytes = 0;
        let retained = &mut self.retained;
        for (event, workspace) in &gone {
            digest.add(event.position, event.event.digest());
            freed_bytes += event.event.weight() as u64;
            retained.removed.insert(event.position);
            let source = event.event.identity.source.clone();
            *retained.by_source.entry(source).or_default() += 1;
            let identity = event.event.identity.clone();
            self.known.remove(&(workspace.clone(), identity));
        }
        let run = RetentionRun {
            id: thinning.id,
            at: thinning.at,
            who: thinning.who,
            horizon: thinning.horizon,
            month: found.month,
            removed: found.removable,
            kept: found.kept(),
            freed_bytes,
            first_removed: gone.first().map(|(event, _)| event.position),
            last_removed: gone.last().map(|(event, _)| event.position),
            oldest: found.oldest,
            newest: found.newest,
            digest: digest.finish(),
            duration_ms: 0,
        };
        retained.settled.insert(found.month, found.last_position);
        retained.runs.push(run.clone());
        self.places = (0..)
            .zip(&left)
            .map(|(place, event)| (event.id, place))
            .collect();
        self.events = left;
        run
    }
}
