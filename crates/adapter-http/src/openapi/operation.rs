//! One operation of the document: its parameters, bodies and answers.

use std::fmt::Write as _;

use pts_api::actions::events::AppendInput;
use pts_api::actions::export::ExportEnd;
use pts_api::{ActionSpec, BatchResult, Binding, Method, Receipt};
use pts_domain::access::Workspace;
use pts_domain::platform::EventType;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::refusals::{ALWAYS, refusal};

/// The tag of what is served beside the actions.
pub(super) const SERVER: &str = "server";

pub(super) const fn method(method: Method) -> &'static str {
    match method {
        Method::Get => "get",
        Method::Post => "post",
    }
}

/// `platform.events.search` belongs to `events`.
pub(super) fn tag(name: &str) -> &str {
    name.split('.').nth(1).unwrap_or(name)
}

/// The operation of an action.
pub(super) fn of(action: &ActionSpec, generator: &mut SchemaGenerator) -> Value {
    let mut description = action.description.to_owned();
    if !action.aliases.is_empty() {
        let _ = write!(description, "\n\nAlso at {}.", action.aliases.join(", "));
    }
    let _ = write!(description, "\n\nNeeds the scope `{}`.", action.scope);
    let mut operation = json!({
        "operationId": action.name,
        "tags": [tag(action.name)],
        "summary": action.summary,
        "description": description.trim(),
        "parameters": parameters(action),
        "responses": responses(action, generator),
    });
    match action.binding {
        Binding::Ingest => operation["requestBody"] = event_body(),
        Binding::Command => operation["requestBody"] = input_body(action, generator),
        Binding::Feed => {
            operation["security"] = json!([{ "basic": [] }, { "bearer": [] }, { "session": [] }]);
        }
        Binding::Query | Binding::Stream | Binding::Download => {}
    }
    operation
}

/// A command's input is its body.
fn input_body(action: &ActionSpec, generator: &mut SchemaGenerator) -> Value {
    let schema = (action.input_schema)(generator).to_value();
    let content = json!({ "schema": schema, "example": (action.example)() });
    json!({
        // Nothing stands for an input that says nothing.
        "required": needs_something(action),
        "content": { "application/json": content },
    })
}

fn parameters(action: &ActionSpec) -> Vec<Value> {
    if action.binding == Binding::Command {
        return Vec::new();
    }
    let mut generator = SchemaSettings::draft2020_12()
        .with(|settings| settings.inline_subschemas = true)
        .into_generator();
    let schema = (action.input_schema)(&mut generator);
    let required: Vec<&str> = schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let example = (action.example)();
    let properties = schema.get("properties").and_then(Value::as_object);
    let in_body = |name: &String| action.binding == Binding::Ingest && name == AppendInput::BODY;
    let mut parameters: Vec<Value> = properties
        .into_iter()
        .flatten()
        .filter(|(name, _)| !in_body(name))
        .map(|(name, schema)| {
            let in_path = action.path.contains(&format!("{{{name}}}"));
            let mut schema = given(schema.clone());
            let description = schema
                .as_object_mut()
                .and_then(|schema| schema.remove("description"))
                .unwrap_or_default();
            let mut parameter = json!({
                "name": name,
                "in": if in_path { "path" } else { "query" },
                "required": in_path || required.contains(&name.as_str()),
                "description": description,
            });
            if schema["type"] == "object" {
                // `data.<path>=<text>`: no style of OpenAPI writes maps with a prefix.
                parameter["name"] = format!("{name}.*").into();
                parameter["schema"] = json!({ "type": "string" });
                return parameter;
            }
            if schema["type"] == "array" {
                parameter["style"] = "form".into();
                parameter["explode"] = true.into();
            }
            parameter["schema"] = schema;
            if let Some(example) = example.get(name) {
                parameter["example"] = example.clone();
            }
            parameter
        })
        .collect();
    match action.binding {
        Binding::Query | Binding::Download | Binding::Feed => parameters.push(json!({
            "name": "partial",
            "in": "query",
            "required": false,
            "description": "`deny` answers 503 rather than with less than everything.",
            "schema": { "type": "string", "enum": ["allow", "deny"], "default": "allow" },
        })),
        Binding::Stream => parameters.push(json!({
            "name": "Last-Event-ID",
            "in": "header",
            "required": false,
            "description": "Go on behind this event of an earlier stream. Browsers send it by \
                            themselves.",
            "schema": { "type": "integer", "format": "int64", "minimum": 0 },
        })),
        Binding::Ingest | Binding::Command => {}
    }
    parameters.push(workspace());
    parameters
}

/// Where a request acts.
pub(super) fn workspace() -> Value {
    json!({
        "name": "PTS-Workspace",
        "in": "header",
        "required": false,
        "description": "The workspace in which the request acts, for whoever is bound to none.",
        "schema": {
            "type": "string",
            "pattern": "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$",
            "default": Workspace::USUAL,
        },
    })
}

/// Whether an input must say something.
pub(super) fn needs_something(action: &ActionSpec) -> bool {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
    });
    let input = (action.input_schema)(&mut settings.into_generator());
    input.get("required").is_some()
}

/// The schema of a parameter that is there: one that may be left out is never null.
fn given(mut schema: Value) -> Value {
    let null = json!({ "type": "null" });
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|one| one != "null");
        if let [one] = types.as_slice() {
            schema["type"] = one.clone();
        }
    }
    if schema["default"].is_null()
        && let Some(schema) = schema.as_object_mut()
    {
        schema.remove("default");
    }
    let variants = schema.get_mut("anyOf").and_then(Value::as_array_mut);
    let only = variants.and_then(|variants| {
        variants.retain(|variant| *variant != null);
        if variants.len() == 1 {
            variants.pop()
        } else {
            None
        }
    });
    if let (Some(Value::Object(only)), Some(schema)) = (only, schema.as_object_mut()) {
        schema.remove("anyOf");
        for (key, value) in only {
            schema.entry(key).or_insert(value);
        }
    }
    if schema["type"] == "string" && schema.get("enum").is_none() {
        // What is empty is not given, and is refused as such.
        schema["minLength"] = 1.into();
    }
    schema
}

fn event_body() -> Value {
    let one = json!({ "$ref": "#/components/schemas/Event" });
    let strict = json!({ "$ref": "#/components/schemas/CloudEvent" });
    let many = |item: &Value| json!({ "type": "array", "items": item, "minItems": 1, "maxItems": pts_services::MOST_EVENTS });
    let example = pts_domain::platform::find("deployment.succeeded").map(EventType::example);
    json!({
        "required": true,
        "description": "One event or many. In CloudEvents' binary mode, attributes are `ce-` \
                        headers and the body is the data, of any type. `Content-Encoding` may be \
                        gzip or zstd.",
        "content": {
            "application/json": {
                "schema": { "oneOf": [one, many(&one)] },
                "example": example,
            },
            "application/x-ndjson": {
                "schema": { "type": "string", "description": "One event a line." },
            },
            "application/cloudevents+json": { "schema": strict },
            "application/cloudevents-batch+json": { "schema": many(&strict) },
        },
    })
}

fn responses(action: &ActionSpec, generator: &mut SchemaGenerator) -> Value {
    let mut responses = Map::new();
    match action.binding {
        Binding::Query => {
            let data = (action.output_schema)(generator).to_value();
            responses.insert("200".into(), answer(&data));
            responses.insert("504".into(), refusal(504));
        }
        Binding::Command => {
            let data = (action.output_schema)(generator).to_value();
            responses.insert("200".into(), answer(&data));
            for status in [408, 413, 415] {
                responses.insert(status.to_string(), refusal(status));
            }
        }
        Binding::Ingest => {
            let receipt = schema::<Receipt>(generator);
            let batch = schema::<BatchResult>(generator);
            let either = json!({ "oneOf": [receipt, batch] });
            responses.insert(
                "200".into(),
                body(
                    "There already, checked only, or a whole batch was accepted.",
                    &either,
                ),
            );
            responses.insert("201".into(), body("The event was stored.", &receipt));
            responses.insert(
                "202".into(),
                body(
                    "With `ack=accepted`: what was sent is good and waits to be stored. It may still \
                     be lost if the server or the database goes away before that.",
                    &either,
                ),
            );
            responses.insert(
                "207".into(),
                body(
                    "Some events of the batch were not accepted; each has its result.",
                    &batch,
                ),
            );
            for status in [408, 409, 413, 415] {
                responses.insert(status.to_string(), refusal(status));
            }
        }
        Binding::Stream => {
            let event = (action.output_schema)(generator).to_value();
            responses.insert(
                "200".into(),
                json!({
                    "description": "Server-sent events without an end: `id` is the place in the \
                                    log, `data` the event as JSON. A message of the type `problem` \
                                    says why the stream ends.",
                    "content": { "text/event-stream": { "schema": { "type": "string" }, "x-data": event } },
                }),
            );
        }
        Binding::Download => {
            let line = (action.output_schema)(generator).to_value();
            let end = schema::<ExportEnd>(generator);
            responses.insert("200".into(), download(action.media_types, &line, &end));
        }
        Binding::Feed => {
            responses.insert("200".into(), feed(action.media_types));
            responses.insert(
                "304".into(),
                json!({ "description": "Nothing has changed.", "headers": versions() }),
            );
            responses.insert("504".into(), refusal(504));
        }
    }
    for status in ALWAYS.iter().chain(action.errors) {
        responses.insert(status.to_string(), refusal(*status));
    }
    responses.into()
}

fn download(media: &[&str], line: &Value, end: &Value) -> Value {
    let content: Map<String, Value> = media
        .iter()
        .map(|media| {
            let mut body = json!({ "schema": { "type": "string" } });
            if media.ends_with("ndjson") {
                body["x-line"] = line.clone();
                body["x-last-line"] = end.clone();
            }
            ((*media).to_owned(), body)
        })
        .collect();
    json!({
        "description": "All of it, written as it is read. A body that is broken off is not all of it.",
        "headers": {
            "x-pts-up-to": {
                "description": "The place in the log up to which this holds everything that fits.",
                "schema": { "type": "integer", "format": "int64" },
            },
            "x-pts-coverage": coverage_header(),
        },
        "content": content,
    })
}

fn feed(media: &[&str]) -> Value {
    let text = json!({ "schema": { "type": "string" } });
    let content = media
        .iter()
        .map(|media| ((*media).to_owned(), text.clone()));
    json!({
        "description": "The document.",
        "headers": versions(),
        "content": content.collect::<Map<_, _>>(),
    })
}

fn versions() -> Value {
    json!({
        "ETag": { "schema": { "type": "string" }, "description": "Names this version." },
        "Last-Modified": {
            "schema": { "type": "string" },
            "description": "When it last changed, where that is certain.",
        },
        "x-pts-coverage": coverage_header(),
    })
}

fn coverage_header() -> Value {
    json!({
        "description": "Whether anything is known to be missing.",
        "schema": { "type": "string", "enum": ["complete", "incomplete"] },
    })
}

pub(super) fn schema<T: JsonSchema>(generator: &mut SchemaGenerator) -> Value {
    generator.subschema_for::<T>().to_value()
}

fn body(description: &str, schema: &Value) -> Value {
    json!({ "description": description, "content": { "application/json": { "schema": schema } } })
}

fn answer(data: &Value) -> Value {
    let schema = json!({
        "type": "object",
        "required": ["data", "coverage", "warnings"],
        "properties": {
            "data": data,
            "coverage": { "$ref": "#/components/schemas/Coverage" },
            "warnings": { "type": "array", "items": { "type": "string" } },
            "next_cursor": { "type": "string", "description": "Where the next page begins." },
        },
    });
    body("The answer, and what it rests on.", &schema)
}

/// What is served beside the actions and of use to programs.
pub(super) fn beside_the_actions() -> [(&'static str, Value); 3] {
    let text = json!({ "application/openmetrics-text": { "schema": { "type": "string" } } });
    let open = |id: &str, summary: &str, mut responses: Value| {
        responses["200"]["content"] =
            json!({ "application/json": { "schema": { "type": "object" } } });
        json!({
            "operationId": id, "tags": [SERVER], "summary": summary, "security": [],
            "responses": responses,
        })
    };
    let alive = json!({ "200": { "description": "It lives." } });
    let ready = json!({ "200": { "description": "It is ready." }, "503": refusal(503) });
    let metrics = json!({
        "operationId": "metrics",
        "tags": [SERVER],
        "summary": "The server's own figures, in OpenMetrics",
        "description": "Needs the scope `metrics:read`.",
        "responses": {
            "200": { "description": "The figures.", "content": text },
            "401": refusal(401),
            "403": refusal(403),
        },
    });
    [
        (
            "/healthz",
            open("healthz", "Tell whether the process lives", alive),
        ),
        (
            "/readyz",
            open(
                "readyz",
                "Tell whether an event could be committed now",
                ready,
            ),
        ),
        ("/metrics", metrics),
    ]
}
