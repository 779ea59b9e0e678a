//! Why somebody wants something: a line of text that is kept for whoever asks later.

use crate::FieldError;

/// Characters of a reason.
pub const LONGEST: usize = 500;

/// A reason without space at its ends.
///
/// # Errors
/// It is empty, too long, or holds characters that cannot be printed.
pub fn read(field: &str, text: &str) -> Result<String, FieldError> {
    let reason = text.trim();
    let too_long = reason.chars().count() > LONGEST;
    if reason.is_empty() || too_long || reason.chars().any(char::is_control) {
        let shown: String = reason.chars().take(100).collect();
        let expected = format!("a reason of 1 to {LONGEST} printable characters");
        return Err(FieldError::invalid(field, format!("{shown:?}"), expected));
    }
    Ok(reason.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_a_line_of_text() {
        assert_eq!(
            read("reason", "  INC-7: disk full ").unwrap(),
            "INC-7: disk full"
        );
        assert!(read("reason", &"é".repeat(LONGEST)).is_ok());
        for bad in ["", " \n ", "a\nb", "a\0", &"x".repeat(LONGEST + 1)] {
            assert_eq!(read("why", bad).unwrap_err().field, "why", "{bad:?}");
        }
    }
}
