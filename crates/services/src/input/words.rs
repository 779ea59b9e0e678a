//! What a JSON Schema accepts, in words for whoever sent something else.

use serde_json::Value;
use serde_path_to_error::Segment;

/// What is accepted; `None` where the schema is open or one of several that differ.
pub fn expected(schema: &Value) -> Option<String> {
    Some(match json_type(schema)? {
        "integer" => whole_number(schema),
        "number" => "a number".to_owned(),
        "boolean" => "`true` or `false`".to_owned(),
        "array" => "an array".to_owned(),
        "object" => "an object".to_owned(),
        "string" => text(schema),
        _ => return None,
    })
}

fn whole_number(schema: &Value) -> String {
    let bound = |key| find(schema, key).and_then(Value::as_i64);
    match (bound("minimum"), bound("maximum")) {
        (Some(least), Some(most)) => format!("a whole number from {least} to {most}"),
        (Some(least), None) => format!("a whole number from {least}"),
        _ => "a whole number".to_owned(),
    }
}

fn text(schema: &Value) -> String {
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

/// The type of a schema, looking past `null` for what may be left out. Variants that differ have
/// none.
pub fn json_type(schema: &Value) -> Option<&str> {
    match schema.get("type") {
        Some(Value::String(one)) => Some(one),
        Some(Value::Array(several)) => several
            .iter()
            .filter_map(Value::as_str)
            .find(|one| *one != "null"),
        _ => {
            let mut types = variants(schema)
                .filter_map(json_type)
                .filter(|one| *one != "null");
            let first = types.next()?;
            types.all(|other| other == first).then_some(first)
        }
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

fn find<'s>(schema: &'s Value, key: &str) -> Option<&'s Value> {
    schema
        .get(key)
        .or_else(|| variants(schema).find_map(|variant| find(variant, key)))
}

/// The schema of what is inside, one step down.
pub(super) fn inside<'s>(schema: &'s Value, step: &Segment) -> Option<&'s Value> {
    let here = match step {
        Segment::Seq { .. } => schema.get("items"),
        Segment::Map { key } => schema
            .get("properties")
            .and_then(|properties| properties.get(key))
            .or_else(|| schema.get("additionalProperties")),
        Segment::Enum { .. } | Segment::Unknown => None,
    };
    here.filter(|schema| schema.is_object())
        .or_else(|| variants(schema).find_map(|variant| inside(variant, step)))
}
