//! The checks between raw JSON and a typed platform event. Errors speak the sender's language:
//! the path in the event, what was found, what the type needs.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::catalogue::EventType;
use super::{ImageData, PlatformEvent};
use crate::problem::FieldError;

/// Fields that name something: kept in indexes, so neither empty nor long.
const NAMES: &[&str] = &[
    "service",
    "environment",
    "deployment_id",
    "instance",
    "version",
    "previous_version",
    "image",
    "tag",
    "digest",
    "component",
    "key",
    "incident_id",
    "commit",
    "host",
    "name",
    "severity",
];
const LONGEST_NAME: usize = 255;

pub(super) fn required(known: &EventType, data: &Value) -> Result<(), Vec<FieldError>> {
    let needs = || format!("{} needs {}", known.name, known.required.join(", "));
    let Some(object) = data.as_object() else {
        return Err(vec![match data {
            Value::Null => FieldError::missing("data", format!("an object; {}", needs())),
            other => {
                FieldError::invalid("data", describe(other), format!("an object; {}", needs()))
            }
        }]);
    };
    let missing: Vec<_> = known
        .required
        .iter()
        .filter(|field| object.get(**field).is_none_or(Value::is_null))
        .map(|field| {
            FieldError::missing(format!("data.{field}"), format!("{} needs it", known.name))
        })
        .collect();
    if missing.is_empty() {
        Ok(())
    } else {
        Err(missing)
    }
}

pub(super) fn read<T: DeserializeOwned>(data: &Value) -> Result<T, Vec<FieldError>> {
    serde_path_to_error::deserialize(data).map_err(|error| {
        let path = error.path().to_string();
        let field = if path == "." {
            "data".to_owned()
        } else {
            format!("data.{path}")
        };
        let found = lookup(data, error.path()).map_or_else(String::new, describe);
        let message = error.into_inner().to_string();
        let expected = message
            .rsplit_once("expected ")
            .map_or(message.as_str(), |(_, expected)| expected)
            .to_owned();
        vec![FieldError::invalid(field, found, expected)]
    })
}

pub(super) fn bounds(
    known: &EventType,
    data: &Value,
    event: &PlatformEvent,
) -> Result<(), Vec<FieldError>> {
    let mut errors = Vec::new();
    for name in NAMES {
        let text = data.get(*name).and_then(Value::as_str);
        errors.extend(text.and_then(|text| name_error(name, text)));
    }
    match event {
        PlatformEvent::State(state) => {
            for (name, text) in [("from", state.from.as_ref()), ("to", Some(&state.to))] {
                errors.extend(text.and_then(|text| name_error(name, text)));
            }
        }
        PlatformEvent::Deployment(_, deployment) => {
            let year = deployment
                .commit_time
                .map(|time| chrono::Datelike::year(&time));
            if let Some(year) = year.filter(|year| !(1970..=9999).contains(year)) {
                let found = format!("the year {year}");
                errors.push(FieldError::invalid(
                    "data.commit_time",
                    found,
                    "1970 to 9999",
                ));
            }
        }
        PlatformEvent::Image(
            _,
            ImageData {
                tag: None,
                digest: None,
                ..
            },
        ) => errors.push(FieldError::missing(
            "data.digest",
            format!("{} needs a digest or a tag", known.name),
        )),
        PlatformEvent::Image(
            _,
            ImageData {
                size_bytes: Some(size),
                ..
            },
        ) if *size < 0 => {
            errors.push(FieldError::invalid(
                "data.size_bytes",
                size,
                "a number of bytes, 0 or more",
            ));
        }
        PlatformEvent::Service(_, service) => {
            if let Some(ttl) = service.ttl_s.filter(|ttl| !(1..=31_536_000).contains(ttl)) {
                errors.push(FieldError::invalid(
                    "data.ttl_s",
                    ttl,
                    "1 to 31536000 seconds",
                ));
            }
        }
        _ => {}
    }
    if errors.is_empty() {
        Ok(())
    } else {
        Err(errors)
    }
}

fn name_error(name: &str, text: &str) -> Option<FieldError> {
    let field = format!("data.{name}");
    if text.trim().is_empty() {
        return Some(FieldError::invalid(field, "an empty text", "a name"));
    }
    (text.len() > LONGEST_NAME).then(|| {
        let found = format!("{} bytes", text.len());
        let expected = format!("at most {LONGEST_NAME} bytes");
        FieldError::with_code("too_long", field, found, expected)
    })
}

fn lookup<'a>(data: &'a Value, path: &serde_path_to_error::Path) -> Option<&'a Value> {
    use serde_path_to_error::Segment;
    path.iter().try_fold(data, |value, segment| match segment {
        Segment::Seq { index } => value.get(index),
        Segment::Map { key } => value.get(key),
        Segment::Enum { .. } | Segment::Unknown => None,
    })
}

/// A value as a person would name it: its type, and its text where that is short.
fn describe(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(b) => format!("the boolean {b}"),
        Value::Number(n) => format!("the number {n}"),
        Value::String(s) => format!("the text {s:?}"),
        Value::Array(_) => "an array".into(),
        Value::Object(_) => "an object".into(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::platform::PlatformEvent;

    #[track_caller]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "it reads better where it is called"
    )]
    fn check(event_type: &str, data: serde_json::Value, expected: &[(&str, &str)]) {
        let errors = PlatformEvent::parse(event_type, &data).unwrap_err();
        let found: Vec<_> = errors
            .iter()
            .map(|e| (e.field.as_str(), e.code.as_str()))
            .collect();
        assert_eq!(found, expected, "{errors:?}");
    }

    #[test]
    fn all_missing_fields_are_named_at_once() {
        check(
            "deployment.started",
            json!({ "service": "a", "environment": null }),
            &[
                ("data.environment", "missing"),
                ("data.deployment_id", "missing"),
                ("data.version", "missing"),
            ],
        );
    }

    #[test]
    fn a_wrong_type_names_the_field_what_was_found_and_what_is_expected() {
        let data = json!({ "service": "a", "environment": "p", "ttl_s": "sixty" });
        let errors = PlatformEvent::parse("service.heartbeat", &data).unwrap_err();
        assert_eq!(
            errors[0].to_string(),
            "data.ttl_s: found the text \"sixty\"; expected u32"
        );
        check(
            "service.ready",
            json!({ "service": 7, "environment": "p" }),
            &[("data.service", "invalid")],
        );
    }

    #[test]
    fn data_must_be_an_object() {
        check("platform.notice", json!("hello"), &[("data", "invalid")]);
        check("platform.notice", json!(null), &[("data", "missing")]);
    }

    #[test]
    fn names_are_neither_empty_nor_long() {
        check(
            "service.ready",
            json!({ "service": " ", "environment": "x".repeat(256) }),
            &[
                ("data.service", "invalid"),
                ("data.environment", "too_long"),
            ],
        );
    }

    #[test]
    fn an_image_needs_a_tag_or_a_digest_and_bounds_hold() {
        check(
            "image.built",
            json!({ "image": "a" }),
            &[("data.digest", "missing")],
        );
        check(
            "image.built",
            json!({ "image": "a", "tag": "1", "size_bytes": -1 }),
            &[("data.size_bytes", "invalid")],
        );
        check(
            "service.ready",
            json!({ "service": "a", "environment": "p", "ttl_s": 0 }),
            &[("data.ttl_s", "invalid")],
        );
    }
}
