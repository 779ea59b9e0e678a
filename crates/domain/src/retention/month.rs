//! A calendar month in UTC: the piece in which the log is kept, and in which it goes.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Datelike, Months, NaiveDate, Utc};

use crate::Timestamp;

/// A month of receipt, written `2025-01`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month(NaiveDate);

impl Month {
    /// The month of a moment.
    pub fn of(time: Timestamp) -> Self {
        let day = time.date_naive();
        // Every month has a first day.
        Self(day.with_day(1).unwrap_or(day))
    }

    /// Its first moment.
    pub fn start(self) -> Timestamp {
        DateTime::<Utc>::from_naive_utc_and_offset(self.0.into(), Utc)
    }

    /// The first moment after it.
    pub fn end(self) -> Timestamp {
        self.next().start()
    }

    /// The month after it.
    pub fn next(self) -> Self {
        Self(self.0.checked_add_months(Months::new(1)).unwrap_or(self.0))
    }

    /// Whether all of it lies before a moment.
    pub fn is_behind(self, horizon: Timestamp) -> bool {
        self.end() <= horizon
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.0.year(), self.0.month())
    }
}

impl FromStr for Month {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || format!("`{text}` is not a month such as 2025-01");
        let (year, month) = text.split_once('-').ok_or_else(expected)?;
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if (year.len(), month.len()) != (4, 2) || !digits(year) || !digits(month) {
            return Err(expected());
        }
        let number = |part: &str| part.parse::<u32>().ok();
        let year = number(year).and_then(|year| i32::try_from(year).ok());
        year.zip(number(month))
            .and_then(|(year, month)| NaiveDate::from_ymd_opt(year, month, 1))
            .map(Self)
            .ok_or_else(expected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::parse;

    #[test]
    fn a_month_begins_and_ends_in_utc() {
        let month = Month::of(parse("2026-01-01T00:30:00+02:00").unwrap());
        assert_eq!(month.to_string(), "2025-12");
        assert_eq!(month.start(), parse("2025-12-01T00:00:00Z").unwrap());
        assert_eq!(month.end(), parse("2026-01-01T00:00:00Z").unwrap());
        assert_eq!(month.next().to_string(), "2026-01");
    }

    #[test]
    fn it_is_behind_a_moment_only_when_all_of_it_is() {
        let month: Month = "2024-02".parse().unwrap();
        assert!(month.is_behind(parse("2024-03-01T00:00:00Z").unwrap()));
        assert!(!month.is_behind(parse("2024-02-29T23:59:59.999999Z").unwrap()));
    }

    #[test]
    fn what_is_written_is_read_and_nothing_else() {
        for text in ["2025-01", "1971-06", "9998-12"] {
            assert_eq!(text.parse::<Month>().unwrap().to_string(), text);
        }
        for text in [
            "", "2025", "2025-13", "2025-1", "25-01", "2025-001", "+025-01", "2025-é",
        ] {
            assert!(text.parse::<Month>().is_err(), "{text}");
        }
    }
}
