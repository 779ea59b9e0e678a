//! How much one token has used.

use std::sync::Arc;

use pts_domain::Timestamp;
use tokio::sync::Semaphore;

use super::bucket::Bucket;
use super::{Limits, turns};

/// Requests may come in bursts of so many seconds' worth.
const BURST_S: u32 = 10;

/// Its buckets.
pub(super) struct Caller {
    pub(super) calls: Bucket,
    pub(super) sends: Bucket,
    pub(super) rows: Bucket,
    pub(super) bytes: Bucket,
    pub(super) shares: Option<Arc<Semaphore>>,
    pub(super) heavy: Option<Arc<Semaphore>>,
    pub(super) streams: Option<Arc<Semaphore>>,
}

impl Caller {
    pub(super) fn new(limits: &Limits) -> Self {
        let burst = |per_s: u32| u64::from(per_s) * u64::from(BURST_S);
        Self {
            calls: Bucket::new("requests", burst(limits.calls_per_s), u64::from(BURST_S)),
            sends: Bucket::new("sends", burst(limits.sends_per_s), u64::from(BURST_S)),
            rows: Bucket::new("rows", limits.rows_per_min, 60),
            bytes: Bucket::new("bytes", limits.bytes_per_min, 60),
            shares: turns(limits.sends_beside_others),
            heavy: turns(limits.heavy),
            streams: turns(limits.streams),
        }
    }

    /// Whether nothing is lost when it is forgotten.
    pub(super) fn rests(&self, now: Timestamp) -> bool {
        [&self.calls, &self.sends, &self.rows, &self.bytes]
            .iter()
            .all(|bucket| bucket.is_full(now))
    }
}
