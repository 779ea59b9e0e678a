//! What answers rest on. The platform's event log is the one source so far; more join it as they
//! come.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{PoisonError, RwLock};

use pts_api::{Answer, Coverage, Gap, Source, SourceState};
use pts_domain::filter::{Cursor, EventFilter, Page};
use pts_domain::retention::may_want_removed;
use pts_domain::{StoredEvent, Timestamp};
use pts_ports::{Clock, RetentionRun};

use crate::Gateway;

/// The name of the event log in coverages.
const EVENTS: &str = "platform-events";

/// Keeps track of when the log last took something in.
#[derive(Debug)]
pub(crate) struct Freshness {
    last_received_us: AtomicI64,
    /// What retention took out of the log, as far as it is known here.
    removed: RwLock<Vec<Removed>>,
}

/// What retention took out of one month.
#[derive(Debug, Clone, Copy)]
struct Removed {
    /// When the first and the last of it happened.
    oldest: Timestamp,
    newest: Timestamp,
    events: u64,
}

impl Freshness {
    pub(crate) const fn new() -> Self {
        Self {
            last_received_us: AtomicI64::new(i64::MIN),
            removed: RwLock::new(Vec::new()),
        }
    }

    /// What is missing between two moments because retention took it.
    fn gap(&self, from: Option<Timestamp>, to: Option<Timestamp>) -> Option<Gap> {
        let removed = self.removed.read().unwrap_or_else(PoisonError::into_inner);
        let missing = removed.iter().filter(|one| {
            from.is_none_or(|from| one.newest >= from) && to.is_none_or(|to| one.oldest <= to)
        });
        let all = missing.copied().reduce(|all, one| Removed {
            oldest: all.oldest.min(one.oldest),
            newest: all.newest.max(one.newest),
            events: all.events + one.events,
        })?;
        Some(Gap {
            from: Some(all.oldest),
            to: Some(all.newest),
            reason: format!(
                "retention has removed {} events of this period that no projection needs; how many \
                 of them were asked for is not known",
                all.events
            ),
            count: None,
        })
    }

    pub(crate) fn received(&self, at: Timestamp) {
        self.last_received_us
            .fetch_max(at.timestamp_micros(), Ordering::Relaxed);
    }

    pub(crate) fn last(&self) -> Option<Timestamp> {
        Timestamp::from_timestamp_micros(self.last_received_us.load(Ordering::Relaxed))
    }

    pub(crate) fn coverage(&self, clock: &dyn Clock) -> Coverage {
        let age_s = self.last().map(|last| {
            let age = clock.now() - last;
            age.as_seconds_f64().max(0.0)
        });
        let source = Source {
            name: EVENTS.to_owned(),
            state: SourceState::Ok,
            age_s,
            reason: None,
        };
        Coverage::of(vec![source], Vec::new())
    }
}

impl Gateway {
    /// Takes note of what retention took out of the log, so that answers tell what they lack.
    pub fn tell_removed(&self, runs: &[RetentionRun]) {
        let removed = runs.iter().filter_map(|run| {
            let (oldest, newest) = run.oldest.zip(run.newest)?;
            Some(Removed {
                oldest,
                newest,
                events: run.removed,
            })
        });
        let noted = &self.freshness.removed;
        *noted.write().unwrap_or_else(PoisonError::into_inner) = removed.collect();
    }

    /// The coverage of one page of events: complete if nothing that could stand on it was removed.
    pub(crate) fn coverage_of_page(
        &self,
        filter: &EventFilter,
        cursor: Option<&Cursor>,
        page: &Page<StoredEvent>,
    ) -> Coverage {
        let whole = self.coverage();
        if !may_want_removed(filter) {
            return whole;
        }
        // Newest first: a page begins at its cursor and ends with its last event, unless it is the
        // last one.
        let begin = match cursor {
            Some(Cursor::Event(micros, _)) => Timestamp::from_timestamp_micros(*micros),
            _ => filter.until,
        };
        let last = page.items.last().filter(|_| page.next.is_some());
        let end = last.map(|event| event.event.time).or(filter.since);
        match self.freshness.gap(end, begin) {
            Some(gap) => Coverage::of(whole.sources, vec![gap]),
            None => whole,
        }
    }
}

/// An answer without pages.
pub(crate) fn answer<T>(data: T, coverage: Coverage) -> Answer<T> {
    Answer {
        data,
        coverage,
        warnings: Vec::new(),
        next_cursor: None,
    }
}

/// One page of a list as an answer.
pub(crate) fn page<T, U>(
    page: Page<T>,
    coverage: Coverage,
    each: impl Fn(T) -> U,
) -> Answer<Vec<U>> {
    let next_cursor = page.next.as_ref().map(Cursor::to_string);
    let data = page.items.into_iter().map(each).collect();
    Answer {
        data,
        coverage,
        warnings: Vec::new(),
        next_cursor,
    }
}
