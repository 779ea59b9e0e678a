//! Rows of RFC 4180. Texts are always quoted; one that a spreadsheet could take for a
//! formula is written behind an apostrophe, and so is one that begins with an apostrophe: taking off
//! the first apostrophe of a field gives what was there.

use std::fmt::Display;
use std::io::Write as _;

use pts_domain::Timestamp;

use super::ndjson::moment;

/// A row under way.
pub(super) struct Row<'o> {
    out: &'o mut Vec<u8>,
    begun: bool,
}

impl<'o> Row<'o> {
    pub(super) fn new(out: &'o mut Vec<u8>) -> Self {
        let begun = false;
        Self { out, begun }
    }

    fn next(&mut self) -> &mut Vec<u8> {
        if self.begun {
            self.out.push(b',');
        }
        self.begun = true;
        self.out
    }

    /// A number, or a word of our own.
    pub(super) fn plain(mut self, value: impl Display) -> Self {
        // Writing to memory cannot fail.
        let _ = write!(self.next(), "{value}");
        self
    }

    pub(super) fn text(mut self, value: &str) -> Self {
        text(self.next(), value);
        self
    }

    pub(super) fn moment(mut self, value: Timestamp) -> Self {
        moment(self.next(), value);
        self
    }

    /// Nothing at all is absent; quotes around nothing are an empty text.
    pub(super) fn texts<'t>(self, values: impl IntoIterator<Item = &'t Option<String>>) -> Self {
        values.into_iter().fold(self, |mut row, value| {
            let out = row.next();
            value.iter().for_each(|value| text(out, value));
            row
        })
    }

    /// The same of moments.
    pub(super) fn moments(self, values: impl IntoIterator<Item = Option<Timestamp>>) -> Self {
        values.into_iter().fold(self, |mut row, value| {
            let out = row.next();
            value.into_iter().for_each(|value| moment(out, value));
            row
        })
    }

    pub(super) fn end(self) {
        self.out.extend_from_slice(b"\r\n");
    }
}

fn text(out: &mut Vec<u8>, text: &str) {
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
