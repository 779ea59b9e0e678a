//! The brake on guessing, in front of every look-up of a token or a code.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pts_domain::access::{Brake, TokenRefused, TokenText, Try};
use pts_ports::Clock;

use crate::AccessError;

/// How often somebody was not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turned {
    /// Because what was presented is not good.
    pub refused: u64,
    /// Without a look at it: too much from there was not good before.
    pub slowed: u64,
}

pub(super) struct Guard {
    clock: Arc<dyn Clock>,
    brake: Mutex<Brake>,
    refused: AtomicU64,
    slowed: AtomicU64,
}

impl Guard {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            brake: Mutex::default(),
            refused: AtomicU64::new(0),
            slowed: AtomicU64::new(0),
        }
    }

    /// Reads what was presented. Nonsense costs no look-up, and counts.
    pub(super) fn read(
        &self,
        presented: &str,
        address: Option<IpAddr>,
    ) -> Result<TokenText, AccessError> {
        TokenText::parse(presented).map_err(|why| match self.pay(&Try::nonsense(address)) {
            Ok(()) => self.refuse(why),
            Err(slowed) => slowed,
        })
    }

    /// Lets a look-up begin. It is paid for when it fails: after a start everybody comes at once, with
    /// tokens that are good and that nobody has looked up yet.
    pub(super) fn attempt(
        &self,
        text: &TokenText,
        address: Option<IpAddr>,
    ) -> Result<Attempt<'_>, AccessError> {
        let of = Try::with(address, text);
        self.pay(&of)?;
        self.lock().give_back(&of, self.clock.now());
        Ok(Attempt { guard: self, of })
    }

    /// Counts something that is not good.
    pub(super) fn refuse(&self, why: TokenRefused) -> AccessError {
        self.refused.fetch_add(1, Ordering::Relaxed);
        why.into()
    }

    pub(super) fn turned(&self) -> Turned {
        Turned {
            refused: self.refused.load(Ordering::Relaxed),
            slowed: self.slowed.load(Ordering::Relaxed),
        }
    }

    fn pay(&self, of: &Try) -> Result<(), AccessError> {
        let now = self.clock.now();
        self.lock().pay(of, now).map_err(|retry_after_s| {
            self.slowed.fetch_add(1, Ordering::Relaxed);
            AccessError::TooManyFailures { retry_after_s }
        })
    }

    fn lock(&self) -> MutexGuard<'_, Brake> {
        self.brake.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A look-up under way.
pub(super) struct Attempt<'g> {
    guard: &'g Guard,
    of: Try,
}

impl Attempt<'_> {
    /// What was presented is not good.
    pub(super) fn failed(self, why: TokenRefused) -> AccessError {
        // Of those that failed together, some may be more than there was left to pay with.
        let _ = self.guard.lock().pay(&self.of, self.guard.clock.now());
        self.guard.refuse(why)
    }
}

#[cfg(test)]
mod tests {
    use pts_testkit::fakes::FixedClock;

    use super::*;

    #[test]
    fn whoever_comes_with_many_at_once_is_not_taken_for_somebody_who_guesses() {
        let noon = pts_domain::time::parse("2026-03-01T12:00:00Z").unwrap();
        let guard = Guard::new(Arc::new(FixedClock::at(noon)));
        let text = TokenText::from_random([7; 20]);
        let address = Some("192.0.2.7".parse().unwrap());
        let begun: Vec<_> = (0..256).map(|_| guard.attempt(&text, address)).collect();
        assert!(begun.iter().all(Result::is_ok));
        for attempt in begun {
            attempt.unwrap().failed(TokenRefused::Unknown);
        }
        assert!(guard.attempt(&text, address).is_err());
    }
}
