//! What a parameter's schema says of its text: how it becomes JSON, and what to tell whoever sent
//! something else.

use pts_services::input;
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
    match input::json_type(schema) {
        Some("integer") => Shape::Integer,
        Some("number") => Shape::Number,
        Some("boolean") => Shape::Boolean,
        Some("array") => Shape::List,
        Some("object") => Shape::Map,
        _ => Shape::Text,
    }
}

/// What is accepted, in words.
pub(super) fn expected(name: &str, shape: Shape, schema: &Value) -> String {
    match shape {
        Shape::List => format!("one or more, separated by commas or as `{name}=…&{name}=…`"),
        Shape::Map => format!("`{name}.<path>=<text>`"),
        Shape::Integer | Shape::Number | Shape::Boolean | Shape::Text => {
            input::expected(schema).unwrap_or_else(|| "a text".to_owned())
        }
    }
}
