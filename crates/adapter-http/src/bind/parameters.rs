//! What an action's input looks like as path and query parameters, read off its JSON Schema.

use actix_web::HttpRequest;
use pts_api::actions::events::AppendInput;
use pts_api::{Action, Binding};
use pts_domain::FieldError;
use pts_domain::masking::Masker;
use pts_domain::problem::nearest;
use pts_services::CallOptions;
use schemars::generate::SchemaSettings;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::Read;
use super::query::{decode, pairs};
use super::shape::{Shape, expected, shape};
use crate::problem::Refusal;

#[derive(Debug)]
struct Parameter {
    name: String,
    shape: Shape,
    /// What is accepted, for whoever sent something else.
    expected: String,
}

/// The parameters of one action.
#[derive(Debug)]
pub(crate) struct Parameters {
    path: &'static str,
    list: Vec<Parameter>,
    required: Vec<String>,
    /// Whether `partial=deny` means something.
    partial: bool,
}

impl Parameters {
    /// Reads them off the declaration of `A`.
    pub(crate) fn of<A: Action>() -> Self {
        let settings = SchemaSettings::draft2020_12().with(|settings| {
            settings.inline_subschemas = true;
        });
        let schema = settings.into_generator().into_root_schema_for::<A::Input>();
        let properties = schema.get("properties").and_then(Value::as_object);
        let list = properties
            .into_iter()
            .flatten()
            .filter(|(name, _)| !is_body::<A>(name))
            .map(|(name, schema)| {
                let shape = shape(schema);
                Parameter {
                    name: name.clone(),
                    shape,
                    expected: expected(name, shape, schema),
                }
            })
            .collect();
        let required = schema.get("required").and_then(Value::as_array);
        let required = required.into_iter().flatten().filter_map(Value::as_str);
        let required = required.filter(|name| !is_body::<A>(name));
        Self {
            path: A::PATH,
            required: required.map(ToOwned::to_owned).collect(),
            list,
            partial: A::BINDING.is_question(),
        }
    }

    /// Turns the path and the query of a request into the action's input.
    ///
    /// # Errors
    /// Every parameter that is unknown, given twice or wrong.
    pub(crate) fn read<T: DeserializeOwned>(&self, req: &HttpRequest) -> Read<T> {
        let mut reader = Reader {
            parameters: self,
            input: Map::new(),
            errors: Vec::new(),
        };
        let mut options = CallOptions::default();
        let pattern = req.match_pattern();
        reader.read_path(pattern.as_deref().unwrap_or(self.path), req.uri().path());
        let query = pairs(req.query_string()).map_err(|error| Refusal::bad_input(vec![error]))?;
        for (name, value) in query {
            if self.partial && name == "partial" {
                match value.as_str() {
                    "deny" => options.deny_partial = true,
                    "allow" => options.deny_partial = false,
                    _ => reader.wrong("partial", &value, "`deny` or `allow`"),
                }
            } else {
                reader.take(&name, &value);
            }
        }
        reader.miss();
        if !reader.errors.is_empty() {
            return Err(Refusal::bad_input(reader.errors));
        }
        let input = self
            .typed(reader.input)
            .map_err(|error| Refusal::bad_input(vec![error]))?;
        Ok((input, options))
    }

    fn typed<T: DeserializeOwned>(&self, input: Map<String, Value>) -> Result<T, FieldError> {
        let shown = input.clone();
        serde_path_to_error::deserialize(Value::Object(input)).map_err(|error| {
            let path = error.path().to_string();
            let name = path.split(['.', '[']).next().unwrap_or_default();
            match (self.find(name), shown.get(name)) {
                (Some(parameter), Some(Value::String(text))) => {
                    FieldError::invalid(name, quoted(text), &*parameter.expected)
                }
                (Some(parameter), Some(value)) => {
                    FieldError::invalid(name, value, &*parameter.expected)
                }
                _ => FieldError::missing(name, error.inner().to_string()),
            }
        })
    }

    fn find(&self, name: &str) -> Option<&Parameter> {
        self.list.iter().find(|parameter| parameter.name == name)
    }

    fn in_path(&self, name: &str) -> bool {
        self.path
            .split('/')
            .any(|part| part_name(part) == Some(name))
    }

    /// Names of what can stand in the query.
    fn known(&self) -> Vec<String> {
        let in_query = self
            .list
            .iter()
            .filter(|parameter| !self.in_path(&parameter.name));
        let names = in_query.map(|parameter| match parameter.shape {
            Shape::Map => format!("{}.<path>", parameter.name),
            _ => parameter.name.clone(),
        });
        names
            .chain(self.partial.then(|| "partial".to_owned()))
            .collect()
    }
}

/// Whether a field of the input is the body, not a parameter.
fn is_body<A: Action>(name: &str) -> bool {
    A::BINDING == Binding::Ingest && name == AppendInput::BODY
}

/// The name of a path parameter, if the part of a path is one: `{id}`.
fn part_name(part: &str) -> Option<&str> {
    part.strip_prefix('{')?.strip_suffix('}')
}

struct Reader<'p> {
    parameters: &'p Parameters,
    input: Map<String, Value>,
    errors: Vec<FieldError>,
}

impl Reader<'_> {
    fn wrong(&mut self, name: &str, found: &str, expected: impl Into<String>) {
        self.errors
            .push(FieldError::invalid(name, quoted(found), expected));
    }

    /// The router matched a normalised path; what was meant stands in the one that was sent.
    fn read_path(&mut self, pattern: &str, path: &str) {
        let parameters = self.parameters;
        for (expected, part) in pattern.split('/').zip(path.split('/')) {
            let Some(name) = part_name(expected) else {
                continue;
            };
            match (decode(part), parameters.find(name)) {
                (Ok(text), Some(parameter)) => self.put(parameter, &text),
                (Ok(_), None) => {}
                (Err(why), _) => self.wrong(name, part, why),
            }
        }
    }

    fn take(&mut self, name: &str, value: &str) {
        let parameters = self.parameters;
        if let Some((map, key)) = name.split_once('.')
            && let Some(parameter) = parameters.find(map)
            && parameter.shape == Shape::Map
        {
            return self.put_in_map(parameter, key, value);
        }
        match parameters.find(name) {
            Some(parameter) if parameter.shape == Shape::Map => {
                self.wrong(name, value, &*parameter.expected);
            }
            Some(_) if parameters.in_path(name) => {
                self.wrong(name, value, "it in the path only");
            }
            Some(parameter) => self.put(parameter, value),
            None => self.unknown(name, value),
        }
    }

    fn put(&mut self, parameter: &Parameter, text: &str) {
        let name = parameter.name.as_str();
        if text.is_empty() {
            return self.wrong(
                name,
                "",
                format!("{}, or no `{name}` at all", parameter.expected),
            );
        }
        let value = match parameter.shape {
            Shape::List => return self.put_in_list(parameter, text),
            Shape::Text | Shape::Map => Some(Value::from(text)),
            Shape::Boolean => text.parse().ok().map(Value::Bool),
            Shape::Integer => (text.parse::<i64>().map(Value::from))
                .or_else(|_| text.parse::<u64>().map(Value::from))
                .ok(),
            Shape::Number => text
                .parse::<f64>()
                .ok()
                .and_then(serde_json::Number::from_f64)
                .map(Value::Number),
        };
        match value {
            None => self.wrong(name, text, &*parameter.expected),
            Some(value) => {
                if let Some(before) = self.input.insert(name.to_owned(), value) {
                    let found = format!("{before} and {text:?}");
                    self.errors
                        .push(FieldError::invalid(name, found, "it once"));
                }
            }
        }
    }

    fn put_in_list(&mut self, parameter: &Parameter, text: &str) {
        let items: Vec<&str> = text.split(',').map(str::trim).collect();
        if items.iter().any(|item| item.is_empty()) {
            return self.wrong(&parameter.name, text, &*parameter.expected);
        }
        let list = self
            .input
            .entry(&parameter.name)
            .or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(list) = list {
            list.extend(items.into_iter().map(Value::from));
        }
    }

    fn put_in_map(&mut self, parameter: &Parameter, key: &str, text: &str) {
        let full = format!("{}.{key}", parameter.name);
        if key.is_empty() {
            return self.wrong(&full, text, &*parameter.expected);
        }
        let map = self
            .input
            .entry(&parameter.name)
            .or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(map) = map
            && let Some(before) = map.insert(key.to_owned(), Value::from(text))
        {
            let found = format!("{before} and {text:?}");
            self.errors
                .push(FieldError::invalid(full, found, "it once"));
        }
    }

    /// What had to be said and was not, not even wrongly.
    fn miss(&mut self) {
        for name in &self.parameters.required {
            let said = self.input.contains_key(name)
                || self.errors.iter().any(|error| error.field == *name);
            if !said {
                let parameter = self.parameters.find(name);
                let expected = parameter.map(|parameter| parameter.expected.clone());
                self.errors
                    .push(FieldError::missing(name, expected.unwrap_or_default()));
            }
        }
    }

    fn unknown(&mut self, name: &str, value: &str) {
        let known = self.parameters.known();
        let near = nearest(name, known.iter().map(String::as_str));
        let expected = match (near, known.is_empty()) {
            (_, true) => "no parameters".to_owned(),
            (Some(near), _) => format!("`{near}`? Known here are {}", known.join(", ")),
            (None, _) => format!("one of {}", known.join(", ")),
        };
        let shown = Masker::usual().field(name);
        self.errors.push(FieldError::with_code(
            "unknown",
            name,
            shown.unwrap_or_else(|| quoted(value)),
            expected,
        ));
    }
}

fn quoted(text: &str) -> String {
    if text.is_empty() {
        "nothing".to_owned()
    } else {
        format!("{text:?}")
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use pts_api::actions::deployments::{SearchDeployments, SearchDeploymentsInput};
    use pts_api::actions::events::{
        GetEvent, GetEventInput, SearchEvents, SearchInput, StreamEvents, StreamInput,
    };
    use pts_api::actions::services::{GetService, GetServiceInput};
    use pts_api::actions::timeline::CompareMoments;

    use super::*;

    fn read<A: Action>(uri: &str) -> Read<A::Input> {
        let req = TestRequest::with_uri(uri).to_http_request();
        Parameters::of::<A>().read(&req)
    }

    fn errors<A: Action>(uri: &str) -> Vec<String> {
        let Err(refusal) = read::<A>(uri) else {
            panic!("{uri} was accepted")
        };
        refusal
            .problem()
            .errors
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn lists_numbers_maps_and_escapes_are_read() {
        let uri = "/v1/events?type=deployment.*,image.built&type=x&service=a%20b+c&limit=5\
                   &data.actor=alice&data.deep.path=1&since=1h";
        let (input, options): (SearchInput, _) = read::<SearchEvents>(uri).unwrap();
        assert_eq!(input.types, ["deployment.*", "image.built", "x"]);
        assert_eq!(input.service.as_deref(), Some("a b c"));
        assert_eq!(input.limit, Some(5));
        assert_eq!(input.data["actor"], "alice");
        assert_eq!(input.data["deep.path"], "1");
        assert!(input.since.is_some());
        assert!(!options.deny_partial);
    }

    #[test]
    fn partial_is_an_option_of_every_question_and_of_no_stream() {
        let (_, options): (SearchDeploymentsInput, _) =
            read::<SearchDeployments>("/v1/deployments?partial=deny").unwrap();
        assert!(options.deny_partial);
        assert_eq!(
            errors::<SearchDeployments>("/v1/deployments?partial=no"),
            ["partial: found \"no\"; expected `deny` or `allow`"]
        );
        assert_eq!(
            errors::<StreamEvents>("/v1/events/stream?partial=deny").len(),
            1
        );
        let (input, _): (StreamInput, _) =
            read::<StreamEvents>("/v1/events/stream?after=7").unwrap();
        assert_eq!(input.after, Some(7));
    }

    #[test]
    fn a_path_parameter_is_decoded_once_and_strictly() {
        let (input, _): (GetServiceInput, _) =
            read::<GetService>("/v1/services/a%2Fb%2541").unwrap();
        assert_eq!(input.name, "a/b%41");
        for (uri, found) in [
            (
                "/v1/services/%ff",
                "name: found \"%ff\"; expected UTF-8 behind the percent signs",
            ),
            (
                "/v1/services/a%00",
                "name: found \"a%00\"; expected text without NUL",
            ),
        ] {
            assert_eq!(errors::<GetService>(uri), [found]);
        }
        assert_eq!(
            errors::<GetEvent>("/v1/events/7"),
            ["id: found \"7\"; expected a UUID"]
        );
        assert_eq!(
            errors::<CompareMoments>("/v1/at/compare"),
            ["from: missing; something like 2026-03-01T12:30:00Z, 1h, now"]
        );
        let uri = "/v1/events/019caa3c-5e80-7000-8000-000000000001";
        let (_, _): (GetEventInput, _) = read::<GetEvent>(uri).unwrap();
        assert_eq!(
            errors::<GetEvent>(&format!("{uri}?id=1")),
            ["id: found \"1\"; expected it in the path only"]
        );
    }

    #[test]
    fn wrong_parameters_say_what_was_found_and_what_is_expected() {
        let check = |query: &str, expected: &str| {
            assert_eq!(
                errors::<SearchEvents>(&format!("/v1/events?{query}")),
                [expected]
            );
        };
        check(
            "limit=many",
            "limit: found \"many\"; expected a whole number from 1 to 1000",
        );
        check(
            "limit=-1",
            "limit: found -1; expected a whole number from 1 to 1000",
        );
        check(
            "limit=1&limit=2",
            "limit: found 1 and \"2\"; expected it once",
        );
        check(
            "source=",
            "source: found nothing; expected a text, or no `source` at all",
        );
        check(
            "since=soon",
            "since: found \"soon\"; expected something like 2026-03-01T12:30:00Z, 1h, now",
        );
        check("data=x", "data: found \"x\"; expected `data.<path>=<text>`");
        check(
            "data.=x",
            "data.: found \"x\"; expected `data.<path>=<text>`",
        );
        check(
            "data.a=1&data.a=2",
            "data.a: found \"1\" and \"2\"; expected it once",
        );
        check(
            "type=a,,b",
            "type: found \"a,,b\"; expected one or more, separated by commas or as \
             `type=…&type=…`",
        );
        check(
            "source=%00",
            "source: found \"%00\"; expected text without NUL",
        );
        assert_eq!(
            errors::<SearchDeployments>("/v1/deployments?status=done"),
            [
                "status: found \"done\"; expected one of requested, started, succeeded, failed, \
              cancelled, rolled_back"
            ]
        );
    }

    #[test]
    fn an_unknown_parameter_names_the_nearest_and_all_known_ones() {
        let found = errors::<SearchEvents>("/v1/events?servise=x&nonsense=1");
        assert!(
            found[0].starts_with("servise: found \"x\"; expected `service`?"),
            "{found:?}"
        );
        for known in ["type", "data.<path>", "cursor", "partial"] {
            assert!(
                found[0].contains(known) && found[1].contains(known),
                "{found:?}"
            );
        }
    }
}
