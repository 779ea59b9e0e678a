//! How old the log is, and what retention took out of it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use pts_api::Gap;
use pts_domain::Timestamp;
use pts_domain::access::Workspace;
use pts_domain::blind::Window;
use pts_ports::RetentionRun;

use crate::Gateway;

/// Keeps track of when the log last took something in.
#[derive(Debug)]
pub(crate) struct Freshness {
    /// In microseconds, for each workspace.
    last_received: RwLock<HashMap<Workspace, AtomicI64>>,
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
    pub(crate) fn new() -> Self {
        Self {
            last_received: RwLock::default(),
            removed: RwLock::new(Vec::new()),
        }
    }

    /// What is missing from a window because retention took it. How much that was is counted over all
    /// workspaces, and is nothing for whoever is bound to one.
    pub(super) fn removed(&self, window: &Window, bound: bool) -> Option<Gap> {
        let removed = read(&self.removed);
        let missing = removed.iter().filter(|one| {
            window.since.is_none_or(|since| one.newest >= since)
                && window.until.is_none_or(|until| one.oldest <= until)
        });
        let all = missing.copied().reduce(|all, one| Removed {
            oldest: all.oldest.min(one.oldest),
            newest: all.newest.max(one.newest),
            events: all.events + one.events,
        })?;
        let number = if bound {
            String::new()
        } else {
            format!("{} ", all.events)
        };
        Some(Gap {
            from: Some(all.oldest),
            to: Some(all.newest),
            reason: format!(
                "retention has removed {number}events of this period that no projection needs; how \
                 many of them were asked for is not known"
            ),
            count: None,
        })
    }

    pub(crate) fn received(&self, workspace: &Workspace, at: Timestamp) {
        let micros = at.timestamp_micros();
        if let Some(last) = read(&self.last_received).get(workspace) {
            last.fetch_max(micros, Ordering::Relaxed);
            return;
        }
        let all = self.last_received.write();
        let mut all = all.unwrap_or_else(PoisonError::into_inner);
        let last = all.entry(workspace.clone());
        let last = last.or_insert_with(|| AtomicI64::new(micros));
        last.fetch_max(micros, Ordering::Relaxed);
    }

    pub(super) fn last(&self, workspace: &Workspace) -> Option<Timestamp> {
        let all = read(&self.last_received);
        let last = all.get(workspace)?;
        Timestamp::from_timestamp_micros(last.load(Ordering::Relaxed))
    }
}

fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
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
