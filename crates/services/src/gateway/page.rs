//! What every list takes: how long a page is, and where it begins.

use pts_domain::FieldError;
use pts_domain::filter::Cursor;

use crate::ActionError;

/// The length of a page.
pub(crate) fn limit(asked: Option<usize>) -> Result<usize, ActionError> {
    use pts_api::actions::{LARGEST_LIMIT, USUAL_LIMIT};
    match asked {
        None => Ok(USUAL_LIMIT),
        Some(limit) if (1..=LARGEST_LIMIT).contains(&limit) => Ok(limit),
        Some(limit) => {
            let expected = format!("1 to {LARGEST_LIMIT}");
            Err(ActionError::Invalid(vec![FieldError::invalid(
                "limit", limit, expected,
            )]))
        }
    }
}

/// The kind of cursor that a list needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CursorKind {
    Event,
    Position,
    /// Of so many parts.
    Name(usize),
}

/// Reads a cursor, and refuses one of another list.
pub(crate) fn cursor(text: Option<&str>, kind: CursorKind) -> Result<Option<Cursor>, ActionError> {
    let Some(text) = text else { return Ok(None) };
    let wrong = |expected: String| {
        ActionError::Invalid(vec![FieldError::invalid(
            "cursor",
            format!("{text:?}"),
            expected,
        )])
    };
    let cursor: Cursor = text.parse().map_err(wrong)?;
    let fits = match &cursor {
        Cursor::Event(..) => kind == CursorKind::Event,
        Cursor::Position(_) => kind == CursorKind::Position,
        Cursor::Name(parts) => kind == CursorKind::Name(parts.len()),
    };
    if fits {
        Ok(Some(cursor))
    } else {
        Err(wrong("a `next_cursor` of this list".to_owned()))
    }
}
