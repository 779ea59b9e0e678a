//! The brake on guessing, in front of every look-up of a token or a code.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

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

    /// Lets a look-up begin. It counts as failed unless the attempt is dropped without a word.
    pub(super) fn attempt(
        &self,
        text: &TokenText,
        address: Option<IpAddr>,
    ) -> Result<Attempt<'_>, AccessError> {
        let of = Try::with(address, text);
        self.pay(&of)?;
        Ok(Attempt {
            guard: self,
            of,
            failed: false,
        })
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
        let mut brake = self.brake.lock().unwrap_or_else(PoisonError::into_inner);
        brake.pay(of, now).map_err(|retry_after_s| {
            self.slowed.fetch_add(1, Ordering::Relaxed);
            AccessError::TooManyFailures { retry_after_s }
        })
    }
}

/// A look-up under way. What was paid for it comes back unless it failed.
pub(super) struct Attempt<'g> {
    guard: &'g Guard,
    of: Try,
    failed: bool,
}

impl Attempt<'_> {
    /// What was presented is not good.
    pub(super) fn failed(mut self, why: TokenRefused) -> AccessError {
        self.failed = true;
        self.guard.refuse(why)
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if !self.failed {
            let now = self.guard.clock.now();
            let brake = &self.guard.brake;
            let mut brake = brake.lock().unwrap_or_else(PoisonError::into_inner);
            brake.give_back(&self.of, now);
        }
    }
}
