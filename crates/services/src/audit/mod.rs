//! Who did what: written down before anything is changed, and told to nobody who could change it.
//!
//! What changes how the service behaves waits for its entry and is not done without one
//! ([`Audit::control`]). What was refused is counted here and written a moment later: there may be
//! very much of it, and whoever is refused shall not be able to make the service busy with it.

mod act;
mod control;
mod pending;
mod signing;
mod telling;
mod verify;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use pts_domain::audit::{Actor, Outcome, PublicKey, Record};
use pts_ports::{AuditLog, Clock, Entropy, StoreError, new_id};
use tokio::time::{MissedTickBehavior, interval, timeout};
use uuid::Uuid;

pub use act::Act;
pub use control::{Ended, Intent};
pub use signing::{Checkpointer, NotSigned};
pub use verify::{ExportedCheckpoint, verify_audit};

use crate::Gateway;
use crate::error::log_fault;
use pending::Pending;

/// How long an entry may take that somebody waits for.
const WITHIN: Duration = Duration::from_secs(5);
/// How often what was counted is written.
const EVERY: Duration = Duration::from_secs(1);
/// Entries that are written together.
const GROUP: usize = 1_000;
/// How long the last look may take.
const LAST_LOOK: Duration = Duration::from_secs(5);

/// An entry cannot be written: whatever needs one is not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the audit cannot be written")]
pub struct AuditUnavailable;

/// Writes down who does what.
pub struct Audit {
    store: Arc<dyn AuditLog>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    pending: Mutex<Pending>,
    /// On its way, and again until it has come there. Held by whoever writes.
    desk: tokio::sync::Mutex<Vec<Record>>,
    /// Whether the last entry could not be written.
    failing: AtomicBool,
    /// Whether what was signed is lost, or is not what stands in the store.
    sealed: AtomicBool,
    key: OnceLock<PublicKey>,
    console: OnceLock<Option<String>>,
}

impl Audit {
    /// Over a store.
    pub fn new(store: Arc<dyn AuditLog>, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self {
            store,
            clock,
            entropy,
            pending: Mutex::default(),
            desk: tokio::sync::Mutex::default(),
            failing: AtomicBool::new(false),
            sealed: AtomicBool::new(false),
            key: OnceLock::new(),
            console: OnceLock::new(),
        }
    }

    /// Says which account it is that runs commands on the machine itself. The first word holds.
    pub fn console_is(&self, account: Option<String>) {
        let _ = self.console.set(account);
    }

    /// Whoever runs a command on the machine itself.
    pub fn console(&self) -> Actor {
        Actor::console(self.console.get().cloned().flatten())
    }

    /// The key that this process signs with, if it signs.
    pub fn key(&self) -> Option<PublicKey> {
        self.key.get().copied()
    }

    pub(crate) fn store(&self) -> &Arc<dyn AuditLog> {
        &self.store
    }

    /// Writes down something that was done or not, and waits for it.
    ///
    /// # Errors
    /// That it could not be written.
    pub async fn record(
        &self,
        act: Act,
        outcome: Outcome,
        reason: Option<String>,
    ) -> Result<(), AuditUnavailable> {
        let record = self.draw_up(act, outcome, reason);
        self.write(record).await
    }

    /// Counts something that was refused. It is written within a second or so; of what repeats itself
    /// one entry tells, with its number.
    pub fn refused(&self, act: Act, reason: impl Into<String>) {
        let record = self.draw_up(act, Outcome::Denied, Some(reason.into()));
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        pending.count(record);
    }

    /// Puts down an entry that is written as soon as it can be, for what has been done already.
    fn put_down(&self, record: Record) {
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        if !pending.put_down(record) {
            tracing::error!("too much waits for the audit: an outcome is lost");
        }
    }

    fn draw_up(&self, act: Act, outcome: Outcome, reason: Option<String>) -> Record {
        let now = self.clock.now();
        act.record(new_id(&*self.entropy, now), now, outcome, reason)
    }

    /// Writes one entry now.
    async fn write(&self, record: Record) -> Result<(), AuditUnavailable> {
        if self.sealed.load(Ordering::Relaxed) {
            return Err(AuditUnavailable);
        }
        let appended = timeout(WITHIN, self.store.append(vec![record], WITHIN)).await;
        let appended = appended.unwrap_or_else(|_| Err(too_long()));
        self.heed(&appended);
        appended.map(|_| ()).map_err(|_| AuditUnavailable)
    }

    /// Writes down what has happened already, and cannot be refused any more.
    pub(crate) async fn tell(&self, record: Record) -> Result<(), StoreError> {
        let told = self.store.append(vec![record], WITHIN).await;
        self.heed(&told);
        told.map(|_| ())
    }

    /// Remembers whether writing works, and says so when that changes.
    fn heed<T>(&self, outcome: &Result<T, StoreError>) {
        let before = self.failing.swap(outcome.is_err(), Ordering::Relaxed);
        match outcome {
            Err(error) if !before => {
                log_fault(error);
                tracing::error!("the audit cannot be written: what needs an entry is refused");
            }
            Ok(_) if before => tracing::info!("the audit can be written again"),
            _ => {}
        }
    }

    /// Writes everything that waits.
    ///
    /// # Errors
    /// That it cannot be written now. It goes on waiting.
    pub async fn flush(&self) -> Result<(), StoreError> {
        let mut desk = self.desk.lock().await;
        loop {
            if desk.is_empty() {
                let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
                *desk = pending.take();
            }
            if desk.is_empty() {
                return Ok(());
            }
            let group = desk.len().min(GROUP);
            let appended = self.store.append(desk[..group].to_vec(), WITHIN).await;
            self.heed(&appended);
            appended?;
            desk.drain(..group);
        }
    }

    /// How many acts wait to be written down.
    pub(crate) async fn waiting(&self) -> u64 {
        let desk: u64 = self.desk.lock().await.iter().map(|one| one.times).sum();
        let pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        desk + pending.acts()
    }

    /// Whether what needs an entry is refused now.
    pub fn is_closed(&self) -> bool {
        self.failing.load(Ordering::Relaxed) || self.sealed.load(Ordering::Relaxed)
    }

    /// Closes, or opens again, whatever could be written.
    pub(crate) fn seal(&self, sealed: bool) {
        self.sealed.store(sealed, Ordering::Relaxed);
    }

    fn new_id(&self) -> Uuid {
        new_id(&*self.entropy, self.clock.now())
    }
}

fn too_long() -> StoreError {
    StoreError::Unavailable {
        reason: "the audit took too long".into(),
        maybe_done: true,
    }
}

impl Gateway {
    /// Where everything that is done here is written down.
    pub const fn audit(&self) -> &Arc<Audit> {
        &self.audit
    }

    /// Writes down what was refused, and what became of the rules, until `stop` resolves, and once more then.
    pub async fn keep_audit(&self, stop: impl Future<Output = ()>) {
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut stop = std::pin::pin!(stop);
        loop {
            let stopping = tokio::select! {
                () = &mut stop => true,
                _ = ticks.tick() => false,
            };
            // What cannot be told now is told the next time.
            let _ = timeout(LAST_LOOK, self.tell_of_rules()).await;
            let written = timeout(LAST_LOOK, self.audit.flush()).await;
            if stopping {
                if !matches!(written, Ok(Ok(()))) {
                    let acts = self.audit.waiting().await;
                    tracing::error!(acts, "the audit ends without these");
                }
                return;
            }
        }
    }
}
