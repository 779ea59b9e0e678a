//! Time as PTS keeps it: UTC, microseconds, parsed strictly, and spans such as `90m` for people.

use std::fmt;

use chrono::{DateTime, Duration, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A moment in UTC. Stored and compared in microseconds.
pub type Timestamp = DateTime<Utc>;

/// How far ahead of the server's clock an event may claim to have happened.
pub const MOST_AHEAD: Duration = Duration::hours(24);

/// Cuts a moment to whole microseconds (what the store keeps), so that equal means equal
/// everywhere. A leap second folds into the second after it.
pub fn to_micros(time: Timestamp) -> Timestamp {
    DateTime::from_timestamp_micros(time.timestamp_micros()).unwrap_or(time)
}

/// Parses an RFC 3339 time with an offset.
///
/// # Errors
/// A sentence saying what is expected, for a text that is no such time or lies outside the years
/// 1970 to 9999.
pub fn parse(text: &str) -> Result<Timestamp, String> {
    let expected = "an RFC 3339 time with an offset, such as 2026-03-01T12:30:00Z";
    // RFC 3339 allows a space for the T; senders that rely on it are rarer than broken ones.
    let time = DateTime::parse_from_rfc3339(text).map_err(|_| expected.to_owned())?;
    let time = to_micros(time.with_timezone(&Utc));
    let year = chrono::Datelike::year(&time);
    if (1970..=9999).contains(&year) {
        Ok(time)
    } else {
        Err(format!("{expected}, 1970 to 9999"))
    }
}

/// Parses a span: a whole number and one of `s m h d w`, such as `90m` or `30d`.
///
/// # Errors
/// A sentence saying what is expected.
pub fn parse_span(text: &str) -> Result<Duration, String> {
    let expected = || "a span such as 90s, 15m, 1h, 30d or 2w (up to 100 years)".to_owned();
    let unit = text.chars().last().ok_or_else(expected)?;
    let number = &text[..text.len() - unit.len_utf8()];
    if number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit()) {
        return Err(expected());
    }
    let number: i64 = number.parse().map_err(|_| expected())?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        'w' => 604_800,
        _ => return Err(expected()),
    };
    number
        .checked_mul(seconds)
        .filter(|total| *total <= 100 * 366 * 86_400)
        .and_then(Duration::try_seconds)
        .ok_or_else(expected)
}

/// A moment as a person names it in a query: an RFC 3339 time, a span back from now, or `now`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Moment {
    /// A fixed time.
    At(Timestamp),
    /// So long before now.
    Ago(Duration),
}

impl Moment {
    /// The moment itself, once it is known what now is.
    pub fn resolve(&self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(time) => *time,
            Self::Ago(span) => to_micros(now - *span),
        }
    }
}

impl TryFrom<String> for Moment {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text == "now" {
            return Ok(Self::Ago(Duration::zero()));
        }
        if let Ok(span) = parse_span(&text) {
            return Ok(Self::Ago(span));
        }
        parse(&text).map(Self::At).map_err(|expected| {
            format!("`{text}` is neither {expected}, nor a span back from now such as 1h")
        })
    }
}

impl From<Moment> for String {
    fn from(moment: Moment) -> Self {
        moment.to_string()
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(time) => f.write_str(&time.to_rfc3339()),
            Self::Ago(span) => write!(f, "{}s", span.num_seconds()),
        }
    }
}

impl JsonSchema for Moment {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Moment".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "An RFC 3339 time, `now`, or a span back from now: 90s, 15m, 1h, 30d, 2w.",
            "examples": ["2026-03-01T12:30:00Z", "1h", "now"]
        })
    }
}

/// A length of time in a query, such as `30d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Span(pub Duration);

impl TryFrom<String> for Span {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        parse_span(&text)
            .map(Self)
            .map_err(|expected| format!("`{text}` is not {expected}"))
    }
}

impl From<Span> for String {
    fn from(span: Span) -> Self {
        format!("{}s", span.0.num_seconds())
    }
}

impl JsonSchema for Span {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Span".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "pattern": "^[0-9]+[smhdw]$",
            "description": "A length of time: 90s, 15m, 1h, 30d, 2w.",
            "examples": ["30d"]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn impossible_times_are_refused() {
        for text in [
            "2026-02-30T10:00:00Z",
            "2026-01-01T25:00:00Z",
            "2026-01-01T10:00:00",
            "2026-01-01",
            "yesterday",
            "",
            "0001-01-01T00:00:00Z",
            "1767225600",
        ] {
            assert!(parse(text).is_err(), "{text} was accepted");
        }
    }

    #[test]
    fn an_offset_is_turned_into_utc_and_cut_to_microseconds() {
        let time = parse("2026-01-01T02:00:00.123456789+02:00").unwrap();
        assert_eq!(time.to_rfc3339(), "2026-01-01T00:00:00.123456+00:00");
    }

    #[test]
    fn a_leap_second_is_a_time() {
        assert!(parse("2016-12-31T23:59:60Z").is_ok());
    }

    #[test]
    fn spans_have_one_unit_and_a_bound() {
        assert_eq!(parse_span("90m").unwrap(), Duration::minutes(90));
        assert_eq!(parse_span("2w").unwrap(), Duration::days(14));
        for text in [
            "",
            "m",
            "-1h",
            "+1h",
            "1.5h",
            "1y",
            "99999999999999999999s",
            "9999999w",
            "1é",
        ] {
            assert!(parse_span(text).is_err(), "{text} was accepted");
        }
    }

    #[test]
    fn a_moment_is_a_time_or_a_span_back_from_now() {
        let now = parse("2026-03-01T12:00:00Z").unwrap();
        let ago = Moment::try_from("1h".to_owned()).unwrap();
        assert_eq!(ago.resolve(now), parse("2026-03-01T11:00:00Z").unwrap());
        let fixed = Moment::try_from("2026-01-01T00:00:00Z".to_owned()).unwrap();
        assert_eq!(fixed.resolve(now), parse("2026-01-01T00:00:00Z").unwrap());
        assert!(Moment::try_from("soon".to_owned()).is_err());
    }
}
