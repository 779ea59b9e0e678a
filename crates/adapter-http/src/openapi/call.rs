//! `POST /v1/actions` in the document: one operation whose input is told apart by the action's name.

use pts_api::{ActionSpec, Binding, Call, CallMeta, Failed, Partial};
use schemars::SchemaGenerator;
use serde_json::{Map, Value, json};

use super::operation::{needs_something, schema, workspace};
use super::refusals::describe;

/// What calling an action may be refused with: whatever any action may be.
const REFUSALS: [u16; 11] = [400, 401, 403, 404, 408, 409, 413, 415, 429, 503, 504];

/// The schema of all calls.
pub(super) const NAME: &str = "Call";

/// The operation.
pub(super) fn operation(generator: &mut SchemaGenerator) -> Value {
    let meta = schema::<CallMeta>(generator);
    let done = json!({
        "type": "object",
        "required": ["ok", "data", "meta"],
        "properties": {
            "ok": { "const": true },
            "data": { "description": "What the action gives: see its own operation." },
            "meta": meta,
        },
    });
    let failed = json!({ "application/json": { "schema": schema::<Failed>(generator) } });
    let mut responses = Map::new();
    responses.insert(
        "200".into(),
        json!({
            "description": "It was carried out.",
            "content": { "application/json": { "schema": done } },
        }),
    );
    for status in REFUSALS {
        responses.insert(status.to_string(), describe(status, &failed));
    }
    let reference = json!({ "$ref": format!("#/components/schemas/{NAME}") });
    let content = json!({ "schema": reference, "examples": examples() });
    json!({
        "operationId": "call",
        "tags": ["actions"],
        "summary": "Carry out any action by its name",
        "description": "The same checks and the same code as on the action's own route; errors have \
            the same codes and statuses. Streams, downloads and feeds are served \
            on their own routes only. Needs the \
            scope of the action.",
        "parameters": [{
            "name": "partial",
            "in": "query",
            "required": false,
            "description": "As `partial` in the body, which may not be given as well.",
            "schema": schema::<Partial>(generator),
        }, workspace()],
        "requestBody": { "required": true, "content": { "application/json": content } },
        "responses": responses,
    })
}

fn callable() -> impl Iterator<Item = ActionSpec> {
    let all = pts_api::actions::all().into_iter();
    all.filter(|action| !action.binding.has_own_route_only())
}

fn examples() -> Map<String, Value> {
    callable()
        .map(|action| {
            let value = json!({ "actionKey": action.name, "payload": (action.example)() });
            let example = json!({ "summary": action.summary, "value": value });
            (action.name.to_owned(), example)
        })
        .collect()
}

/// The schemas of all calls: one an action, and their union.
pub(super) fn schemas(generator: &mut SchemaGenerator) -> Map<String, Value> {
    let (mut schemas, mut variants, mut mapping) = (Map::new(), Vec::new(), Map::new());
    for action in callable() {
        let name = component(action.name);
        let target = format!("#/components/schemas/{name}");
        variants.push(json!({ "$ref": target }));
        mapping.insert(action.name.to_owned(), target.into());
        schemas.insert(name, one(&action, generator));
    }
    let union = json!({
        "description": format!("What `POST {}` takes.", Call::PATH),
        "oneOf": variants,
        "discriminator": { "propertyName": "actionKey", "mapping": mapping },
    });
    schemas.insert(NAME.to_owned(), union);
    schemas
}

fn one(action: &ActionSpec, generator: &mut SchemaGenerator) -> Value {
    let mut properties = json!({
        "actionKey": { "const": action.name },
        "payload": (action.input_schema)(generator),
    });
    if action.binding == Binding::Query {
        properties["partial"] =
            json!({ "anyOf": [schema::<Partial>(generator), { "type": "null" }] });
    }
    let required: &[&str] = if needs_something(action) {
        &["actionKey", "payload"]
    } else {
        &["actionKey"]
    };
    json!({
        "title": format!("Call of {}", action.name),
        "description": action.summary,
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

/// `platform.events.search` becomes `CallEventsSearch`.
fn component(name: &str) -> String {
    let words = name.split(['.', '_']).skip(1);
    let capital = |word: &str| {
        let mut letters = word.chars();
        let first = letters.next().map(|letter| letter.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    };
    std::iter::once(NAME.to_owned())
        .chain(words.map(capital))
        .collect()
}
