//! The places for exports: few, because each may hold three stretches in memory, and together they must
//! not take every connection; and not all of them for one token.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

use crate::ActionError;
use crate::limits::Limited;

/// How many exports are read at the same time.
const AT_ONCE: usize = 4;
/// How many of them by one token.
const OF_ONE: usize = AT_ONCE / 2;
/// When trying again may help if all places are taken.
const RETRY_AFTER_S: u64 = 5;

/// All places.
pub(crate) struct Exports {
    places: Arc<Semaphore>,
    taken: Arc<Taken>,
}

/// How many places each token has that has any.
type Taken = Mutex<HashMap<Uuid, usize>>;

/// A place, free again when this is dropped.
pub(crate) struct Place {
    token: Uuid,
    taken: Arc<Taken>,
    _permit: OwnedSemaphorePermit,
}

impl Exports {
    pub(crate) fn new() -> Self {
        Self {
            places: Arc::new(Semaphore::new(AT_ONCE)),
            taken: Arc::default(),
        }
    }

    /// A place for this token.
    ///
    /// # Errors
    /// [`ActionError::Limited`] if it has its share, [`ActionError::Overloaded`] if all are taken.
    pub(super) fn place(&self, token: Uuid) -> Result<Place, ActionError> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.get(&token).is_some_and(|&taken| taken >= OF_ONE) {
            return Err(ActionError::Limited(Limited {
                policy: "exports",
                quota: OF_ONE as u64,
                window_s: None,
                retry_after_s: RETRY_AFTER_S,
            }));
        }
        let permit = Arc::clone(&self.places).try_acquire_owned();
        let permit = permit.map_err(|_| ActionError::Overloaded {
            retry_after_s: RETRY_AFTER_S,
        })?;
        *taken.entry(token).or_default() += 1;
        Ok(Place {
            token,
            taken: Arc::clone(&self.taken),
            _permit: permit,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(number) = taken.get_mut(&self.token) {
            *number -= 1;
            if *number == 0 {
                taken.remove(&self.token);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Uuid = Uuid::from_u128(1);
    const TWO: Uuid = Uuid::from_u128(2);
    const THREE: Uuid = Uuid::from_u128(3);

    #[test]
    fn one_token_has_half_of_the_places_and_two_have_all() {
        let exports = Exports::new();
        let mut held: Vec<_> = (0..OF_ONE).map(|_| exports.place(ONE).unwrap()).collect();
        let Err(ActionError::Limited(limited)) = exports.place(ONE) else {
            panic!("one token has more than half");
        };
        assert_eq!((limited.policy, limited.quota), ("exports", 2));
        held.extend((0..OF_ONE).map(|_| exports.place(TWO).unwrap()));
        let full = exports.place(THREE);
        assert!(matches!(full, Err(ActionError::Overloaded { .. })));
        held.remove(0);
        held.push(exports.place(THREE).unwrap());
        drop(held);
        assert!(exports.taken.lock().unwrap().is_empty());
        assert_eq!(exports.places.available_permits(), AT_ONCE);
    }
}
