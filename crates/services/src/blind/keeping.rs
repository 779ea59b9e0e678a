//! Keeping the record: a sign of life every few seconds, what was refused, the habits of sources; and
//! reading what other processes wrote down.

use std::future::Future;
use std::time::Duration;

use pts_domain::Timestamp;
use pts_domain::blind::Hindrance;
use pts_ports::{StoreError, new_id};
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::{ActionError, Gateway};

/// How often a process says that it is up. A crash is known to within this time.
const EVERY: Duration = Duration::from_secs(5);
/// How often it looks whether the store is back.
const EVERY_TROUBLED: Duration = Duration::from_secs(1);
/// How long one look may take.
const LOOK: Duration = Duration::from_secs(5);
/// Habits are written down, and those that others know are read, at every so many signs of life.
const HABITS_EVERY: u64 = 6;
/// What is over for long is forgotten at every so many.
const FORGET_EVERY: u64 = 720;
/// How long the record reaches back.
const KEPT: chrono::Duration = chrono::Duration::days(400);
/// What others wrote down may become visible so much later than it says.
const MARGIN: chrono::Duration = chrono::Duration::minutes(10);
/// Sources whose habits are written down at once.
const MOST_AT_ONCE: usize = 1_000;

impl Gateway {
    /// Says that from now on this process is able to receive. Whoever serves requests calls it just
    /// before, and keeps the record with [`Gateway::keep_record`].
    pub fn begin_receiving(&self) {
        let now = self.now();
        self.receiving.begin(new_id(&*self.entropy, now), now);
    }

    /// Reads the record of what could not be seen: when processes were up, what they refused, who
    /// usually reports, and who is expected to.
    ///
    /// # Errors
    /// [`ActionError::Unavailable`].
    pub async fn read_record(&self) -> Result<(), ActionError> {
        self.receiving.learn(self.blind_spots.received(None).await?);
        self.reporters
            .learn(self.blind_spots.reporters(None).await?);
        self.look_around().await?;
        Ok(())
    }

    /// Keeps the record until `stop` resolves, and says then that this process no longer receives.
    pub async fn keep_record(&self, stop: impl Future<Output = ()>) {
        let mut stop = std::pin::pin!(stop);
        let mut ticks = interval(EVERY_TROUBLED);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let quiet = EVERY.as_secs() / EVERY_TROUBLED.as_secs();
        for tick in 0_u64.. {
            let stopping = tokio::select! {
                () = &mut stop => true,
                _ = ticks.tick() => false,
            };
            if stopping || tick.is_multiple_of(quiet) || self.receiving.is_troubled() {
                self.write_record(tick / quiet, stopping).await;
            }
            if stopping {
                return;
            }
        }
    }

    /// One sign of life, with everything that goes with it. Where the store is away it is noted from
    /// when on, and what there is to write is kept.
    pub async fn write_record(&self, number: u64, stopping: bool) {
        let began = self.now();
        let beat = timeout(LOOK, self.beat(began, number, stopping));
        let failed = match beat.await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "it took too long".to_owned(),
        };
        // A pool that is used up by questions is no store that is away.
        if self.log.ready().await.is_err() {
            if !self.receiving.is_troubled() {
                tracing::warn!(error = failed, "the store is away: nothing can be received");
            }
            self.receiving
                .refused(Hindrance::StoreAway, began, 0, false);
        } else {
            tracing::debug!(error = failed, "the record of blind spots waits");
        }
    }

    async fn beat(&self, now: Timestamp, number: u64, stopping: bool) -> Result<(), StoreError> {
        if self.receiving.is_troubled() && self.log.ready().await.is_ok() {
            self.receiving.stored(|| self.now());
        }
        if let Some((uptime, refusals)) = self.receiving.report(now, stopping) {
            self.blind_spots.report(uptime, &refusals).await?;
            self.receiving.written(&refusals);
        }
        if stopping || number.is_multiple_of(HABITS_EVERY) {
            self.exchange_habits(now).await?;
        }
        if stopping {
            return Ok(());
        }
        if number % FORGET_EVERY == 1 {
            self.blind_spots.forget(now - KEPT).await?;
            self.receiving.forget(now - KEPT);
        }
        let received = self.blind_spots.received(Some(now - MARGIN)).await?;
        self.receiving.learn(received);
        self.look_around().await
    }

    async fn exchange_habits(&self, now: Timestamp) -> Result<(), StoreError> {
        let changed = self.reporters.take_changed(MOST_AT_ONCE);
        if let Err(error) = self.blind_spots.keep_reporters(&changed).await {
            self.reporters.put_back(&changed);
            return Err(error);
        }
        let others = self.blind_spots.reporters(Some(now - MARGIN)).await?;
        self.reporters.learn(others);
        Ok(())
    }

    /// What is declared, and whether anything waits in quarantine.
    async fn look_around(&self) -> Result<(), StoreError> {
        self.reporters
            .expect(self.blind_spots.expectations().await?);
        let before = self.ward.before();
        let waits = self.quarantine.anything_waits().await?;
        self.ward.looked(before, waits);
        Ok(())
    }
}
