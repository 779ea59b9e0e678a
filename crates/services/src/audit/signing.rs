//! Signed checkpoints: every minute or so the end of the chain is signed, in the store and somewhere
//! else. Before that, the chain is held against what was signed last: a process does not put its name
//! to what contradicts it.

use std::sync::Arc;
use std::time::Duration;

use pts_domain::audit::{Checkpoint, Head, SigningKey};
use pts_ports::{CheckpointSink, StoreError};
use tokio::time::{MissedTickBehavior, interval};

use super::Audit;
use super::telling::Place;

/// After a failure it is tried again so soon.
const SOONER: Duration = Duration::from_secs(5);

/// Why nothing was signed.
#[derive(Debug, thiserror::Error)]
pub enum NotSigned {
    /// The store or a place for checkpoints is away.
    #[error("the checkpoint could not be kept")]
    Away(#[from] StoreError),
    /// What was signed is not there any more.
    #[error("the audit is not what was signed: {0}")]
    Tampered(String),
}

/// Signs the chain.
pub struct Checkpointer {
    pub(super) audit: Arc<Audit>,
    pub(super) key: SigningKey,
    pub(super) elsewhere: Vec<Place>,
    signed: tokio::sync::Mutex<Option<Signed>>,
}

/// What was signed, and what of it is told.
pub(super) struct Signed {
    /// What was signed last, if anything ever was.
    pub(super) last: Option<Checkpoint>,
    /// Of each place, the entry up to which checkpoints are told there.
    pub(super) told: Vec<i64>,
}

impl Checkpointer {
    /// Signs with this key, and tells it in all these places as well.
    pub fn new(
        audit: Arc<Audit>,
        key: SigningKey,
        elsewhere: impl IntoIterator<Item = Arc<dyn CheckpointSink>>,
    ) -> Self {
        let _ = audit.key.set(key.public());
        Self {
            audit,
            key,
            elsewhere: elsewhere.into_iter().map(Place::new).collect(),
            signed: tokio::sync::Mutex::default(),
        }
    }

    /// Signs every so often until `stop` resolves, and once more then. What cannot be signed closes
    /// whatever needs the audit until it can be.
    pub async fn keep(&self, every: Duration, stop: impl Future<Output = ()>) {
        let mut ticks = interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut stop = std::pin::pin!(stop);
        let mut failing = false;
        loop {
            let stopping = tokio::select! {
                () = &mut stop => true,
                _ = ticks.tick() => false,
            };
            let signed = self.round().await;
            if let Err(error) = &signed {
                if !failing {
                    let source = std::error::Error::source(error).map(ToString::to_string);
                    tracing::error!(%error, source, "what needs the audit is refused");
                }
                ticks.reset_after(SOONER.min(every));
            } else if failing {
                tracing::info!("the audit is signed again");
            }
            failing = signed.is_err();
            if stopping {
                return;
            }
        }
    }

    /// Signs the end of the chain, if it is not signed yet; returns what is signed now.
    ///
    /// # Errors
    /// Why it is not. Whatever needs the audit is refused until a later round gets through.
    pub async fn round(&self) -> Result<Option<Checkpoint>, NotSigned> {
        let signed = self.sign().await;
        self.audit.seal(signed.is_err());
        signed
    }

    async fn sign(&self) -> Result<Option<Checkpoint>, NotSigned> {
        let mut signed = self.signed.lock().await;
        let signed = match &mut *signed {
            Some(signed) => signed,
            none => none.insert(self.signed_before().await?),
        };
        let end = self.audit.store.end().await?;
        let end = end.ok_or_else(|| NotSigned::Tampered("it has no end".to_owned()))?;
        if let Some(before) = &signed.last {
            self.still_there(before, end).await?;
        }
        let is_new = (signed.last.as_ref()).is_none_or(|before| before.head() != end);
        if is_new && end.sequence > 0 {
            let now = self.audit.clock.now();
            let Some(checkpoint) = Checkpoint::sign(end, now, &self.key) else {
                return Err(NotSigned::Tampered("its key does not sign".to_owned()));
            };
            self.audit.store.keep_checkpoint(&checkpoint).await?;
            signed.last = Some(checkpoint);
        }
        self.tell(signed).await?;
        Ok(signed.last.clone())
    }

    /// What this key signed before this process began, as the store and the other places know it: the
    /// last of all.
    async fn signed_before(&self) -> Result<Signed, NotSigned> {
        let public = self.key.public();
        let id = public.id();
        let mut told = Vec::new();
        for place in &self.elsewhere {
            told.push(place.last(&id).await?);
        }
        let kept = self.audit.store.last_checkpoint(Some(id)).await?;
        let all = || told.iter().flatten().chain(&kept);
        for one in all() {
            if !one.is_by(&public) {
                return Err(forged(one));
            }
        }
        let last = all().max_by_key(|one| one.sequence).cloned();
        // A place that knows nothing begins with what was signed last, which speaks for all before it.
        let begin = last.as_ref().map_or(0, |last| last.sequence - 1);
        let told = told.iter();
        let told = told.map(|told| told.as_ref().map_or(begin, |told| told.sequence));
        Ok(Signed {
            told: told.collect(),
            last,
        })
    }

    /// Looks whether the entry that was signed last is still what it was.
    async fn still_there(&self, before: &Checkpoint, end: Head) -> Result<(), NotSigned> {
        let sequence = before.sequence;
        let missing = || NotSigned::Tampered(format!("entry {sequence} was signed and is missing"));
        if end.sequence < sequence {
            return Err(missing());
        }
        let there = self.audit.store.stretch(Some(sequence - 1), 1).await?;
        let entry = there.first().filter(|entry| entry.sequence == sequence);
        let entry = entry.ok_or_else(missing)?;
        if entry.hash == Some(before.hash) {
            Ok(())
        } else {
            let what = format!("entry {sequence} is not the one that was signed");
            Err(NotSigned::Tampered(what))
        }
    }
}

pub(super) fn forged(checkpoint: &Checkpoint) -> NotSigned {
    let sequence = checkpoint.sequence;
    NotSigned::Tampered(format!("the checkpoint of entry {sequence} is forged"))
}
