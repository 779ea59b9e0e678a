//! What one caller may take, so that it does not take what all need. Counted for each token, in this
//! process; one look at a few numbers for each request.

mod bucket;
mod caller;
mod company;
mod meter;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pts_domain::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

use caller::Caller;
use company::Company;

use crate::ActionError;
use crate::error::RETRY_AFTER_S;

/// Callers are kept in so many parts, each under a lock of its own.
const SHARDS: usize = 16;
/// Callers of one part that are remembered before those that rest are forgotten.
const MOST_IN_SHARD: usize = 1_000;
/// How long a heavy question waits for those before it.
const HEAVY_WAIT: Duration = Duration::from_secs(2);

/// How long a request with events waits for those before it.
const SHARE_WAIT: Duration = Duration::from_secs(10);
/// A body counts for as many requests as it has parts of this size.
const SHARE_BYTES: usize = 8 * 1024;

/// What a token may take. Zero is without a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Questions and commands in a second, over ten seconds.
    pub calls_per_s: u32,
    /// Requests with events in a second, over ten seconds.
    pub sends_per_s: u32,
    /// Requests with events that are worked on at the same time while others send, too.
    pub sends_beside_others: u32,
    /// Rows read in a minute.
    pub rows_per_min: u64,
    /// Bytes read in a minute.
    pub bytes_per_min: u64,
    /// Heavy questions at the same time.
    pub heavy: u32,
    /// Live streams at the same time.
    pub streams: u32,
    /// How long a question may take.
    pub deadline: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            calls_per_s: 20_000,
            sends_per_s: 200_000,
            sends_beside_others: 32,
            rows_per_min: 100_000_000,
            bytes_per_min: 64 * 1024 * 1024 * 1024,
            heavy: 4,
            streams: 200,
            deadline: Duration::from_secs(20),
        }
    }
}

/// A limit that was reached, for whoever did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limited {
    /// Of what.
    pub policy: &'static str,
    /// So much in a window, or at the same time where there is none.
    pub quota: u64,
    /// The window in seconds.
    pub window_s: Option<u64>,
    /// Seconds after which there is room again.
    pub retry_after_s: u64,
}

/// The limits, and how much of them everybody has used.
pub(crate) struct Gate {
    pub(crate) limits: Limits,
    company: Company,
    shards: [Mutex<HashMap<Uuid, Arc<Caller>>>; SHARDS],
}

/// Kept as long as something is worked on of which a caller has few at the same time.
pub(crate) type Turn = Option<OwnedSemaphorePermit>;

impl Gate {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            company: Company::default(),
            shards: std::array::from_fn(|_| Mutex::default()),
        }
    }

    fn caller(&self, token: Uuid, now: Timestamp) -> Arc<Caller> {
        // The end of an id is chance, whatever its version.
        let shard = usize::from(token.as_bytes()[15]) % SHARDS;
        let mut shard = self.shards[shard]
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(caller) = shard.get(&token) {
            return Arc::clone(caller);
        }
        if shard.len() >= MOST_IN_SHARD {
            shard.retain(|_, caller| Arc::strong_count(caller) > 1 || !caller.rests(now));
        }
        let caller = Arc::new(Caller::new(&self.limits));
        shard.insert(token, Arc::clone(&caller));
        caller
    }

    /// Lets a request with events through, or says when there is room again.
    pub(crate) fn send(&self, token: Uuid, now: Timestamp) -> Result<(), ActionError> {
        let caller = self.caller(token, now);
        caller.sends.take(now).map_err(ActionError::Limited)
    }

    /// Waits until a request with events may be worked on. Whoever sends alone never waits; beside
    /// others, everybody has so many at the same time, so that nobody's requests stand in a long line
    /// of somebody else's, wherever lines form.
    pub(crate) async fn share(
        &self,
        token: Uuid,
        bytes: usize,
        now: Timestamp,
    ) -> Result<Turn, ActionError> {
        if !self.company.beside(token, now) {
            return Ok(None);
        }
        let Some(shares) = self.caller(token, now).shares.clone() else {
            return Ok(None);
        };
        // A large body is a share of its own, but never all of it.
        let most = (self.limits.sends_beside_others / 2).max(1);
        let parts = u32::try_from(bytes / SHARE_BYTES).unwrap_or(most);
        let waiting = shares.acquire_many_owned(parts.clamp(1, most));
        match tokio::time::timeout(SHARE_WAIT, waiting).await {
            Ok(Ok(share)) => Ok(Some(share)),
            Ok(Err(_)) | Err(_) => Err(ActionError::TooMuch {
                retry_after_s: RETRY_AFTER_S,
            }),
        }
    }

    /// Lets a question or a command through, or says when there is room again. What was read before
    /// counts now: how much a question reads is known afterwards.
    pub(crate) fn call(&self, token: Uuid, now: Timestamp) -> Result<(), ActionError> {
        let caller = self.caller(token, now);
        caller.rows.look(now).map_err(ActionError::Limited)?;
        caller.bytes.look(now).map_err(ActionError::Limited)?;
        caller.calls.take(now).map_err(ActionError::Limited)
    }

    /// Notes what was read.
    pub(crate) fn read(&self, token: Uuid, now: Timestamp, rows: u64, bytes: u64) {
        let caller = self.caller(token, now);
        caller.rows.spend(now, rows);
        caller.bytes.spend(now, bytes);
    }

    /// Waits a little for a turn among the heavy questions of one caller.
    pub(crate) async fn heavy(&self, token: Uuid, now: Timestamp) -> Result<Turn, ActionError> {
        let Some(turns) = self.caller(token, now).heavy.clone() else {
            return Ok(None);
        };
        match tokio::time::timeout(HEAVY_WAIT, turns.acquire_owned()).await {
            Ok(Ok(turn)) => Ok(Some(turn)),
            Ok(Err(_)) | Err(_) => Err(ActionError::Limited(Limited {
                policy: "heavy-queries",
                quota: u64::from(self.limits.heavy),
                window_s: None,
                retry_after_s: 1,
            })),
        }
    }

    /// A place among the live streams of one caller.
    pub(crate) fn stream(&self, token: Uuid, now: Timestamp) -> Result<Turn, ActionError> {
        let Some(places) = self.caller(token, now).streams.clone() else {
            return Ok(None);
        };
        places.try_acquire_owned().map(Some).map_err(|_| {
            ActionError::Limited(Limited {
                policy: "streams",
                quota: u64::from(self.limits.streams),
                window_s: None,
                retry_after_s: 10,
            })
        })
    }
}

/// Turns for so many at the same time; none where there is no limit.
fn turns(most: u32) -> Option<Arc<Semaphore>> {
    let most = usize::try_from(most).unwrap_or(Semaphore::MAX_PERMITS);
    (most > 0).then(|| Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        pts_domain::time::parse("2026-03-01T12:00:00Z").unwrap()
    }

    const ONE: Uuid = Uuid::from_u128(1);

    fn gate() -> Gate {
        Gate::new(Limits {
            calls_per_s: 1,
            rows_per_min: 100,
            heavy: 1,
            streams: 1,
            ..Limits::default()
        })
    }

    fn limited<T>(result: Result<T, ActionError>) -> Limited {
        match result {
            Err(ActionError::Limited(limited)) => limited,
            Err(other) => panic!("{other}"),
            Ok(_) => panic!("nothing was limited"),
        }
    }

    #[test]
    fn one_caller_does_not_use_up_what_another_has() {
        let gate = gate();
        for _ in 0..10 {
            gate.call(ONE, now()).unwrap();
        }
        let told = limited(gate.call(ONE, now()));
        assert_eq!(
            (told.policy, told.quota, told.window_s),
            ("requests", 10, Some(10))
        );
        assert_eq!(told.retry_after_s, 1);
        // The same part of the callers.
        gate.call(Uuid::from_u128(17), now()).unwrap();
        gate.send(ONE, now()).unwrap();
        gate.call(ONE, now() + chrono::Duration::seconds(1))
            .unwrap();
    }

    #[test]
    fn what_was_read_counts_for_the_next_question() {
        let gate = gate();
        gate.call(ONE, now()).unwrap();
        gate.read(ONE, now(), 150, 1);
        let told = limited(gate.call(ONE, now()));
        assert_eq!(
            (told.policy, told.quota, told.window_s),
            ("rows", 100, Some(60))
        );
        assert_eq!(told.retry_after_s, 30);
        gate.call(ONE, now() + chrono::Duration::seconds(31))
            .unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn heavy_questions_and_streams_take_turns() {
        let gate = gate();
        let turn = gate.heavy(ONE, now()).await.unwrap();
        assert_eq!(
            limited(gate.heavy(ONE, now()).await).policy,
            "heavy-queries"
        );
        let (waited, ()) = tokio::join!(gate.heavy(ONE, now()), async {
            tokio::time::sleep(HEAVY_WAIT / 2).await;
            drop(turn);
        });
        assert!(waited.unwrap().is_some());
        let place = gate.stream(ONE, now()).unwrap();
        assert_eq!(limited(gate.stream(ONE, now())).policy, "streams");
        drop(place);
        assert!(gate.stream(ONE, now()).is_ok());
    }

    #[test]
    fn callers_that_rest_are_forgotten() {
        let gate = gate();
        let at = |n: u128| now() + chrono::Duration::minutes(i64::try_from(n).unwrap());
        for n in 0..3_000 {
            // All in one part.
            gate.call(Uuid::from_u128(n * 256), at(n)).unwrap();
        }
        let kept = gate.shards[0].lock().unwrap().len();
        assert!(kept <= MOST_IN_SHARD, "{kept}");
    }
}
