//! An action's input as JSON, read strictly by its schema: whatever is wrong is named with its
//! place, what was found there and what is expected. Every door that takes JSON reads it here.

mod words;

use pts_domain::FieldError;
use pts_domain::masking::Masker;
use pts_domain::problem::{kind, nearest};
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use serde_path_to_error::{Path, Segment};

pub use words::{expected, json_type};

/// What the fields of an input are.
#[derive(Debug, Clone)]
pub struct Fields {
    schema: Value,
    names: Vec<String>,
    required: Vec<String>,
}

impl Fields {
    /// Those of `T`.
    pub fn of<T: JsonSchema>() -> Self {
        let settings = SchemaSettings::draft2020_12().with(|settings| {
            settings.inline_subschemas = true;
        });
        let schema = settings.into_generator().into_root_schema_for::<T>();
        let schema = schema.to_value();
        let properties = schema.get("properties").and_then(Value::as_object);
        let names = properties.into_iter().flatten().map(|(name, _)| name);
        let required = schema.get("required").and_then(Value::as_array);
        let required = required.into_iter().flatten().filter_map(Value::as_str);
        Self {
            names: names.cloned().collect(),
            required: required.map(ToOwned::to_owned).collect(),
            schema,
        }
    }

    /// Reads an input; `whole` is what the sender calls all of it.
    ///
    /// # Errors
    /// Every field that is unknown or missing; else the first that is wrong.
    pub fn read<T: DeserializeOwned>(
        &self,
        value: &Value,
        whole: &str,
    ) -> Result<T, Vec<FieldError>> {
        let Value::Object(object) = value else {
            let error = FieldError::invalid(whole, found(value), "a JSON object");
            return Err(vec![error]);
        };
        let errors = self.misfits(object);
        if !errors.is_empty() {
            return Err(errors);
        }
        serde_path_to_error::deserialize(value).map_err(|error| {
            let (path, why) = (error.path().clone(), error.into_inner());
            vec![self.wrong(value, whole, &path, &why)]
        })
    }

    /// Fields that are there and not known, and the other way round.
    fn misfits(&self, object: &Map<String, Value>) -> Vec<FieldError> {
        let strangers = object
            .iter()
            .filter(|(name, _)| !self.names.contains(name))
            .map(|(name, value)| self.unknown(name, value));
        let absent = self.required.iter().filter(|name| {
            // What may be null may be left out; serde says which.
            !object.contains_key(*name)
        });
        let absent = absent.map(|name| {
            let expected = self.schema["properties"].get(name).and_then(expected);
            FieldError::missing(name, expected.unwrap_or_else(|| "it is needed".to_owned()))
        });
        strangers.chain(absent).collect()
    }

    fn unknown(&self, name: &str, value: &Value) -> FieldError {
        let known = self.names.join(", ");
        let expected = match nearest(name, self.names.iter().map(String::as_str)) {
            Some(near) => format!("`{near}`? Known here are {known}"),
            None if known.is_empty() => "no fields".to_owned(),
            None => format!("one of {known}"),
        };
        // Who asks for a password where none is asked for must not read it again in an answer.
        let shown = Masker::usual().field(name);
        FieldError::with_code(
            "unknown",
            name,
            shown.unwrap_or_else(|| found(value)),
            expected,
        )
    }

    fn wrong(
        &self,
        value: &Value,
        whole: &str,
        path: &Path,
        why: &serde_json::Error,
    ) -> FieldError {
        let (mut at, mut schema) = (Some(value), Some(&self.schema));
        for segment in path {
            at = at.and_then(|value| match segment {
                Segment::Seq { index } => value.get(index),
                Segment::Map { key } => value.get(key),
                Segment::Enum { .. } | Segment::Unknown => None,
            });
            schema = schema.and_then(|schema| words::inside(schema, segment));
        }
        let field = match path.to_string() {
            whole_of_it if whole_of_it == "." => whole.to_owned(),
            path => path,
        };
        let expected = schema.and_then(expected).unwrap_or_else(|| why.to_string());
        match at {
            Some(value) => FieldError::invalid(field, found(value), expected),
            None => FieldError::missing(field, expected),
        }
    }
}

/// A value as a person is told of it: itself where it is small, what it is where it is not.
fn found(value: &Value) -> String {
    match value {
        Value::Array(_) | Value::Object(_) => kind(value).to_owned(),
        small => small.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use pts_api::actions::events::{AppendInput, SearchInput};
    use pts_api::actions::quarantine::DiscardQuarantinedInput;
    use serde_json::json;

    use super::*;

    fn errors<T: JsonSchema + DeserializeOwned>(value: &Value) -> Vec<String> {
        match Fields::of::<T>().read::<T>(value, "payload") {
            Ok(_) => panic!("{value} was accepted"),
            Err(errors) => errors.iter().map(ToString::to_string).collect(),
        }
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place_what_was_found_and_what_is_expected() {
        let check = |value: &Value, expected: &[&str]| {
            assert_eq!(errors::<DiscardQuarantinedInput>(value), expected);
        };
        check(
            &json!({"ids": ["x"], "reason": "r"}),
            &["ids[0]: found \"x\"; expected a UUID"],
        );
        check(
            &json!({"ids": "x", "reason": "r"}),
            &["ids: found \"x\"; expected an array"],
        );
        check(
            &json!({"ids": [], "reason": 7}),
            &["reason: found 7; expected a text"],
        );
        check(
            &json!({"ids": [], "reasn": {}}),
            &[
                "reasn: found an object; expected `reason`? Known here are ids, reason",
                "reason: missing; a text",
            ],
        );
        check(
            &json!([]),
            &["payload: found an array; expected a JSON object"],
        );
    }

    #[test]
    fn what_a_schema_says_of_a_field_is_what_its_sender_is_told() {
        let check = |value: &Value, expected: &str| {
            assert_eq!(errors::<SearchInput>(value), [expected]);
        };
        check(
            &json!({"limit": "5"}),
            "limit: found \"5\"; expected a whole number from 1 to 1000",
        );
        check(
            &json!({"since": "soon"}),
            "since: found \"soon\"; expected something like 2026-03-01T12:30:00Z, 1h, now",
        );
        check(
            &json!({"data": {"actor": 7}}),
            "data.actor: found 7; expected a text",
        );
        assert_eq!(
            errors::<AppendInput>(&json!({"events": 7, "validate": "only"})),
            ["events: found 7; expected an event or an array of events"]
        );
        assert_eq!(
            errors::<AppendInput>(&json!({"events": {}, "ack": "later"})),
            ["ack: found \"later\"; expected one of committed, accepted"]
        );
    }
}
