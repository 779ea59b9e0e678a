//! Checkpoints told elsewhere: each place is told all of them in their order, whatever was away
//! meanwhile. What a place has not been told yet is in the store, so nothing is lost with a process and
//! nothing grows in its memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use pts_domain::audit::{Checkpoint, KeyId};
use pts_ports::{CheckpointSink, StoreError};
use tokio::time::timeout;

use super::signing::{Checkpointer, NotSigned, Signed, forged};

/// Checkpoints that are told together.
const TOGETHER: usize = 1_000;
/// How long a place may take.
const WITHIN: Duration = Duration::from_secs(5);

/// Somewhere that checkpoints are told.
pub(super) struct Place {
    sink: Arc<dyn CheckpointSink>,
    failing: AtomicBool,
    failures: Arc<AtomicU64>,
}

impl Place {
    pub(super) fn new(sink: Arc<dyn CheckpointSink>) -> Self {
        Self {
            sink,
            failing: AtomicBool::new(false),
            failures: Arc::default(),
        }
    }

    /// The last checkpoint that is there.
    pub(super) async fn last(&self, key: &KeyId) -> Result<Option<Checkpoint>, StoreError> {
        let asked = timeout(WITHIN, self.sink.last(key)).await;
        let asked = asked.unwrap_or_else(|_| Err(self.too_long()));
        self.heed(&asked);
        asked
    }

    async fn export(&self, checkpoints: &[Checkpoint]) -> Result<(), StoreError> {
        let told = timeout(WITHIN, self.sink.export(checkpoints)).await;
        let told = told.unwrap_or_else(|_| Err(self.too_long()));
        self.heed(&told);
        told
    }

    fn too_long(&self) -> StoreError {
        let (name, within) = (self.sink.name(), WITHIN.as_secs());
        StoreError::unavailable(format!("the {name} took longer than {within} s"))
    }

    /// Counts failures, and says when they begin and end.
    fn heed<T>(&self, outcome: &Result<T, StoreError>) {
        let place = self.sink.name();
        let before = self.failing.swap(outcome.is_err(), Ordering::Relaxed);
        match outcome {
            Err(error) => {
                self.failures.fetch_add(1, Ordering::Relaxed);
                if !before {
                    tracing::error!(place, %error, "checkpoints of the audit cannot be told");
                }
            }
            Ok(_) if before => tracing::info!(place, "checkpoints of the audit are told again"),
            Ok(_) => {}
        }
    }
}

/// What a place is told next.
struct Next {
    checkpoints: Vec<Checkpoint>,
    /// Then it is told up to this entry.
    reaches: i64,
}

impl Checkpointer {
    /// How often checkpoints could not be told elsewhere, since the process began.
    pub fn failures(&self) -> impl Fn() -> u64 + Send + Sync + use<> {
        let places = self.elsewhere.iter();
        let all: Vec<_> = places.map(|place| Arc::clone(&place.failures)).collect();
        move || all.iter().map(|one| one.load(Ordering::Relaxed)).sum()
    }

    /// Tells every place what it has not been told. One that is away does not keep the others from it.
    pub(super) async fn tell(&self, signed: &mut Signed) -> Result<(), NotSigned> {
        let Signed { last, told } = signed;
        let Some(last) = last else { return Ok(()) };
        let mut outcome = Ok(());
        for (place, told) in self.elsewhere.iter().zip(told) {
            let caught_up = self.catch_up(place, told, last).await;
            outcome = outcome.and(caught_up);
        }
        outcome
    }

    async fn catch_up(
        &self,
        place: &Place,
        told: &mut i64,
        last: &Checkpoint,
    ) -> Result<(), NotSigned> {
        while *told < last.sequence {
            let next = self.next(*told, last).await?;
            if !next.checkpoints.is_empty() {
                place.export(&next.checkpoints).await?;
            }
            *told = next.reaches;
        }
        Ok(())
    }

    /// The next of what this key signed behind an entry. What was signed last is known without the
    /// store, from which somebody may have taken it.
    async fn next(&self, behind: i64, last: &Checkpoint) -> Result<Next, NotSigned> {
        let public = self.key.public();
        let id = public.id();
        let kept = self.audit.store.checkpoints(Some(behind), TOGETHER).await?;
        let read = kept.last().map_or(last.sequence, |kept| kept.sequence);
        let ours = kept.into_iter().filter_map(|kept| kept.checkpoint);
        let ours = ours.filter(|one| one.key == id && one.sequence < last.sequence);
        let mut checkpoints: Vec<_> = ours.collect();
        if let Some(one) = checkpoints.iter().find(|one| !one.is_by(&public)) {
            return Err(forged(one));
        }
        if read >= last.sequence {
            checkpoints.push(last.clone());
        }
        Ok(Next {
            checkpoints,
            reaches: read.min(last.sequence),
        })
    }
}
