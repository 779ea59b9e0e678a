//! An event as a row of RFC 4180. Texts are always quoted; one that a spreadsheet could take for a
//! formula is written behind an apostrophe, and so is one that begins with an apostrophe: taking off
//! the first apostrophe of a field gives what was there.

use std::io::Write as _;

use pts_domain::event::RawEvent;

use super::ndjson::moment;

/// The columns, in the order in which they stay.
const COLUMNS: &str = "position,id,time,received_at,type,source,event_id,subject,service,environment,\
                       data,attributes\r\n";

/// Writes the names of the columns.
pub(super) fn head(out: &mut Vec<u8>) {
    out.extend_from_slice(COLUMNS.as_bytes());
}

/// Writes one event.
pub(super) fn row(out: &mut Vec<u8>, event: &RawEvent) {
    let _ = write!(out, "{},{},", event.position, event.id.hyphenated());
    moment(out, event.time);
    out.push(b',');
    moment(out, event.received_at);
    for field in [&event.event_type, &event.source, &event.event_id] {
        out.push(b',');
        text(out, field);
    }
    for field in [&event.subject, &event.service, &event.environment] {
        out.push(b',');
        // Nothing at all is absent; quotes around nothing are an empty text.
        if let Some(field) = field {
            text(out, field);
        }
    }
    for field in [&event.data, &event.attributes] {
        out.push(b',');
        text(out, field);
    }
    out.extend_from_slice(b"\r\n");
}

/// Writes a text, in quotes.
pub(super) fn text(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    if text.starts_with(is_risky) {
        out.push(b'\'');
    }
    let mut pieces = text.split('"');
    out.extend_from_slice(pieces.next().unwrap_or_default().as_bytes());
    for piece in pieces {
        out.extend_from_slice(b"\"\"");
        out.extend_from_slice(piece.as_bytes());
    }
    out.push(b'"');
}

/// What makes spreadsheets read a formula (in their wide forms, too), and the apostrophe that stands
/// before such texts here.
const fn is_risky(first: char) -> bool {
    matches!(
        first,
        '=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '\'' | '＝' | '＋' | '－' | '＠'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_be_a_formula_is_none_and_quotes_are_doubled() {
        let check = |given: &str, expected: &str| {
            let mut out = Vec::new();
            text(&mut out, given);
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        };
        check("", "\"\"");
        check("plain", "\"plain\"");
        check("a \"b\", c\r\nd", "\"a \"\"b\"\", c\r\nd\"");
        check("=1+1", "\"'=1+1\"");
        check("-5", "\"'-5\"");
        check("@SUM(A1)", "\"'@SUM(A1)\"");
        check("＝1", "\"'＝1\"");
        check("'=1", "\"''=1\"");
        check("a=1", "\"a=1\"");
        check("{\"a\": 1}", "\"{\"\"a\"\": 1}\"");
    }
}
