//! What a parameter's schema says of its text: how it becomes JSON, and what to tell whoever sent
//! something else.

use serde_json::Value;

/// How the text of a parameter becomes JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Text,
    Integer,
    Number,
    Boolean,
    /// Repeated, or separated by commas.
    List,
    /// `name.<key>=<text>`.
    Map,
}

/// Which one a schema asks for.
pub(super) fn shape(schema: &Value) -> Shape {
    match json_type(schema) {
        Some("integer") => Shape::Integer,
        Some("number") => Shape::Number,
        Some("boolean") => Shape::Boolean,
        Some("array") => Shape::List,
        Some("object") => Shape::Map,
        _ => Shape::Text,
    }
}

/// The type of a schema, looking past `null` for what may be left out.
fn json_type(schema: &Value) -> Option<&str> {
    match schema.get("type") {
        Some(Value::String(one)) => Some(one),
        Some(Value::Array(several)) => several
            .iter()
            .filter_map(Value::as_str)
            .find(|one| *one != "null"),
        _ => variants(schema)
            .filter_map(json_type)
            .find(|one| *one != "null"),
    }
}

fn variants(schema: &Value) -> impl Iterator<Item = &Value> {
    ["anyOf", "oneOf"]
        .into_iter()
        .filter_map(|key| schema.get(key)?.as_array())
        .flatten()
}

/// The texts that a schema allows, if it allows only some.
fn allowed(schema: &Value) -> Vec<&str> {
    let listed = schema
        .get("enum")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let single = schema.get("const").into_iter();
    let mut texts: Vec<&str> = listed.chain(single).filter_map(Value::as_str).collect();
    texts.extend(variants(schema).flat_map(allowed));
    texts
}

/// What is accepted, in words.
pub(super) fn expected(name: &str, shape: Shape, schema: &Value) -> String {
    match shape {
        Shape::Integer => match schema.get("minimum").and_then(Value::as_i64) {
            Some(least) => format!("a whole number from {least}"),
            None => "a whole number".to_owned(),
        },
        Shape::Number => "a number".to_owned(),
        Shape::Boolean => "`true` or `false`".to_owned(),
        Shape::List => format!("one or more, separated by commas or as `{name}=…&{name}=…`"),
        Shape::Map => format!("`{name}.<path>=<text>`"),
        Shape::Text => {
            let allowed = allowed(schema);
            if let [one] = allowed.as_slice() {
                return format!("`{one}`");
            }
            if !allowed.is_empty() {
                return format!("one of {}", allowed.join(", "));
            }
            let examples = find(schema, "examples").and_then(Value::as_array);
            match (find(schema, "format").and_then(Value::as_str), examples) {
                (Some("uuid"), _) => "a UUID".to_owned(),
                (_, Some(examples)) => {
                    let shown: Vec<_> = examples.iter().filter_map(Value::as_str).collect();
                    format!("something like {}", shown.join(", "))
                }
                _ => "a text".to_owned(),
            }
        }
    }
}

fn find<'s>(schema: &'s Value, key: &str) -> Option<&'s Value> {
    schema
        .get(key)
        .or_else(|| variants(schema).find_map(|variant| find(variant, key)))
}
