//! A JSON Schema, of the kind that schemars makes, as a type of TypeScript. Pure.

use std::fmt::Write as _;

use serde_json::{Map, Value};

/// A type with a name: an interface where that says it all, or else an alias.
pub(crate) fn declaration(name: &str, schema: &Value) -> String {
    let about = schema.get("description").and_then(Value::as_str);
    let about = about.map(|text| doc(text, 0)).unwrap_or_default();
    let body = expression(schema, 0);
    let is_interface = body.starts_with("{\n") && matching_brace(&body) == body.len() - 1;
    if is_interface {
        format!("{about}export interface {name} {body}\n")
    } else {
        format!("{about}export type {name} = {body};\n")
    }
}

fn matching_brace(text: &str) -> usize {
    let mut depth = 0_usize;
    for (at, letter) in text.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 1 => return at,
            '}' => depth -= 1,
            _ => {}
        }
    }
    text.len()
}

/// A comment over a declaration or a field.
pub(crate) fn doc(text: &str, depth: usize) -> String {
    let indent = "  ".repeat(depth);
    let text = text.replace("*/", "*\\/");
    if !text.contains('\n') {
        return format!("{indent}/** {text} */\n");
    }
    let mut out = format!("{indent}/**\n");
    for line in text.lines() {
        let line = format!("{indent} * {line}");
        let _ = writeln!(out, "{}", line.trim_end());
    }
    let _ = writeln!(out, "{indent} */");
    out
}

/// A type as it stands inside another.
pub(crate) fn expression(schema: &Value, depth: usize) -> String {
    let Value::Object(schema) = schema else {
        return if schema == &Value::Bool(false) {
            "never"
        } else {
            "unknown"
        }
        .to_owned();
    };
    let mut all = Vec::new();
    if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
        all.push(target.rsplit('/').next().unwrap_or(target).to_owned());
    }
    if let Some(value) = schema.get("const") {
        all.push(value.to_string());
    } else if let Some(Value::Array(values)) = schema.get("enum") {
        all.push(union(values.iter().map(Value::to_string)));
    } else if let Some(own) = by_type(schema, depth) {
        all.push(own);
    }
    for key in ["oneOf", "anyOf"] {
        if let Some(Value::Array(choices)) = schema.get(key) {
            all.push(union(
                choices.iter().map(|choice| expression(choice, depth)),
            ));
        }
    }
    for part in schema
        .get("allOf")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        all.push(expression(part, depth));
    }
    match all.len() {
        0 => "unknown".to_owned(),
        1 => all.swap_remove(0),
        _ => {
            let parts: Vec<_> = all.iter().map(|part| enclosed(part)).collect();
            parts.join(" & ")
        }
    }
}

/// What `type` says, if it is there; what has fields is an object even without saying so.
fn by_type(schema: &Map<String, Value>, depth: usize) -> Option<String> {
    match schema.get("type") {
        Some(Value::String(one)) => Some(of_type(one, schema, depth)),
        Some(Value::Array(several)) => {
            let names = several.iter().filter_map(Value::as_str);
            Some(union(names.map(|name| of_type(name, schema, depth))))
        }
        _ if schema.contains_key("properties") => Some(object(schema, depth)),
        _ => None,
    }
}

fn of_type(name: &str, schema: &Map<String, Value>, depth: usize) -> String {
    match name {
        "object" => object(schema, depth),
        "array" => array(schema, depth),
        "integer" | "number" => "number".to_owned(),
        "string" | "boolean" | "null" => name.to_owned(),
        _ => "unknown".to_owned(),
    }
}

fn array(schema: &Map<String, Value>, depth: usize) -> String {
    if let Some(Value::Array(places)) = schema.get("prefixItems") {
        let places: Vec<_> = places
            .iter()
            .map(|place| expression(place, depth))
            .collect();
        return format!("[{}]", places.join(", "));
    }
    let items = schema.get("items").map(|items| expression(items, depth));
    format!(
        "{}[]",
        enclosed(&items.unwrap_or_else(|| "unknown".to_owned()))
    )
}

fn object(schema: &Map<String, Value>, depth: usize) -> String {
    let fields = schema.get("properties").and_then(Value::as_object);
    let others = match schema.get("additionalProperties") {
        Some(Value::Bool(_)) | None => None,
        Some(others) => Some(expression(others, depth + 1)),
    };
    let Some(fields) = fields.filter(|fields| !fields.is_empty()) else {
        let closed = schema.get("additionalProperties") == Some(&Value::Bool(false));
        let others = others.unwrap_or_else(|| if closed { "never" } else { "unknown" }.to_owned());
        return format!("Record<string, {others}>");
    };
    let required = schema.get("required").and_then(Value::as_array);
    let indent = "  ".repeat(depth + 1);
    let mut out = "{\n".to_owned();
    for (name, field) in fields {
        if let Some(about) = field.get("description").and_then(Value::as_str) {
            out.push_str(&doc(about, depth + 1));
        }
        let needed = required.is_some_and(|names| names.iter().any(|one| one == name));
        let optional = if needed { "" } else { "?" };
        let of = expression(field, depth + 1);
        let _ = writeln!(out, "{indent}{}{optional}: {of};", key(name));
    }
    if others.is_some() {
        // What is known has types that what is not known need not have.
        let _ = writeln!(out, "{indent}[key: string]: unknown;");
    }
    let _ = write!(out, "{}}}", "  ".repeat(depth));
    out
}

fn key(name: &str) -> String {
    let plain = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && !name.starts_with(|first: char| first.is_ascii_digit());
    if plain {
        name.to_owned()
    } else {
        format!("{name:?}")
    }
}

/// Each choice once, in order.
fn union(choices: impl Iterator<Item = String>) -> String {
    let mut each: Vec<String> = Vec::new();
    for choice in choices {
        if !each.contains(&choice) {
            each.push(choice);
        }
    }
    if each.is_empty() {
        "never".to_owned()
    } else {
        each.join(" | ")
    }
}

/// In brackets, if it would fall apart beside something else.
fn enclosed(of: &str) -> String {
    let is_whole = of.starts_with('{') && matching_brace(of) == of.len() - 1;
    if !is_whole && (of.contains(" | ") || of.contains(" & ")) {
        format!("({of})")
    } else {
        of.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_kind_of_schema_is_a_type() {
        let check = |schema: Value, expected: &str| {
            assert_eq!(expression(&schema, 0), expected, "{schema}");
        };
        check(json!(true), "unknown");
        check(json!(false), "never");
        check(json!({}), "unknown");
        check(json!({"type": "integer", "minimum": 0}), "number");
        check(json!({"type": ["string", "null"]}), "string | null");
        check(json!({"type": ["integer", "number"]}), "number");
        check(json!({"$ref": "#/$defs/Event"}), "Event");
        check(
            json!({"anyOf": [{"$ref": "#/$defs/A"}, {"type": "null"}]}),
            "A | null",
        );
        check(
            json!({"type": "array", "items": {"type": ["string", "null"]}}),
            "(string | null)[]",
        );
        check(
            json!({"type": "array", "prefixItems": [{"type": "string"}, {"type": "number"}]}),
            "[string, number]",
        );
        check(
            json!({"type": "string", "enum": ["a", "b\""]}),
            "\"a\" | \"b\\\"\"",
        );
        check(
            json!({"oneOf": [{"const": "a"}, {"const": 1}]}),
            "\"a\" | 1",
        );
        check(json!({"type": "object"}), "Record<string, unknown>");
        check(
            json!({"type": "object", "additionalProperties": {"type": "string"}}),
            "Record<string, string>",
        );
        check(
            json!({"allOf": [{"$ref": "#/$defs/A"}, {"anyOf": [{"$ref": "#/$defs/B"}, {"$ref": "#/$defs/C"}]}]}),
            "A & (B | C)",
        );
    }

    #[test]
    fn an_object_has_its_fields_with_what_is_said_of_them() {
        let schema = json!({
            "description": "What it is.\nAnd more */.",
            "type": "object",
            "properties": {"a": {"type": "string", "description": "First."}, "x-y": {"type": "object", "properties": {"b": {}}}},
            "required": ["a"],
        });
        let expected = "/**\n * What it is.\n * And more *\\/.\n */\nexport interface Thing {\n  /** First. */\n  a: string;\n  \"x-y\"?: {\n    b?: unknown;\n  };\n}\n";
        assert_eq!(declaration("Thing", &schema), expected);
        assert_eq!(
            declaration(
                "Two",
                &json!({"anyOf": [schema["properties"]["x-y"], {"type": "null"}]})
            ),
            "export type Two = {\n  b?: unknown;\n} | null;\n"
        );
    }
}
