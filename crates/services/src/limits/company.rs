//! Whether anybody else is sending: whoever sends alone may have all there is, and shares when others
//! come.

use std::sync::{Mutex, PoisonError};

use chrono::Duration;
use pts_domain::Timestamp;
use uuid::Uuid;

/// For so long somebody who sent is thought to go on.
const LINGERS: Duration = Duration::seconds(1);

/// Who sent last, and who did last beside them: two suffice to know of anybody whether there is
/// somebody else.
#[derive(Default)]
pub(super) struct Company(Mutex<[Option<(Uuid, Timestamp)>; 2]>);

impl Company {
    /// Notes that somebody sends, and tells whether anybody else does.
    pub(super) fn beside(&self, token: Uuid, now: Timestamp) -> bool {
        let mut senders = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let [last, other] = &mut *senders;
        if last.is_some_and(|(of, _)| of != token) {
            *other = *last;
        }
        *last = Some((token, now));
        // A clock that was set back ends it as well.
        other.is_some_and(|(_, at)| at <= now && now - at < LINGERS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        pts_domain::time::parse("2026-03-01T12:00:00Z").unwrap() + Duration::milliseconds(millis)
    }

    #[test]
    fn there_is_company_as_long_as_somebody_else_has_sent_lately() {
        let [one, two] = [1, 2].map(Uuid::from_u128);
        let company = Company::default();
        assert!(!company.beside(one, at(0)));
        assert!(!company.beside(one, at(10)));
        assert!(company.beside(two, at(20)));
        assert!(company.beside(two, at(1_009)));
        assert!(!company.beside(two, at(1_010)));
        assert!(company.beside(one, at(1_020)));
        assert!(company.beside(one, at(2_000)));
        assert!(!company.beside(one, at(3_000)));
        assert!(!company.beside(one, at(-5_000)));
    }
}
