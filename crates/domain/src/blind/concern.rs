//! What a question is about, as far as that tells who and what could be missing from its answer.

use crate::Timestamp;
use crate::filter::TypePattern;

/// A period: from a moment on, up to and without another. Open where nothing is said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Window {
    /// From this moment on.
    pub since: Option<Timestamp>,
    /// Before this moment.
    pub until: Option<Timestamp>,
}

impl Window {
    /// The part of a period that lies in the window; nothing if none does. A period of one moment
    /// lies in it as that moment does.
    pub fn clip(&self, from: Timestamp, to: Timestamp) -> Option<(Timestamp, Timestamp)> {
        let begins = self.until.is_none_or(|until| from < until);
        let ends = self
            .since
            .is_none_or(|since| to > since || (from == to && to == since));
        let clipped = || {
            let from = self.since.map_or(from, |since| from.max(since));
            (from, self.until.map_or(to, |until| to.min(until)))
        };
        (begins && ends).then(clipped)
    }
}

/// What a question is about. What is not said concerns everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Concern {
    /// The time.
    pub window: Window,
    /// What this source reports.
    pub source: Option<String>,
    /// What is about this service.
    pub service: Option<String>,
    /// What is about this environment.
    pub environment: Option<String>,
    /// What is of any of these types; all when empty.
    pub types: Vec<TypePattern>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> Timestamp {
        crate::time::parse("2026-03-01T12:00:00Z").unwrap() + chrono::Duration::minutes(minute)
    }

    #[test]
    fn a_period_is_cut_to_the_window() {
        let window = |since: Option<i64>, until: Option<i64>| Window {
            since: since.map(at),
            until: until.map(at),
        };
        let check = |window: Window, from, to, expected: Option<(i64, i64)>| {
            let expected = expected.map(|(from, to)| (at(from), at(to)));
            assert_eq!(window.clip(at(from), at(to)), expected, "{window:?}");
        };
        check(window(None, None), 1, 2, Some((1, 2)));
        check(window(Some(0), Some(10)), 1, 2, Some((1, 2)));
        check(window(Some(2), Some(4)), 1, 3, Some((2, 3)));
        check(window(Some(2), Some(4)), 3, 9, Some((3, 4)));
        check(window(Some(2), Some(4)), 0, 2, None);
        check(window(Some(2), Some(4)), 4, 5, None);
        check(window(Some(2), Some(4)), 2, 2, Some((2, 2)));
        check(window(Some(2), Some(4)), 4, 4, None);
    }
}
