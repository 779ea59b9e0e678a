//! From a JSON object to an event: the lenient native form and strict CloudEvents.

use serde_json::{Map, Value};
use uuid::Uuid;

use super::{Event, Identity, NewEvent, limits, numbers};
use crate::access::Workspace;
use crate::platform::{Parsed, PlatformEvent};
use crate::problem::kind;
use crate::{FieldError, Timestamp, time};

/// How strictly an event is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The native form: `specversion`, `id` and `time` may be left out.
    Lenient,
    /// CloudEvents 1.0: `specversion`, `id`, `source` and `type` are needed.
    CloudEvents,
}

/// An event as it was read, with what its sender should know.
#[derive(Debug, Clone, PartialEq)]
pub struct Received {
    /// The event, ready for the log.
    pub event: NewEvent,
    /// Advice for the sender; the event is accepted all the same.
    pub warnings: Vec<String>,
}

const LONGEST: usize = 512;
/// So many errors are told about one event at the most.
const MOST_ERRORS: usize = 50;

/// Reads one event. `id` and `now` become its internal id and time of receipt, and stand in for
/// an `id` and a `time` that the sender left out.
///
/// # Errors
/// Every field that is missing or wrong, as far as the form of the rest allows to tell.
pub fn read(
    mut value: Value,
    form: Form,
    id: Uuid,
    now: Timestamp,
) -> Result<Received, Vec<FieldError>> {
    limits::check(&value).map_err(|error| vec![error])?;
    numbers::settle(&mut value);
    let Value::Object(mut object) = value else {
        return Err(vec![FieldError::invalid(
            "the event",
            kind(&value),
            "a JSON object",
        )]);
    };
    let mut errors = Vec::new();

    match object.remove("specversion") {
        None if form == Form::CloudEvents => {
            errors.push(FieldError::missing(
                "specversion",
                "CloudEvents need it: \"1.0\"",
            ));
        }
        None => {}
        Some(Value::String(version)) if version == "1.0" => {}
        Some(other) => errors.push(FieldError::invalid("specversion", other, "\"1.0\"")),
    }
    let needed = |object: &mut Map<String, Value>, name, errors: &mut Vec<FieldError>| {
        let text = text(object, name, errors);
        if text.is_none() && !errors.iter().any(|error| error.field == name) {
            errors.push(FieldError::missing(name, "every event needs it"));
        }
        text
    };
    let event_type = needed(&mut object, "type", &mut errors);
    let source = needed(&mut object, "source", &mut errors);
    let event_id = if form == Form::CloudEvents {
        needed(&mut object, "id", &mut errors)
    } else {
        text(&mut object, "id", &mut errors)
    };
    let subject = text(&mut object, "subject", &mut errors);
    let given = read_time(&mut object, now, &mut errors);
    let data = object.remove("data").unwrap_or(Value::Null);
    let attributes = read_attributes(object, &data, &mut errors);

    let mut warnings = Vec::new();
    if let Some(event_type) = &event_type {
        match PlatformEvent::parse(event_type, &data) {
            Ok(Parsed::Foreign { near: Some(near) }) => warnings.push(format!(
                "`{event_type}` is not a platform event and was kept as it came; did you mean `{near}`?"
            )),
            Ok(_) => {}
            Err(more) => errors.extend(hint_misplaced(more, &attributes)),
        }
    }
    let (Some(event_type), Some(source), true) = (event_type, source, errors.is_empty()) else {
        return Err(errors);
    };
    let identity = Identity {
        source,
        id: event_id.unwrap_or_else(|| id.to_string()),
    };
    let event = Event {
        identity,
        event_type,
        subject,
        time: given.unwrap_or(now),
        time_given: given.is_some(),
        data,
        attributes,
    };
    Ok(Received {
        event: NewEvent {
            id,
            received_at: now,
            sender: None,
            workspace: Workspace::default(),
            event,
        },
        warnings,
    })
}

fn text(
    object: &mut Map<String, Value>,
    name: &str,
    errors: &mut Vec<FieldError>,
) -> Option<String> {
    match object.remove(name)? {
        Value::Null => None,
        Value::String(text) if text.trim().is_empty() => {
            errors.push(FieldError::invalid(
                name,
                "an empty text",
                "a text that is not empty",
            ));
            None
        }
        Value::String(text) if text.len() > LONGEST => {
            let found = format!("{} bytes", text.len());
            let expected = format!("at most {LONGEST} bytes");
            errors.push(FieldError::with_code("too_long", name, found, expected));
            None
        }
        Value::String(text) if text.chars().any(char::is_control) => {
            errors.push(FieldError::invalid(
                name,
                "a control character",
                "printable text",
            ));
            None
        }
        Value::String(text) => Some(text),
        other => {
            errors.push(FieldError::invalid(name, kind(&other), "a text"));
            None
        }
    }
}

fn read_time(
    object: &mut Map<String, Value>,
    now: Timestamp,
    errors: &mut Vec<FieldError>,
) -> Option<Timestamp> {
    let text = match object.remove("time")? {
        Value::Null => return None,
        Value::String(text) => text,
        other => {
            errors.push(FieldError::invalid(
                "time",
                kind(&other),
                "an RFC 3339 time as a text",
            ));
            return None;
        }
    };
    match time::parse(&text) {
        Ok(at) if at > now + time::MOST_AHEAD => {
            let expected = format!(
                "at most 24 h ahead of the server's clock ({})",
                now.to_rfc3339()
            );
            errors.push(FieldError::invalid("time", text, expected));
            None
        }
        Ok(at) => Some(at),
        Err(expected) => {
            errors.push(FieldError::invalid("time", text, expected));
            None
        }
    }
}

/// What is left at the top level must be CloudEvents attributes.
fn read_attributes(
    object: Map<String, Value>,
    data: &Value,
    errors: &mut Vec<FieldError>,
) -> Map<String, Value> {
    let mut attributes = Map::new();
    for (name, value) in object {
        // One answer need not list everything that is wrong with thousands of names.
        if errors.len() >= MOST_ERRORS {
            break;
        }
        let well_named = (1..=64).contains(&name.len())
            && name
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        let scalar = matches!(value, Value::String(_) | Value::Bool(_) | Value::Number(_));
        if value.is_null() {
            continue;
        }
        if name == "data_base64" && !data.is_null() {
            errors.push(FieldError::invalid(
                "data_base64",
                "data as well",
                "one of the two",
            ));
        } else if !well_named {
            let field = if name.is_empty() {
                "a field without a name"
            } else {
                &name
            };
            errors.push(FieldError::with_code(
                "unknown",
                field,
                kind(&value),
                "an attribute of lower-case letters and digits; anything else belongs in `data`",
            ));
        } else if matches!(&*name, "datacontenttype" | "dataschema") && !value.is_string() {
            errors.push(FieldError::invalid(&name, kind(&value), "a text"));
        } else if scalar {
            attributes.insert(name, value);
        } else {
            errors.push(FieldError::invalid(
                &name,
                kind(&value),
                "a text, number or boolean; anything else belongs in `data`",
            ));
        }
    }
    attributes
}

/// A field that is missing in `data` and stands beside it was put on the wrong shelf.
fn hint_misplaced(errors: Vec<FieldError>, attributes: &Map<String, Value>) -> Vec<FieldError> {
    errors
        .into_iter()
        .map(|mut error| {
            let name = error.field.strip_prefix("data.").unwrap_or_default();
            if error.code == "missing" && attributes.contains_key(name) {
                error.expected = format!(
                    "{}; it stands at the top level and belongs in `data`",
                    error.expected
                );
            }
            error
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn now() -> Timestamp {
        time::parse("2026-03-01T12:00:00Z").unwrap()
    }

    fn lenient(value: Value) -> Result<Received, Vec<FieldError>> {
        read(value, Form::Lenient, Uuid::nil(), now())
    }

    #[track_caller]
    fn refused(value: Value, form: Form, field: &str, code: &str) {
        let errors = read(value, form, Uuid::nil(), now()).unwrap_err();
        assert!(
            errors
                .iter()
                .any(|error| error.field == field && error.code == code),
            "{errors:?} do not name {field} {code}"
        );
    }

    #[test]
    fn the_lenient_form_fills_in_id_and_time() {
        let received = lenient(json!({"type": "com.acme.x", "source": "s"}))
            .unwrap()
            .event;
        assert_eq!(received.event.identity.id, Uuid::nil().to_string());
        assert_eq!(received.event.time, now());
        assert!(!received.event.time_given);
    }

    #[test]
    fn cloudevents_need_their_attributes() {
        let bare = json!({"type": "com.acme.x", "source": "s"});
        refused(bare.clone(), Form::CloudEvents, "specversion", "missing");
        refused(bare, Form::CloudEvents, "id", "missing");
        let old = json!({"specversion": "0.3", "id": "1", "type": "x", "source": "s"});
        refused(old, Form::CloudEvents, "specversion", "invalid");
    }

    #[test]
    fn bad_envelopes_name_the_field() {
        let with = |name: &str, value: Value| {
            let mut event = json!({"type": "com.acme.x", "source": "s"});
            event[name] = value;
            event
        };
        let check = |name, value, code| refused(with(name, value), Form::Lenient, name, code);
        check("source", json!(7), "invalid");
        check("source", json!(""), "invalid");
        check("type", json!("x".repeat(600)), "too_long");
        check("id", json!("a\nb"), "invalid");
        check("time", json!("2026-02-30T00:00:00Z"), "invalid");
        check("time", json!("2026-03-03T12:00:00Z"), "invalid");
        check("time", json!(1_772_000_000), "invalid");
        check("someObject", json!({}), "unknown");
        check("extension", json!({}), "invalid");
        refused(json!([]), Form::Lenient, "the event", "invalid");
        refused(json!({"type": "x"}), Form::Lenient, "source", "missing");
        let both = json!({"type": "x", "source": "s", "data": {}, "data_base64": "AA=="});
        refused(both, Form::Lenient, "data_base64", "invalid");
    }

    #[test]
    fn data_beside_data_is_explained() {
        let event = json!({"type": "platform.notice", "source": "s", "message": "m", "data": {}});
        let errors = lenient(event).unwrap_err();
        assert!(
            errors[0].expected.contains("belongs in `data`"),
            "{errors:?}"
        );
    }

    #[test]
    fn a_near_miss_of_a_platform_type_is_kept_with_a_warning() {
        let received = lenient(json!({"type": "platfrom.notice", "source": "s"})).unwrap();
        assert!(received.warnings[0].contains("platform.notice"));
    }

    #[test]
    fn extensions_are_kept_as_they_came() {
        let event = json!({"type": "x", "source": "s", "traceparent": "00-ab", "sampledrate": 3});
        let received = lenient(event).unwrap().event.event;
        assert_eq!(received.attributes["traceparent"], "00-ab");
        assert_eq!(received.attributes["sampledrate"], 3);
        for name in ["datacontenttype", "dataschema"] {
            let mut event = json!({"type": "x", "source": "s"});
            event[name] = json!(false);
            let errors = lenient(event).unwrap_err();
            assert_eq!((&*errors[0].field, &*errors[0].expected), (name, "a text"));
        }
    }
}
