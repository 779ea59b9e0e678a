//! How long foreign events stay.

use std::fmt;
use std::str::FromStr;

use chrono::Duration;

use crate::Timestamp;
use crate::time::{parse_span, to_micros};

/// The shortest time for which foreign events can be kept. What is removed is forgotten, and a
/// repeat is looked for in the month of its receipt and the one before: what is 62 days old is
/// always older than these.
pub const SHORTEST: Duration = Duration::days(62);

/// How long foreign events stay: `forever`, or a span such as `400d`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Policy {
    /// Nothing goes.
    #[default]
    Forever,
    /// They stay for so long after their receipt, and then until their month is over for as long.
    For(Duration),
}

impl Policy {
    /// Months that end at this moment or before have had their time; `None` if they never do.
    pub fn horizon(self, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Forever => None,
            Self::For(span) => now.checked_sub_signed(span).map(to_micros),
        }
    }
}

impl FromStr for Policy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "forever" {
            return Ok(Self::Forever);
        }
        let span = parse_span(text)
            .map_err(|expected| format!("found `{text}`; expected `forever` or {expected}"))?;
        if span < SHORTEST {
            return Err(format!(
                "found `{text}`; expected `forever` or {}d at the least: what is removed is \
                 forgotten, and a repeat must be known for longer than a month",
                SHORTEST.num_days()
            ));
        }
        Ok(Self::For(span))
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Forever => f.write_str("forever"),
            Self::For(span) if span.num_seconds() % 86_400 == 0 => {
                write!(f, "{}d", span.num_days())
            }
            Self::For(span) => write!(f, "{}s", span.num_seconds()),
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::Months;

    use super::*;
    use crate::retention::Month;
    use crate::time::parse;

    #[test]
    fn a_policy_is_forever_or_a_span_that_outlives_repeats() {
        let check = |text: &str, want: Policy| {
            assert_eq!(text.parse::<Policy>().unwrap(), want, "{text}");
        };
        check("forever", Policy::Forever);
        check("400d", Policy::For(Duration::days(400)));
        check("62d", Policy::For(Duration::days(62)));
        check("60w", Policy::For(Duration::weeks(60)));
        let refused = |text: &str| text.parse::<Policy>().unwrap_err();
        assert!(refused("61d").contains("62d at the least"));
        assert!(refused("1h").contains("longer than a month"));
        for text in ["", "400", "never", "1y", "Forever"] {
            let why = refused(text);
            assert!(why.contains("`forever` or a span such as"), "{text}: {why}");
        }
    }

    #[test]
    fn a_policy_is_shown_as_it_is_written() {
        for text in ["forever", "400d", "62d"] {
            assert_eq!(text.parse::<Policy>().unwrap().to_string(), text);
        }
        let hours = "1500h".parse::<Policy>().unwrap().to_string();
        assert_eq!(hours.parse::<Policy>(), "1500h".parse());
    }

    #[test]
    fn whatever_the_calendar_says_the_month_before_is_never_behind_the_horizon() {
        let mut now = parse("2023-01-01T00:00:00Z").unwrap();
        let end = parse("2028-04-01T00:00:00Z").unwrap();
        while now < end {
            let horizon = Policy::For(SHORTEST).horizon(now).unwrap();
            let before = Month::of(now).start().checked_sub_months(Months::new(1));
            let before = Month::of(before.unwrap());
            assert!(!before.is_behind(horizon), "{now}: {before} is behind");
            now += Duration::hours(12);
        }
    }
}
