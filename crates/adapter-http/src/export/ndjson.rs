//! An event as a line of JSON: what an `EventRecord` is, written straight from its parts. Reading the
//! data only to write it again would take most of an export's time.

use std::io::Write as _;

use chrono::SecondsFormat;
use pts_domain::Timestamp;
use pts_domain::event::RawEvent;
use serde::Serialize;

/// Writes one event.
pub(super) fn event(out: &mut Vec<u8>, event: &RawEvent) {
    out.extend_from_slice(b"{\"id\":\"");
    let mut id = uuid::Uuid::encode_buffer();
    out.extend_from_slice(event.id.hyphenated().encode_lower(&mut id).as_bytes());
    out.extend_from_slice(b"\",\"event_id\":");
    text(out, &event.event_id);
    let _ = write!(out, ",\"position\":{}", event.position);
    out.extend_from_slice(b",\"source\":");
    text(out, &event.source);
    out.extend_from_slice(b",\"type\":");
    text(out, &event.event_type);
    out.extend_from_slice(b",\"subject\":");
    match &event.subject {
        Some(subject) => text(out, subject),
        None => out.extend_from_slice(b"null"),
    }
    out.extend_from_slice(b",\"time\":\"");
    moment(out, event.time);
    out.extend_from_slice(b"\",\"received_at\":\"");
    moment(out, event.received_at);
    out.extend_from_slice(b"\",\"data\":");
    out.extend_from_slice(event.data.as_bytes());
    if event.attributes != "{}" {
        out.extend_from_slice(b",\"attributes\":");
        out.extend_from_slice(event.attributes.as_bytes());
    }
    out.extend_from_slice(b"}\n");
}

/// Writes a line of what is read as values anyway: an aggregate, or the end.
pub(super) fn value(out: &mut Vec<u8>, value: &impl Serialize) {
    // Writing to memory cannot fail, and these are plain values.
    let _ = serde_json::to_writer(&mut *out, value);
    out.push(b'\n');
}

/// A moment as JSON has it everywhere here.
pub(super) fn moment(out: &mut Vec<u8>, at: Timestamp) {
    let at = at.to_rfc3339_opts(SecondsFormat::AutoSi, true);
    out.extend_from_slice(at.as_bytes());
}

fn text(out: &mut Vec<u8>, text: &str) {
    let _ = serde_json::to_writer(&mut *out, text);
}

#[cfg(test)]
mod tests {
    use pts_api::EventRecord;
    use pts_domain::event::Event;
    use pts_domain::{Identity, StoredEvent};
    use serde_json::{Map, Value, json};

    use super::*;

    fn stored(subject: Option<&str>, micros: i64, data: Value, attributes: Value) -> StoredEvent {
        let Value::Object(attributes) = attributes else {
            panic!("attributes are an object")
        };
        StoredEvent {
            position: 42,
            id: uuid::Uuid::from_u128(7),
            received_at: Timestamp::from_timestamp_micros(1_772_000_000_000_000).unwrap(),
            event: Event {
                identity: Identity {
                    source: "a \"source\"\n\u{1}".into(),
                    id: "é\\".into(),
                },
                event_type: "com.acme.x".into(),
                subject: subject.map(Into::into),
                time: Timestamp::from_timestamp_micros(1_772_000_000_000_000 + micros).unwrap(),
                time_given: true,
                data,
                attributes,
            },
        }
    }

    #[test]
    fn a_line_is_the_record_that_a_search_gives() {
        let check = |event: StoredEvent| {
            let mut out = Vec::new();
            super::event(&mut out, &event.clone().into());
            let wanted = serde_json::to_string(&EventRecord::from(event)).unwrap() + "\n";
            assert_eq!(String::from_utf8(out).unwrap(), wanted);
        };
        check(stored(
            None,
            0,
            json!({"b": "x\ny", "a": [1, 2.5]}),
            json!({}),
        ));
        check(stored(
            Some("s"),
            120_000,
            Value::Null,
            json!({"dataschema": "d"}),
        ));
        check(stored(
            Some("\t"),
            123_456,
            json!("text"),
            Value::Object(Map::new()),
        ));
    }
}
