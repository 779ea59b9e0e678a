//! How old the log is, and what retention took out of it.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{PoisonError, RwLock};

use pts_api::Gap;
use pts_domain::Timestamp;
use pts_domain::blind::Window;
use pts_ports::RetentionRun;

use crate::Gateway;

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

    /// What is missing from a window because retention took it.
    pub(super) fn removed(&self, window: &Window) -> Option<Gap> {
        let removed = self.removed.read().unwrap_or_else(PoisonError::into_inner);
        let missing = removed.iter().filter(|one| {
            window.since.is_none_or(|since| one.newest >= since)
                && window.until.is_none_or(|until| one.oldest <= until)
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

    pub(super) fn last(&self) -> Option<Timestamp> {
        Timestamp::from_timestamp_micros(self.last_received_us.load(Ordering::Relaxed))
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
}
