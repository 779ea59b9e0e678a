//! Bounds on what one event may hold, checked before anything else reads it.

use serde_json::Value;

use crate::FieldError;

/// Nesting of arrays and objects inside an event.
pub(super) const DEEPEST: usize = 64;
/// Bytes of one text inside an event's data.
pub(super) const LONGEST_TEXT: usize = 256 * 1024;
/// Bytes of one key.
pub(super) const LONGEST_KEY: usize = 1024;

/// Looks through a value for what no store could keep or no reader could use.
///
/// # Errors
/// The first place that is nested too deep, too long, or holds a NUL character.
pub fn check(value: &Value) -> Result<(), FieldError> {
    walk(value, &mut Vec::new())
}

/// Roughly the bytes that a value takes in memory.
pub(super) fn weight(value: &Value) -> usize {
    let own = size_of::<Value>();
    own + match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(weight).sum(),
        Value::Object(map) => map
            .iter()
            .map(|(key, item)| own + key.len() + weight(item))
            .sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}

enum Step<'a> {
    Key(&'a str),
    Index(usize),
}

fn walk<'a>(value: &'a Value, path: &mut Vec<Step<'a>>) -> Result<(), FieldError> {
    if path.len() > DEEPEST {
        let expected = format!("at most {DEEPEST} levels of nesting");
        return Err(FieldError::with_code(
            "too_deep",
            show(path),
            "deeper nesting",
            expected,
        ));
    }
    match value {
        Value::String(s) => text(s, LONGEST_TEXT, || show(path)),
        Value::Array(items) => items.iter().enumerate().try_for_each(|(index, item)| {
            path.push(Step::Index(index));
            walk(item, path)?;
            path.pop();
            Ok(())
        }),
        Value::Object(map) => map.iter().try_for_each(|(key, item)| {
            text(key, LONGEST_KEY, || format!("a key of {}", show(path)))?;
            path.push(Step::Key(key));
            walk(item, path)?;
            path.pop();
            Ok(())
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

fn text(text: &str, longest: usize, at: impl Fn() -> String) -> Result<(), FieldError> {
    if text.len() > longest {
        let found = format!("{} bytes", text.len());
        return Err(FieldError::with_code(
            "too_long",
            at(),
            found,
            format!("at most {longest} bytes"),
        ));
    }
    if text.contains('\0') {
        return Err(FieldError::invalid(
            at(),
            "a NUL character (\\u0000)",
            "text without NUL",
        ));
    }
    Ok(())
}

fn show(path: &[Step<'_>]) -> String {
    use std::fmt::Write as _;
    let mut shown = String::new();
    for step in path.iter().take(8) {
        match step {
            Step::Key(key) if shown.is_empty() => shown.push_str(key),
            Step::Key(key) => {
                let _ = write!(shown, ".{key}");
            }
            Step::Index(index) => {
                let _ = write!(shown, "[{index}]");
            }
        }
    }
    if path.len() > 8 {
        shown.push_str(".…");
    }
    if shown.is_empty() {
        "the event".into()
    } else {
        shown
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nul_depth_and_length_are_refused_with_their_place() {
        let error = check(&json!({"data": {"note": "a\0b"}})).unwrap_err();
        assert_eq!(error.field, "data.note");
        let error = check(&json!({"data": [{"k\0": 1}]})).unwrap_err();
        assert_eq!(error.field, "a key of data[0]");
        let deep = (0..100).fold(json!(1), |inner, _| json!([inner]));
        assert_eq!(check(&deep).unwrap_err().code, "too_deep");
        assert_eq!(
            check(&json!("x".repeat(300_000))).unwrap_err().code,
            "too_long"
        );
        assert!(check(&json!({"data": {"ok": [1, "two", null]}})).is_ok());
    }
}
