//! When a call is tried again, and after how long. Pure: the time is handed in.

use std::time::Duration;

use http::HeaderMap;
use http::header::RETRY_AFTER;

use crate::chance::part_of;
use crate::{ClientError, ClientOptions};

/// The longest wait that a server may ask for and be granted.
const LONGEST_RETRY_AFTER: Duration = Duration::from_hours(1);

/// What is left to try of one call.
#[derive(Debug)]
pub(crate) struct Retry {
    /// Whether doing it twice is as good as doing it once.
    repeatable: bool,
    tries: u32,
    most_tries: u32,
    most_time: Duration,
    backoff: Backoff,
}

impl Retry {
    pub(crate) fn new(options: &ClientOptions, repeatable: bool) -> Self {
        Self {
            repeatable,
            tries: 1,
            most_tries: options.most_tries,
            most_time: options.call_timeout,
            backoff: Backoff::new(options),
        }
    }

    /// How long to wait before the next try; `None` if there is none. `spent` is the time since the
    /// first one began.
    pub(crate) fn after(&mut self, error: &ClientError, spent: Duration) -> Option<Duration> {
        let safe = self.repeatable || !error.may_have_been_done();
        if !error.is_passing() || !safe || self.tries >= self.most_tries {
            return None;
        }
        self.tries += 1;
        let wait = self.backoff.after(error);
        // A wait that outlasts the call would only delay the bad news.
        (spent + wait < self.most_time).then_some(wait)
    }
}

/// Waits that grow, with a random part left out.
#[derive(Debug, Clone)]
pub(crate) struct Backoff {
    next: Duration,
    first: Duration,
    longest: Duration,
}

impl Backoff {
    pub(crate) fn new(options: &ClientOptions) -> Self {
        Self {
            next: options.first_backoff,
            first: options.first_backoff,
            longest: options.longest_backoff,
        }
    }

    /// The wait after a failure: what the server asks for, and never less than half of what the
    /// number of failures suggests.
    pub(crate) fn after(&mut self, error: &ClientError) -> Duration {
        let most = self.next.min(self.longest);
        self.next = most.saturating_mul(2);
        let own = most / 2 + part_of(most / 2);
        // The part on top keeps those who were told the same from coming at the same moment.
        error
            .retry_after()
            .map_or(own, |asked| asked + part_of(own))
    }

    /// It went well: the next failure is a first one.
    pub(crate) fn reset(&mut self) {
        self.next = self.first;
    }
}

/// How long a refusal asks to be left alone: `Retry-After` in seconds, or else the `t` of a
/// `RateLimit` of which nothing remains.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let said = headers
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok());
    let seconds = said.and_then(|text| text.trim().parse().ok());
    let limited = || {
        headers
            .get_all("ratelimit")
            .iter()
            .filter_map(|value| exhausted(value.to_str().ok()?))
            .max()
    };
    let asked = Duration::from_secs(seconds.or_else(limited)?);
    Some(asked.min(LONGEST_RETRY_AFTER))
}

/// The seconds until a limit of which nothing remains is there again: `"rows";r=0;t=30`.
fn exhausted(header: &str) -> Option<u64> {
    let of_one = |limit: &str| {
        let parameter = |name: &str| {
            let mut pairs = limit
                .split(';')
                .filter_map(|part| part.trim().split_once('='));
            pairs.find_map(|(key, value)| (key == name).then(|| value.parse::<u64>().ok())?)
        };
        (parameter("r")? == 0).then(|| parameter("t"))?
    };
    header.split(',').filter_map(of_one).max()
}

#[cfg(test)]
mod tests {
    use pts_api::Problem;

    use super::*;
    use crate::Refused;

    fn options() -> ClientOptions {
        ClientOptions::new("http://h", "t").unwrap()
    }

    fn refused(status: u16, code: &str, after_s: Option<u64>) -> ClientError {
        let problem = Problem::new(status, code, "", "");
        let retry_after = after_s.map(Duration::from_secs);
        Refused {
            problem,
            retry_after,
        }
        .into()
    }

    #[test]
    fn what_may_have_been_done_is_only_repeated_where_that_is_free() {
        let again = |error: &ClientError, repeatable| {
            let mut retry = Retry::new(&options(), repeatable);
            retry.after(error, Duration::ZERO).is_some()
        };
        let away = ClientError::Unreachable(String::new());
        let broken = ClientError::Broken(String::new());
        for (error, repeatable, otherwise) in [
            (&away, true, true),
            (&broken, true, false),
            (&refused(429, "limited", None), true, true),
            (&refused(503, "unavailable", None), true, false),
            (&refused(503, "incomplete", None), false, false),
            (&refused(500, "internal", None), false, false),
            (&refused(400, "invalid_input", None), false, false),
        ] {
            assert_eq!(again(error, true), repeatable, "{error}");
            assert_eq!(again(error, false), otherwise, "{error}");
        }
    }

    #[test]
    fn waits_grow_to_a_bound_and_tries_end() {
        let mut retry = Retry::new(&options(), true);
        let error = refused(503, "overloaded", None);
        let waits: Vec<_> = std::iter::from_fn(|| retry.after(&error, Duration::ZERO)).collect();
        assert_eq!(waits.len(), 3);
        for (wait, most) in waits.iter().zip([100, 200, 400]) {
            let most = Duration::from_millis(most);
            assert!(*wait <= most && *wait >= most / 2, "{waits:?}");
        }
        let mut backoff = Backoff::new(&options());
        let last = (0..100).map(|_| backoff.after(&error)).last().unwrap();
        assert!(last <= options().longest_backoff);
    }

    #[test]
    fn the_server_says_how_long_and_a_call_does_not_outlast_its_time() {
        let mut retry = Retry::new(&options(), true);
        let error = refused(429, "limited", Some(7));
        let wait = retry.after(&error, Duration::ZERO).unwrap();
        assert!(wait >= Duration::from_secs(7), "{wait:?}");
        assert_eq!(retry.after(&error, Duration::from_secs(55)), None);
    }

    #[test]
    fn both_headers_are_understood() {
        let check = |name: &'static str, value: &str, expected: Option<u64>| {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            assert_eq!(
                retry_after(&headers),
                expected.map(Duration::from_secs),
                "{value}"
            );
        };
        check("retry-after", "7", Some(7));
        check("retry-after", "99999999", Some(3_600));
        check("retry-after", "Wed, 21 Oct 2026 07:28:00 GMT", None);
        check("ratelimit", "\"rows\";r=0;t=30", Some(30));
        check(
            "ratelimit",
            "\"rows\";r=0;t=30, \"bytes\";r=0;t=40",
            Some(40),
        );
        check("ratelimit", "\"rows\";r=5;t=30", None);
        check("ratelimit", "nonsense", None);
    }
}
