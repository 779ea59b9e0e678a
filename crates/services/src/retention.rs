//! Retention: what would go is shown before it goes, goes only if that is what was confirmed or
//! configured, and is told of in the answers that it is missing from.

use std::sync::Arc;
use std::time::Duration;

use pts_domain::Timestamp;
use pts_domain::audit::{Actor, Effect};
use pts_domain::retention::{Month, MonthSurvey, Policy, confirmation};
use pts_ports::{
    Clock, Entropy, MonthAhead, Remover, RetentionRun, RetentionStore, StoreError, Thinned,
    Thinning, new_id,
};
use tokio::time::Instant;

use crate::{Act, Audit, Gateway};

/// Room in the log is made for so many months after this one.
pub const MONTHS_AHEAD: u32 = 3;

/// How often months are made ahead, and gone through behind.
const EVERY: Duration = Duration::from_hours(24);
/// After a failure, or when a month was in use, it is tried again sooner.
const SOONER: Duration = Duration::from_mins(10);
/// How often to look for what other processes and commands have removed.
const LOOK_EVERY: Duration = Duration::from_mins(5);
/// So many records are told of: 80 years of months.
pub(crate) const MOST_RUNS: usize = 1_000;

/// Retention over a store.
pub struct Retention {
    store: Arc<dyn RetentionStore>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

/// What would happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// How long foreign events stay.
    pub policy: Policy,
    /// Months that end here or before have had their time; `None` if they never have.
    pub horizon: Option<Timestamp>,
    /// Those of them that were not gone through yet, oldest first.
    pub months: Vec<MonthSurvey>,
    /// This month and those for which there is room, or shall be.
    pub ahead: Vec<MonthAhead>,
}

impl Preview {
    /// Events that would go.
    pub fn removable(&self) -> u64 {
        self.months.iter().map(|found| found.removable).sum()
    }

    /// The text that confirms exactly this; `None` where nothing would go.
    pub fn confirmation(&self) -> Option<String> {
        (self.removable() > 0).then(|| confirmation(&self.months))
    }
}

/// One month that was gone through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MonthDone {
    /// The record.
    pub run: RetentionRun,
    /// For how long appends and searches may have waited for it, at the most.
    pub locked: Duration,
}

/// Why nothing more was removed.
#[derive(Debug, thiserror::Error)]
pub enum RetentionError {
    /// Nobody confirmed it.
    #[error("what goes has to be confirmed")]
    Unconfirmed(Box<Preview>),
    /// What was confirmed is not what would go now.
    #[error("what would go now is not what was confirmed")]
    Outdated(Box<Preview>),
    /// A month could not be gone through; those before it were.
    #[error("{month} could not be gone through; nothing in it has changed")]
    Stopped {
        /// What was done.
        done: Vec<MonthDone>,
        /// Where it stopped.
        month: Month,
        /// Why; `None` if somebody else changed the month meanwhile.
        #[source]
        why: Option<StoreError>,
    },
    /// The store could not be asked.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Retention {
    /// What the audit calls removing what has had its time.
    pub const ACTION: &str = "platform.retention.run";

    /// Puts it together.
    pub fn new(
        store: Arc<dyn RetentionStore>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self {
            store,
            clock,
            entropy,
        }
    }

    /// What would go, what would stay, and the months to come. Changes nothing.
    ///
    /// # Errors
    /// That the store cannot be asked.
    pub async fn preview(&self, policy: Policy) -> Result<Preview, StoreError> {
        let now = self.clock.now();
        let horizon = policy.horizon(now);
        let months = match horizon {
            Some(horizon) => self.store.survey(horizon).await?,
            None => Vec::new(),
        };
        let ahead = self.store.ahead(now, MONTHS_AHEAD).await?;
        Ok(Preview {
            policy,
            horizon,
            months,
            ahead,
        })
    }

    /// Removes what a preview showed, given the text with which it can be confirmed. Where nothing
    /// would go, nothing needs to be confirmed and nothing is done.
    ///
    /// # Errors
    /// That it is not confirmed, or what stood in the way; see [`RetentionError`].
    pub async fn run(
        &self,
        policy: Policy,
        confirmed: Option<&str>,
    ) -> Result<Vec<MonthDone>, RetentionError> {
        let preview = self.preview(policy).await?;
        let (Some(needed), Some(horizon)) = (preview.confirmation(), preview.horizon) else {
            return Ok(Vec::new());
        };
        match confirmed {
            None => Err(RetentionError::Unconfirmed(Box::new(preview))),
            Some(text) if text.trim() != needed => Err(RetentionError::Outdated(Box::new(preview))),
            Some(_) => {
                self.go_through(preview.months, horizon, Remover::Command)
                    .await
            }
        }
    }

    /// What the service does by itself, once: makes room for the months to come, and goes through
    /// those that have had their time.
    ///
    /// # Errors
    /// What stood in the way. Room for the months to come is made before anything goes.
    pub async fn round(&self, policy: Policy) -> Result<Vec<MonthDone>, RetentionError> {
        match self.due(policy).await? {
            Some((months, horizon)) => self.go_through(months, horizon, Remover::Schedule).await,
            None => Ok(Vec::new()),
        }
    }

    /// Makes room for the months to come, and tells which have had their time and since when.
    async fn due(
        &self,
        policy: Policy,
    ) -> Result<Option<(Vec<MonthSurvey>, Timestamp)>, StoreError> {
        let now = self.clock.now();
        let made = self.store.prepare(now, MONTHS_AHEAD).await?;
        if made > 0 {
            tracing::info!(months = made, "made room in the event log ahead");
        }
        let Some(horizon) = policy.horizon(now) else {
            return Ok(None);
        };
        let months = self.store.survey(horizon).await?;
        Ok(Some((months, horizon)))
    }

    /// A round that the audit tells of, if anything goes in it.
    async fn audited_round(
        &self,
        policy: Policy,
        audit: &Arc<Audit>,
    ) -> Result<(), RetentionError> {
        let Some((months, horizon)) = self.due(policy).await? else {
            return Ok(());
        };
        let removes = months.iter().any(|month| month.removable > 0);
        let going = self.go_through(months, horizon, Remover::Schedule);
        if !removes {
            return going.await.map(|_| ());
        }
        let act = Act::by(Actor::itself(), Self::ACTION, Effect::Control);
        let asked = serde_json::json!({ "foreign_events": policy.to_string() });
        let gone = audit.control(act.with(&asked), going).await;
        let gone = gone.map_err(|error| StoreError::unavailable(error.to_string()))?;
        gone.map(|_| ())
    }

    /// The records of what was removed, newest first.
    ///
    /// # Errors
    /// That the store cannot be asked.
    pub async fn history(&self, limit: usize) -> Result<Vec<RetentionRun>, StoreError> {
        self.store.history(limit).await
    }

    /// Events removed, by source, the most first.
    ///
    /// # Errors
    /// That the store cannot be asked.
    pub async fn removed_by_source(&self, limit: usize) -> Result<Vec<(String, u64)>, StoreError> {
        self.store.removed_by_source(limit).await
    }

    async fn go_through(
        &self,
        months: Vec<MonthSurvey>,
        horizon: Timestamp,
        who: Remover,
    ) -> Result<Vec<MonthDone>, RetentionError> {
        let mut done = Vec::new();
        for survey in months {
            let month = survey.month;
            let at = self.clock.now();
            let thinning = Thinning {
                id: new_id(&*self.entropy, at),
                at,
                who,
                horizon,
                survey,
            };
            let why = match self.store.thin(thinning).await {
                Ok(Thinned::Done { run, locked }) => {
                    tell(&run, locked);
                    done.push(MonthDone { run: *run, locked });
                    continue;
                }
                Ok(Thinned::Changed) => None,
                Err(error) => Some(error),
            };
            return Err(RetentionError::Stopped { done, month, why });
        }
        Ok(done)
    }

    /// Does a round now and every day, sooner after one that failed, and tells `gateway` what is
    /// missing from the log, whoever removed it. Never returns; it may be dropped at any time.
    pub async fn keep(&self, policy: Policy, gateway: &Gateway) {
        let mut next_round = Instant::now();
        loop {
            if Instant::now() >= next_round {
                next_round = Instant::now() + self.round_of_the_day(policy, gateway.audit()).await;
            }
            match self.store.history(MOST_RUNS).await {
                Ok(runs) => gateway.tell_removed(&runs),
                Err(error) => tracing::debug!(error = %error, "what was removed cannot be read"),
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Returns when to do the next one.
    async fn round_of_the_day(&self, policy: Policy, audit: &Arc<Audit>) -> Duration {
        match self.audited_round(policy, audit).await {
            Ok(()) => EVERY,
            Err(error) => {
                let mut why = error.to_string();
                let mut source = std::error::Error::source(&error);
                while let Some(cause) = source {
                    why = format!("{why}: {cause}");
                    source = cause.source();
                }
                tracing::warn!(
                    error = why,
                    again_in_s = SOONER.as_secs(),
                    "retention did not get through"
                );
                SOONER
            }
        }
    }
}

fn tell(run: &RetentionRun, locked: Duration) {
    if run.removed == 0 {
        tracing::debug!(month = %run.month, kept = run.kept, "nothing to remove");
        return;
    }
    tracing::info!(
        month = %run.month,
        removed = run.removed,
        kept = run.kept,
        freed_bytes = run.freed_bytes,
        took_ms = run.duration_ms,
        locked_ms = u64::try_from(locked.as_millis()).unwrap_or(u64::MAX),
        "retention removed events"
    );
}
