//! How events are searched: one filter for search, live tail and export, and the cursors that let a
//! long list be read page by page while others write.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::event::settle;
use crate::{StoredEvent, Timestamp};

/// Which events are wanted. Everything that is set must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// Any of these types; all when empty.
    pub types: Vec<TypePattern>,
    /// This source.
    pub source: Option<String>,
    /// This service, as it stands in `data.service`.
    pub service: Option<String>,
    /// This environment, as it stands in `data.environment`.
    pub environment: Option<String>,
    /// This subject.
    pub subject: Option<String>,
    /// Happened at this moment or later.
    pub since: Option<Timestamp>,
    /// Happened before this moment.
    pub until: Option<Timestamp>,
    /// Fields of the data: dotted path to the text of the value.
    pub data: BTreeMap<String, String>,
}

/// A type's name, or a family of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TypePattern {
    /// Just this type.
    Exact(String),
    /// All types that begin so: `deployment.*` is the prefix `deployment.`.
    Prefix(String),
}

impl From<&str> for TypePattern {
    fn from(text: &str) -> Self {
        match text.strip_suffix('*') {
            Some(prefix) => Self::Prefix(prefix.to_owned()),
            None => Self::Exact(text.to_owned()),
        }
    }
}

/// The patterns that a caller names.
pub fn patterns(texts: &[String]) -> Vec<TypePattern> {
    texts
        .iter()
        .map(|text| TypePattern::from(text.as_str()))
        .collect()
}

impl TypePattern {
    /// Whether a type's name fits.
    pub fn fits(&self, event_type: &str) -> bool {
        match self {
            Self::Exact(name) => name == event_type,
            Self::Prefix(prefix) => event_type.starts_with(prefix),
        }
    }
}

impl EventFilter {
    /// Whether an event is wanted.
    pub fn fits(&self, stored: &StoredEvent) -> bool {
        let event = &stored.event;
        let is = |want: &Option<String>, have: Option<&str>| {
            want.as_deref().is_none_or(|want| have == Some(want))
        };
        (self.types.is_empty()
            || self
                .types
                .iter()
                .any(|pattern| pattern.fits(&event.event_type)))
            && is(&self.source, Some(&event.identity.source))
            && is(&self.service, event.service())
            && is(&self.environment, event.environment())
            && is(&self.subject, event.subject.as_deref())
            && self.since.is_none_or(|since| since <= event.time)
            && self.until.is_none_or(|until| event.time < until)
            && self
                .data
                .iter()
                .all(|(path, want)| has_at(&event.data, path, want))
    }
}

/// The text of the value at a dotted path; numbers in a path are places in an array.
pub fn text_at(data: &Value, path: &str) -> Option<String> {
    match value_at(data, path)? {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// Whether the value at a dotted path is the wanted one: the same text or, for what is no text, the
/// same value however it is spelt (`1.0` is `1`).
fn has_at(data: &Value, path: &str, want: &str) -> bool {
    if text_at(data, path).is_some_and(|have| have == want) {
        return true;
    }
    match value_at(data, path) {
        None | Some(Value::Null | Value::String(_)) => false,
        Some(have) => serde_json::from_str(want).is_ok_and(|mut wanted: Value| {
            settle(&mut wanted);
            wanted == *have
        }),
    }
}

fn value_at<'a>(data: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(data, |value, step| match value {
        Value::Object(map) => map.get(step),
        Value::Array(items) => items.get(step.parse::<usize>().ok()?),
        _ => None,
    })
}

/// The end of the year 9999, which no event is behind.
const LAST_MICROSECOND: i64 = 253_402_300_800_000_000;

/// Where the next page of a list begins. Opaque to clients.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cursor {
    /// After this event, newest first.
    #[serde(rename = "e")]
    Event(i64, i64),
    /// After the item first named at this place in the log, newest first.
    #[serde(rename = "p")]
    Position(i64),
    /// After the item of this name, in order of names.
    #[serde(rename = "n")]
    Name(Vec<String>),
}

impl Cursor {
    /// The cursor behind an event in a list that is newest first.
    pub fn after(event: &StoredEvent) -> Self {
        Self::Event(event.event.time.timestamp_micros(), event.position)
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(
            serde_json::to_vec(self).map_err(|_| fmt::Error)?,
        ))
    }
}

impl FromStr for Cursor {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || "a `next_cursor` of an earlier answer".to_owned();
        let bytes = hex::decode(text).map_err(|_| expected())?;
        let cursor: Self = serde_json::from_slice(&bytes).map_err(|_| expected())?;
        match &cursor {
            Self::Name(parts) if parts.iter().any(|part| part.contains('\0')) => Err(expected()),
            Self::Event(micros, _) if !(0..LAST_MICROSECOND).contains(micros) => Err(expected()),
            _ => Ok(cursor),
        }
    }
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// Where the next page begins; absent on the last one.
    pub next: Option<Cursor>,
}

impl<T> Page<T> {
    /// Makes a page out of up to `limit + 1` items: the one too many tells that there is more.
    pub fn cut(mut items: Vec<T>, limit: usize, cursor: impl Fn(&T) -> Cursor) -> Self {
        let more = items.len() > limit;
        items.truncate(limit);
        let next = if more { items.last().map(cursor) } else { None };
        Self { items, next }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn cursors_survive_the_trip_and_nonsense_is_refused() {
        for cursor in [
            Cursor::Event(1_772_000_000_000_000, 7),
            Cursor::Position(9),
            Cursor::Name(vec!["ä".into(), String::new()]),
        ] {
            assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }
        for text in [
            "",
            "zz",
            "00",
            &hex::encode("{\"x\":1}"),
            &hex::encode("{\"n\":[\"\\u0000\"]}"),
        ] {
            assert!(text.parse::<Cursor>().is_err(), "{text}");
        }
    }

    #[test]
    fn data_is_compared_as_text_along_a_dotted_path() {
        let data = json!({"actor": "alice", "n": 3, "deep": {"list": [true, null]}});
        let check = |path, want: Option<&str>| {
            assert_eq!(text_at(&data, path).as_deref(), want, "{path}");
        };
        check("actor", Some("alice"));
        check("n", Some("3"));
        check("deep.list.0", Some("true"));
        check("deep.list.1", None);
        check("deep.list.9", None);
        check("actor.more", None);
    }

    #[test]
    fn a_number_is_found_however_it_is_spelt() {
        let data = json!({"n": 1, "t": "1.0", "x": null});
        assert!(has_at(&data, "n", "1") && has_at(&data, "n", "1.0") && has_at(&data, "n", "1e0"));
        assert!(has_at(&data, "t", "1.0") && !has_at(&data, "t", "1"));
        assert!(!has_at(&data, "x", "null") && !has_at(&data, "y", "1"));
    }

    #[test]
    fn a_star_stands_for_a_family() {
        assert!(TypePattern::from("deployment.*").fits("deployment.started"));
        assert!(!TypePattern::from("deployment.*").fits("deployments.started"));
        assert!(!TypePattern::from("deployment").fits("deployment.started"));
    }
}
