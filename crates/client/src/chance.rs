//! The client's own clock and chance, in one place: it runs in other people's programs, where nobody
//! hands in a port for them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pts_domain::Timestamp;
use uuid::Uuid;

/// Now, by the clock of the machine that the client runs on.
pub(crate) fn now() -> Timestamp {
    Timestamp::from(system_time())
}

#[expect(clippy::disallowed_methods, reason = "the clock of whoever sends")]
fn system_time() -> SystemTime {
    SystemTime::now()
}

/// A time-ordered id for an event that has none.
pub(crate) fn id() -> Uuid {
    let since = system_time().duration_since(UNIX_EPOCH).unwrap_or_default();
    let millis = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
    uuid::Builder::from_unix_timestamp_millis(millis, &bytes()).into_uuid()
}

/// Some part of a span, so that many clients do not come back at the same moment.
pub(crate) fn part_of(span: Duration) -> Duration {
    let [a, b, c, d, ..] = bytes::<10>();
    let part = f64::from(u32::from_le_bytes([a, b, c, d])) / f64::from(u32::MAX);
    span.mul_f64(part)
}

/// Random bytes. Without a source of chance they come from the clock: worse, but no reason to fail.
fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    if getrandom::fill(&mut bytes).is_err() {
        let nanos = system_time().duration_since(UNIX_EPOCH).unwrap_or_default();
        for (byte, from) in bytes.iter_mut().zip(nanos.as_nanos().to_le_bytes()) {
            *byte = from;
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_are_time_ordered_and_never_the_same() {
        let ids: HashSet<Uuid> = (0..10_000).map(|_| id()).collect();
        assert_eq!(ids.len(), 10_000);
        assert!(ids.iter().all(|id| id.get_version_num() == 7));
    }

    #[test]
    fn a_part_is_no_more_than_the_whole() {
        let span = Duration::from_millis(250);
        assert!((0..1_000).all(|_| part_of(span) <= span));
    }
}
