//! What answers rest on. The platform's event log is the one source so far; more join it as they
//! come.

use std::sync::atomic::{AtomicI64, Ordering};

use pts_api::{Answer, Coverage, Source, SourceState};
use pts_domain::Timestamp;
use pts_domain::filter::{Cursor, Page};
use pts_ports::Clock;

/// The name of the event log in coverages.
const EVENTS: &str = "platform-events";

/// Keeps track of when the log last took something in.
#[derive(Debug)]
pub(crate) struct Freshness {
    last_received_us: AtomicI64,
}

impl Freshness {
    pub(crate) const fn new() -> Self {
        Self {
            last_received_us: AtomicI64::new(i64::MIN),
        }
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
