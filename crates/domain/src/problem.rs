//! How the domain says that input is wrong: which field, what was found, what is expected.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One thing wrong with one field of the input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FieldError {
    /// Where: a path from the top of the event, such as `data.environment`.
    pub field: String,
    /// What is wrong, as a stable word: `missing`, `invalid`, `unknown`, `too_long`, `too_deep`,
    /// `secret`.
    pub code: String,
    /// What was found there, shortened; absent when nothing was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
    /// What would have been accepted.
    pub expected: String,
}

impl FieldError {
    /// A field that had to be there and is not.
    pub fn missing(field: impl Into<String>, expected: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            code: "missing".into(),
            found: None,
            expected: expected.into(),
        }
    }

    /// A field whose value cannot be accepted. `found` is shortened to what a person can read.
    pub fn invalid(
        field: impl Into<String>,
        found: impl fmt::Display,
        expected: impl Into<String>,
    ) -> Self {
        Self::with_code("invalid", field, found, expected)
    }

    /// Like [`FieldError::invalid`], under another stable code.
    pub fn with_code(
        code: &str,
        field: impl Into<String>,
        found: impl fmt::Display,
        expected: impl Into<String>,
    ) -> Self {
        Self {
            field: field.into(),
            code: code.into(),
            found: Some(shorten(&found.to_string())),
            expected: expected.into(),
        }
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.found {
            Some(found) => write!(
                f,
                "{}: found {found}; expected {}",
                self.field, self.expected
            ),
            None => write!(f, "{}: {}; {}", self.field, self.code, self.expected),
        }
    }
}

impl std::error::Error for FieldError {}

/// Joins errors into one line for logs and short answers.
pub fn join(errors: &[FieldError]) -> String {
    errors
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("; ")
}

/// A few errors in one line, for where the rest stand in a list.
pub fn summary(errors: &[FieldError]) -> String {
    const SHOWN: usize = 3;
    let shown = join(&errors[..errors.len().min(SHOWN)]);
    match errors.len() {
        n if n > SHOWN => format!("{shown}; and {} more", n - SHOWN),
        _ => shown,
    }
}

/// What a JSON value is, in words.
pub const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// The nearest of `names` to `word`, if near enough that a typing error explains the difference.
pub fn nearest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let length = word.chars().count();
    let most = |name: &str| 1 + name.len() / 5;
    let letters = letters(&word);
    names
        .into_iter()
        // What cannot be near costs next to nothing: most types of others are asked about here.
        .filter(|name| length.abs_diff(name.chars().count()) <= most(name))
        .filter(|name| !word.is_ascii() || apart(&letters, &self::letters(name)) <= most(name))
        .map(|name| {
            (
                strsim::damerau_levenshtein(&word, &name.to_lowercase()),
                name,
            )
        })
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, name)| *distance <= most(name))
        .map(|(_, name)| name)
}

/// How often each letter occurs; those that share their last five bits are counted together, which
/// ignores case.
fn letters(text: &str) -> [u16; 32] {
    let mut count = [0_u16; 32];
    for byte in text.bytes() {
        let letter = &mut count[usize::from(byte & 31)];
        *letter = letter.saturating_add(1);
    }
    count
}

/// At least so many edits lie between texts of these letters: each adds or removes one, or both.
fn apart(one: &[u16; 32], other: &[u16; 32]) -> usize {
    let (mut more, mut fewer) = (0, 0);
    for (one, other) in one.iter().zip(other) {
        more += usize::from(one.saturating_sub(*other));
        fewer += usize::from(other.saturating_sub(*one));
    }
    more.max(fewer)
}

fn shorten(text: &str) -> String {
    const MOST: usize = 120;
    if text.chars().count() <= MOST {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(MOST).collect();
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typing_error_finds_its_name_and_nonsense_finds_none() {
        let names = [
            "deployment.started",
            "deployment.succeeded",
            "service.ready",
        ];
        assert_eq!(
            nearest("deployment.strated", names),
            Some("deployment.started")
        );
        assert_eq!(
            nearest("Deployment.Started", names),
            Some("deployment.started")
        );
        assert_eq!(nearest("com.example.order", names), None);
    }

    #[test]
    fn a_long_value_is_shortened_before_it_is_shown() {
        let error = FieldError::invalid("data.x", "y".repeat(10_000), "less");
        assert!(error.found.unwrap().chars().count() <= 121);
    }
}
