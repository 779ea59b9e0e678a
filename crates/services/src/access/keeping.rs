//! What is done about access beside the requests: policies that changed are taken over, and when
//! tokens were used is written down.

use std::sync::Arc;
use std::time::Duration;

use pts_ports::StoreError;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::Access;
use crate::Gateway;

/// How often it is looked whether the policies changed. Two looks that see the same take them over.
const LOOK_EVERY: Duration = Duration::from_millis(300);
/// After so many looks it is written down when tokens were used.
const WRITE_EVERY: u32 = 17;
/// How long that may take.
const WRITE_WITHIN: Duration = Duration::from_secs(5);

impl Access {
    /// Writes down when tokens were used: of each at most once a minute.
    ///
    /// # Errors
    /// That it cannot be written now; it is kept for the next time.
    pub async fn write_uses(&self) -> Result<(), StoreError> {
        let uses = self.believed.take_uses();
        if uses.is_empty() {
            return Ok(());
        }
        let written = match timeout(WRITE_WITHIN, self.store.used(&uses)).await {
            Ok(written) => written,
            Err(_) => Err(StoreError::unavailable("it took too long")),
        };
        if written.is_err() {
            self.believed.put_back(uses);
        }
        written
    }
}

impl Gateway {
    /// Looks after policies and tokens until `stop` resolves, and once more then.
    pub async fn keep_access(&self, stop: impl Future<Output = ()>) {
        let mut ticks = interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut stop = std::pin::pin!(stop);
        for look in 0_u32.. {
            let stopping = tokio::select! {
                () = &mut stop => true,
                _ = ticks.tick() => false,
            };
            if !stopping {
                self.look_at_policies().await;
            }
            if (stopping || look % WRITE_EVERY == 0)
                && let Err(error) = self.access.write_uses().await
            {
                tracing::debug!(%error, "when tokens were used could not be written down now");
            }
            if stopping {
                return;
            }
        }
    }

    /// Takes over what has become of the policies.
    pub async fn look_at_policies(&self) {
        let (engine, now) = (Arc::clone(self.rules.engine()), self.now());
        // A disk may take its time, and nobody shall wait for it.
        let looked = tokio::task::spawn_blocking(move || engine.refresh(now)).await;
        if let Err(error) = looked {
            tracing::error!(%error, "the policies could not be looked at");
        }
        let rules = &self.rules;
        rules.changes.note(&**rules.engine(), self.access.roles());
    }
}
