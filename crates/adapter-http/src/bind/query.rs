//! Percent-encoding, read strictly: what is not UTF-8 or holds NUL is refused here, before any
//! store could choke on it.

use percent_encoding::percent_decode_str;
use pts_domain::FieldError;

/// The pairs of a query, in order. `+` stands for a space, as forms write it.
pub(crate) fn pairs(query: &str) -> Result<Vec<(String, String)>, FieldError> {
    let parts = query.split('&').filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let read = |text: &str| {
                decode(&text.replace('+', " "))
                    .map_err(|why| FieldError::invalid(name, format!("{text:?}"), why))
            };
            Ok((read(name)?, read(value)?))
        })
        .collect()
}

/// The text behind percent signs.
pub(super) fn decode(text: &str) -> Result<String, &'static str> {
    let decoded = percent_decode_str(text)
        .decode_utf8()
        .map_err(|_| "UTF-8 behind the percent signs")?;
    if decoded.contains('\0') {
        return Err("text without NUL");
    }
    Ok(decoded.into_owned())
}
