//! From an action's input to its request: the same reading of path, query and body that the server
//! has, the other way round. Pure.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use pts_api::actions::events::AppendInput;
use pts_api::{ActionSpec, Binding};
use serde_json::{Map, Value};

use crate::ClientError;

/// All but the unreserved characters of RFC 3986.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Where a request goes, and what it carries.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Target {
    /// The path with its query.
    pub(crate) path: String,
    /// What is sent as JSON.
    pub(crate) body: Option<Value>,
}

impl Target {
    /// The request that carries an action out with an input.
    ///
    /// # Errors
    /// The field that cannot be said in a path or a query.
    pub(crate) fn of(action: &ActionSpec, input: Value) -> Result<Self, ClientError> {
        let mut fields = match input {
            Value::Object(fields) => fields,
            Value::Null => Map::new(),
            _ => return Err(wrong("the input", "it is no object")),
        };
        if action.binding == Binding::Command {
            return Ok(Self {
                path: action.path.to_owned(),
                body: Some(Value::Object(fields)),
            });
        }
        let body = (action.binding == Binding::Ingest)
            .then(|| fields.remove(AppendInput::BODY))
            .flatten();
        let mut target = Self {
            path: path(action.path, &mut fields)?,
            body,
        };
        for (name, value) in &fields {
            target.ask(name, value)?;
        }
        Ok(target)
    }

    /// Adds to the query what a field says.
    pub(crate) fn ask(&mut self, name: &str, value: &Value) -> Result<(), ClientError> {
        match value {
            Value::Null => {}
            Value::Array(items) => {
                for item in items {
                    let text = text(name, item)?;
                    if text.contains(',') || text.trim() != text || text.is_empty() {
                        let why = "an item of a list in a query is not empty and has no comma, \
                                   and no space at its ends";
                        return Err(wrong(name, why));
                    }
                    self.pair(name, &text);
                }
            }
            Value::Object(map) => {
                for (key, item) in map {
                    let name = format!("{name}.{key}");
                    let text = text(&name, item)?;
                    self.pair(&name, &text);
                }
            }
            value => {
                let text = text(name, value)?;
                self.pair(name, &text);
            }
        }
        Ok(())
    }

    fn pair(&mut self, name: &str, value: &str) {
        self.path
            .push(if self.path.contains('?') { '&' } else { '?' });
        self.path.extend(utf8_percent_encode(name, ENCODED));
        self.path.push('=');
        self.path.extend(utf8_percent_encode(value, ENCODED));
    }
}

/// Fills in the places of a path, and takes what fills them from the fields.
fn path(pattern: &str, fields: &mut Map<String, Value>) -> Result<String, ClientError> {
    let fill = |part: &str| {
        let Some(name) = part
            .strip_prefix('{')
            .and_then(|part| part.strip_suffix('}'))
        else {
            return Ok(part.to_owned());
        };
        let value = fields.remove(name).unwrap_or_default();
        let text = text(name, &value)?;
        match text.as_str() {
            "" => Err(wrong(name, "it is empty, and a part of the path")),
            // Whoever stands between would take it for a way up.
            "." | ".." => Err(wrong(
                name,
                "dots alone have a meaning of their own in a path",
            )),
            text => Ok(utf8_percent_encode(text, ENCODED).to_string()),
        }
    };
    let parts: Result<Vec<_>, _> = pattern.split('/').map(fill).collect();
    Ok(parts?.join("/"))
}

fn text(name: &str, value: &Value) -> Result<String, ClientError> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(_) | Value::Bool(_) => Ok(value.to_string()),
        Value::Null => Err(wrong(name, "it is missing")),
        Value::Array(_) | Value::Object(_) => Err(wrong(name, "it is nested too deep for a query")),
    }
}

fn wrong(field: &str, why: &str) -> ClientError {
    ClientError::Input {
        field: field.to_owned(),
        why: why.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use pts_api::actions::deployments::GetDeployment;
    use pts_api::actions::events::{AppendEvents, SearchEvents};
    use pts_api::actions::quarantine::DiscardQuarantined;
    use serde_json::json;

    use super::*;

    fn target<A: pts_api::Action>(input: Value) -> Result<Target, String> {
        Target::of(&ActionSpec::of::<A>(), input).map_err(|error| error.to_string())
    }

    #[test]
    fn a_question_is_a_path_and_a_query() {
        let check = |input, expected: &str| {
            assert_eq!(target::<SearchEvents>(input).unwrap().path, expected);
        };
        check(json!({}), "/v1/events");
        check(json!(null), "/v1/events");
        check(
            json!({"source": null, "type": [], "data": {}}),
            "/v1/events",
        );
        check(
            json!({"limit": 5, "type": ["a.*", "b"]}),
            "/v1/events?limit=5&type=a.%2A&type=b",
        );
        check(
            json!({"data": {"a.b": "x&y=z", "é": "1+1 "}}),
            "/v1/events?data.a.b=x%26y%3Dz&data.%C3%A9=1%2B1%20",
        );
    }

    #[test]
    fn a_part_of_the_path_is_encoded_and_never_empty() {
        let path = |id: &str| target::<GetDeployment>(json!({"id": id, "service": "s"}));
        assert_eq!(
            path("a/b?c#d %").unwrap().path,
            "/v1/deployments/a%2Fb%3Fc%23d%20%25?service=s"
        );
        for wrong in ["", ".", ".."] {
            assert!(path(wrong).unwrap_err().starts_with("id cannot be sent"));
        }
        let missing = target::<GetDeployment>(json!({})).unwrap_err();
        assert_eq!(missing, "id cannot be sent: it is missing");
    }

    #[test]
    fn what_a_query_cannot_say_is_refused_by_name() {
        for input in [
            json!({"type": ["a,b"]}),
            json!({"type": [" a"]}),
            json!({"type": [""]}),
        ] {
            assert!(
                target::<SearchEvents>(input)
                    .unwrap_err()
                    .starts_with("type cannot")
            );
        }
        let deep = target::<SearchEvents>(json!({"data": {"a": {"b": 1}}})).unwrap_err();
        assert!(deep.starts_with("data.a cannot"), "{deep}");
        assert!(target::<SearchEvents>(json!([])).is_err());
    }

    #[test]
    fn commands_and_events_are_bodies() {
        let input = json!({"ids": [], "reason": "r"});
        let command = target::<DiscardQuarantined>(input.clone()).unwrap();
        assert_eq!(
            (command.path.as_str(), command.body),
            ("/v1/quarantine/discard", Some(input))
        );
        let append =
            target::<AppendEvents>(json!({"events": [1], "validate": "only", "ack": null}));
        let append = append.unwrap();
        assert_eq!(
            (append.path.as_str(), append.body),
            ("/v1/events?validate=only", Some(json!([1])))
        );
    }
}
