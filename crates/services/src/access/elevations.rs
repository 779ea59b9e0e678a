//! What somebody holds now beyond what their token allows: the elevations that are active, known in
//! memory with their ends, so that each ends on the moment, whatever becomes of the store.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::Duration;
use pts_domain::Timestamp;
use pts_domain::access::{Elevation, ElevationRules, ElevationState, Principal};
use pts_ports::Elevations;

/// For so long what was read is believed: an approval, a denial and an early end take effect within
/// it on every process.
const BELIEVED: Duration = Duration::seconds(1);
/// So many requests are looked through for those that are active.
const MOST_OPEN: usize = 10_000;

/// The elevations of a store, and the rules for them.
pub(crate) struct Elevating {
    pub(crate) store: Arc<dyn Elevations>,
    pub(crate) rules: ElevationRules,
    active: Mutex<Known>,
    /// One at a time reads; whoever comes meanwhile waits for what it finds.
    reading: tokio::sync::Mutex<()>,
}

/// What was active when it was looked for last.
#[derive(Default, Clone)]
struct Known {
    active: Arc<[Elevation]>,
    read_at: Option<Timestamp>,
}

impl Elevating {
    pub(crate) fn new(store: Arc<dyn Elevations>, rules: ElevationRules) -> Self {
        Self {
            store,
            rules,
            active: Mutex::default(),
            reading: tokio::sync::Mutex::default(),
        }
    }

    /// Gives somebody what they hold for a while. If that cannot be found out, they have what their
    /// token allows and no more.
    pub(crate) async fn raise(&self, principal: &mut Principal, now: Timestamp) {
        for elevation in self.active(now).await.iter() {
            principal.elevate(elevation, now);
        }
    }

    async fn active(&self, now: Timestamp) -> Arc<[Elevation]> {
        if let Some(active) = self.recall(now) {
            return active;
        }
        let _turn = self.reading.lock().await;
        if let Some(active) = self.recall(now) {
            return active;
        }
        let found = match self.store.current(now, MOST_OPEN).await {
            Ok(found) => found,
            Err(error) => {
                tracing::warn!(%error, "who holds what for a while cannot be read: nobody does");
                Vec::new()
            }
        };
        let mut known = self.active.lock().unwrap_or_else(PoisonError::into_inner);
        let is_active = |one: &Elevation| one.state(now) == ElevationState::Active;
        *known = Known {
            active: found.into_iter().filter(is_active).collect(),
            read_at: Some(now),
        };
        Arc::clone(&known.active)
    }

    fn recall(&self, now: Timestamp) -> Option<Arc<[Elevation]>> {
        let known = self.active.lock().unwrap_or_else(PoisonError::into_inner);
        let read_at = known.read_at?;
        // A clock that was set back must not make a belief last.
        let fresh = read_at <= now && now - read_at < BELIEVED;
        fresh.then(|| Arc::clone(&known.active))
    }

    /// Reads again before anybody is let in: something has changed.
    pub(crate) fn forget(&self) {
        let mut known = self.active.lock().unwrap_or_else(PoisonError::into_inner);
        *known = Known::default();
    }
}
