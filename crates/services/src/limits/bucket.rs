//! A bucket that fills evenly: one number, the moment at which it would be full again. Without a lock.

use std::sync::atomic::{AtomicI64, Ordering};

use pts_domain::Timestamp;

use super::Limited;

const NANOS: u64 = 1_000_000_000;

/// So much in a window; none is without a limit.
pub(super) struct Bucket {
    policy: &'static str,
    quota: u64,
    window_s: u64,
    /// When it would be full again, in nanoseconds since 1970. Never further ahead than ten windows.
    full_at: AtomicI64,
}

impl Bucket {
    pub(super) const fn new(policy: &'static str, quota: u64, window_s: u64) -> Self {
        Self {
            policy,
            quota,
            window_s,
            full_at: AtomicI64::new(i64::MIN),
        }
    }

    /// Takes one, if there is one.
    pub(super) fn take(&self, now: Timestamp) -> Result<(), Limited> {
        if self.quota == 0 {
            return Ok(());
        }
        let (now, window) = (nanos(now), self.window());
        let mut full_at = self.full_at.load(Ordering::Relaxed);
        loop {
            let next = self.settled(full_at, now).saturating_add(self.worth(1));
            if next - now > window {
                return Err(self.limited(next - now - window));
            }
            let order = Ordering::Relaxed;
            match self
                .full_at
                .compare_exchange_weak(full_at, next, order, order)
            {
                Ok(_) => return Ok(()),
                Err(other) => full_at = other,
            }
        }
    }

    /// Whether there is anything left.
    pub(super) fn look(&self, now: Timestamp) -> Result<(), Limited> {
        let (now, window) = (nanos(now), self.window());
        let ahead = self.settled(self.full_at.load(Ordering::Relaxed), now) - now;
        if self.quota == 0 || ahead < window {
            Ok(())
        } else {
            Err(self.limited(ahead - window))
        }
    }

    /// Takes so many, there or not: what is lacking is made up for before there is any again.
    pub(super) fn spend(&self, now: Timestamp, number: u64) {
        if self.quota == 0 || number == 0 {
            return;
        }
        let now = nanos(now);
        let spent = |full_at| {
            let next = self
                .settled(full_at, now)
                .saturating_add(self.worth(number));
            Some(next.min(now.saturating_add(self.window().saturating_mul(10))))
        };
        let order = Ordering::Relaxed;
        // It always has an answer.
        let _ = self.full_at.fetch_update(order, order, spent);
    }

    /// Whether all of it is there.
    pub(super) fn is_full(&self, now: Timestamp) -> bool {
        self.full_at.load(Ordering::Relaxed) <= nanos(now)
    }

    /// When it would be full, as seen from now. A clock that was set back takes nothing away.
    fn settled(&self, full_at: i64, now: i64) -> i64 {
        let furthest = now.saturating_add(self.window().saturating_mul(10));
        if full_at > furthest {
            now
        } else {
            full_at.max(now)
        }
    }

    fn window(&self) -> i64 {
        i64::try_from(self.window_s.saturating_mul(NANOS)).unwrap_or(i64::MAX)
    }

    /// How long it takes to fill by so many.
    fn worth(&self, number: u64) -> i64 {
        let nanos = u128::from(number) * u128::from(self.window_s) * u128::from(NANOS);
        i64::try_from(nanos / u128::from(self.quota.max(1))).unwrap_or(i64::MAX / 2)
    }

    fn limited(&self, wait_nanos: i64) -> Limited {
        let wait = u64::try_from(wait_nanos).unwrap_or(0);
        Limited {
            policy: self.policy,
            quota: self.quota,
            window_s: Some(self.window_s),
            retry_after_s: wait.div_ceil(NANOS).max(1),
        }
    }
}

fn nanos(at: Timestamp) -> i64 {
    at.timestamp_nanos_opt().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use chrono::Duration;

    use super::*;

    fn at(millis: i64) -> Timestamp {
        pts_domain::time::parse("2026-03-01T12:00:00Z").unwrap() + Duration::milliseconds(millis)
    }

    #[test]
    fn a_bucket_gives_what_it_holds_and_what_has_come_since() {
        let bucket = Bucket::new("b", 4, 2);
        for _ in 0..4 {
            bucket.take(at(0)).unwrap();
        }
        let limited = bucket.take(at(0)).unwrap_err();
        assert_eq!((limited.quota, limited.retry_after_s), (4, 1));
        assert!(bucket.take(at(499)).is_err());
        bucket.take(at(500)).unwrap();
        assert!(bucket.take(at(500)).is_err());
        assert!(!bucket.is_full(at(2_000)) && bucket.is_full(at(2_500)));
    }

    #[test]
    fn what_is_owed_is_bounded_and_a_clock_set_back_is_forgiven() {
        let bucket = Bucket::new("b", 60, 60);
        bucket.spend(at(0), u64::MAX);
        assert_eq!(bucket.look(at(0)).unwrap_err().retry_after_s, 540);
        assert!(bucket.look(at(-3_600_000)).is_ok());
        bucket.spend(at(0), 0);
        let none = Bucket::new("b", 0, 60);
        none.spend(at(0), 1_000);
        assert!(none.look(at(0)).is_ok() && none.take(at(0)).is_ok());
    }
}
