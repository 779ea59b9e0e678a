//! The union of all events: a schema for each platform event type, told apart by `type`, and the
//! open form of everything else.

use pts_domain::platform::{self, EventType};
use serde_json::{Map, Value, json};

/// Adds the schemas of events to the document's.
pub(super) fn add(schemas: &mut Map<String, Value>) {
    let (mut variants, mut mapping) = (Vec::new(), Map::new());
    for known in platform::all() {
        let name = component(known.name);
        let target = format!("#/components/schemas/{name}");
        variants.push(json!({ "$ref": target }));
        mapping.insert(known.name.to_owned(), target.into());
        let data = data_schema(known, schemas);
        schemas.insert(name, event_schema(known, &data));
    }
    schemas.insert(
        "PlatformEvent".into(),
        json!({
            "description": "An event that PTS understands.",
            "oneOf": variants,
            "discriminator": { "propertyName": "type", "mapping": mapping },
        }),
    );
    let families: Vec<_> = families()
        .iter()
        .map(|family| format!("{family}\\."))
        .collect();
    schemas.insert(
        "ForeignEvent".into(),
        json!({
            "description": "Any other event: kept as it came, and searchable.",
            "type": "object",
            "properties": properties(
                &json!({
                    "type": "string",
                    "not": { "pattern": format!("^({})", families.join("|")) },
                }),
                &json!({}),
            ),
            "required": ["type", "source"],
            "patternProperties": { "^[a-z0-9_]{1,64}$": extension() },
            "additionalProperties": false,
        }),
    );
    schemas.insert(
        "Event".into(),
        json!({
            "anyOf": [
                { "$ref": "#/components/schemas/PlatformEvent" },
                { "$ref": "#/components/schemas/ForeignEvent" },
            ],
        }),
    );
    schemas.insert(
        "CloudEvent".into(),
        json!({
            "description": "An event as CloudEvents 1.0 asks for it.",
            "allOf": [{ "$ref": "#/components/schemas/Event" }],
            "required": ["specversion", "id", "source", "type"],
        }),
    );
}

fn families() -> Vec<&'static str> {
    let mut families: Vec<_> = platform::all().iter().map(|known| known.family).collect();
    families.dedup();
    families
}

/// `deployment.rolled_back` becomes `DeploymentRolledBack`.
fn component(name: &str) -> String {
    let capital = |word: &str| {
        let mut letters = word.chars();
        let first = letters.next().map(|letter| letter.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    };
    name.split(['.', '_']).map(capital).collect()
}

/// The schema of a type's data, with what it defines moved to the document's schemas.
fn data_schema(known: &EventType, schemas: &mut Map<String, Value>) -> Value {
    let mut schema = moved(known.schema().to_value());
    if let Some(own) = schema.as_object_mut() {
        own.remove("$schema");
        if let Some(Value::Object(definitions)) = own.remove("$defs") {
            for (name, definition) in definitions {
                schemas.entry(name).or_insert(definition);
            }
        }
    }
    schema
}

fn moved(value: Value) -> Value {
    match value {
        Value::Object(map) => map
            .into_iter()
            .map(|(key, inner)| (key, moved(inner)))
            .collect(),
        Value::Array(items) => items.into_iter().map(moved).collect(),
        Value::String(text) => match text.strip_prefix("#/$defs/") {
            Some(name) => format!("#/components/schemas/{name}").into(),
            None => text.into(),
        },
        other => other,
    }
}

fn event_schema(known: &EventType, data: &Value) -> Value {
    json!({
        "title": known.name,
        "description": known.summary,
        "type": "object",
        "properties": properties(&json!({ "type": "string", "const": known.name }), data),
        "required": ["type", "source", "data"],
        "patternProperties": { "^[a-z0-9_]{1,64}$": extension() },
            "additionalProperties": false,
        "examples": [known.example()],
    })
}

/// What is null is not given, as CloudEvents has it.
fn properties(event_type: &Value, data: &Value) -> Value {
    json!({
        "specversion": { "const": "1.0" },
        "id": {
            "type": ["string", "null"],
            "maxLength": 512,
            "description": "The sender's id, unique within `source`; sent again, it is stored once.",
        },
        "source": { "type": "string", "minLength": 1, "maxLength": 512, "description": "Who sends it." },
        "type": event_type,
        "subject": { "type": ["string", "null"], "minLength": 1, "maxLength": 512, "description": "What it is about." },
        "time": {
            "type": ["string", "null"],
            "format": "date-time",
            "description": "When it happened; when it was received, if not given.",
        },
        "datacontenttype": { "type": ["string", "null"] },
        "dataschema": { "type": ["string", "null"] },
        "data": data,
    })
}

fn extension() -> Value {
    json!({
        "type": ["string", "number", "boolean", "null"],
        "description": "A CloudEvents extension.",
    })
}
