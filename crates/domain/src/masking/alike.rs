//! Whether two events of one identity are the same but for what was masked in them. Rules change: an
//! event that is sent again may come with a secret masked that was not the first time, or the other way
//! round. It is a repeat all the same, and no digest can tell, because what was masked is not kept in
//! any form, not even as one.

use serde_json::{Map, Value};

use super::{OPENING, mask_at};
use crate::Event;
use crate::event::number;

/// Whether one is the other, where neither is masked.
pub fn alike(one: &Event, other: &Event) -> bool {
    one.identity == other.identity
        && one.event_type == other.event_type
        && one.time_given == other.time_given
        && (!one.time_given || one.time.timestamp_micros() == other.time.timestamp_micros())
        && subjects(one.subject.as_deref(), other.subject.as_deref())
        && values(&one.data, &other.data)
        && objects(&one.attributes, &other.attributes)
}

fn subjects(one: Option<&str>, other: Option<&str>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => texts(one, other),
        (None, None) => true,
        _ => false,
    }
}

fn values(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::String(one), Value::String(other)) => texts(one, other),
        (Value::String(mask), Value::Number(_)) | (Value::Number(_), Value::String(mask)) => {
            super::is_mask(mask)
        }
        (Value::Number(one), Value::Number(other)) => number(one) == number(other),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| values(one, other))
        }
        (Value::Object(one), Value::Object(other)) => objects(one, other),
        _ => one == other,
    }
}

fn objects(one: &Map<String, Value>, other: &Map<String, Value>) -> bool {
    one.len() == other.len()
        && one
            .iter()
            .all(|(key, value)| other.get(key).is_some_and(|other| values(value, other)))
}

fn texts(one: &str, other: &str) -> bool {
    one == other || covers(one, other) || covers(other, one)
}

/// Whether a text with masks is what becomes of another if something in it is masked.
fn covers(masked: &str, text: &str) -> bool {
    let parts = between_masks(masked);
    let [first, between @ .., last] = parts.as_slice() else {
        return false;
    };
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    for part in between {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// What stands before, between and behind the masks of a text; one part if there are none.
fn between_masks(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut begin, mut from) = (0, 0);
    while let Some(found) = text[from..].find(OPENING) {
        let at = from + found;
        if let Some(length) = mask_at(&text[at..]) {
            parts.push(&text[begin..at]);
            begin = at + length;
            from = begin;
        } else {
            from = at + OPENING.len();
        }
    }
    parts.push(&text[begin..]);
    parts
}
