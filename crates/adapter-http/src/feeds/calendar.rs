//! RFC 5545: lines of at most 75 bytes that end with CRLF, texts escaped, times in UTC. What a document
//! says depends on what happened alone, so that the same state is the same bytes.

use pts_domain::Timestamp;

use super::item::{Certainty, Item};

/// Bytes of one line at the most, its end aside.
const WIDTH: usize = 75;

/// A calendar of these items.
pub(super) fn document(title: &str, items: &[Item]) -> String {
    let mut out = Lines(String::new());
    out.line("BEGIN", "VCALENDAR");
    out.line("VERSION", "2.0");
    out.line("PRODID", "-//PTS//Platform Telemetry Service//EN");
    out.line("CALSCALE", "GREGORIAN");
    out.text("NAME", title);
    // The older name for it, which more programs know.
    out.text("X-WR-CALNAME", title);
    out.line("REFRESH-INTERVAL;VALUE=DURATION", "PT5M");
    if items.is_empty() {
        nothing(&mut out);
    }
    for item in items {
        event(&mut out, item);
    }
    out.line("END", "VCALENDAR");
    out.0
}

/// A calendar must have at least one component.
fn nothing(out: &mut Lines) {
    out.line("BEGIN", "VTIMEZONE");
    out.line("TZID", "Etc/UTC");
    out.line("BEGIN", "STANDARD");
    out.line("DTSTART", "19700101T000000");
    out.line("TZOFFSETFROM", "+0000");
    out.line("TZOFFSETTO", "+0000");
    out.line("END", "STANDARD");
    out.line("END", "VTIMEZONE");
}

fn event(out: &mut Lines, item: &Item) {
    out.line("BEGIN", "VEVENT");
    out.text("UID", &item.id);
    out.time("DTSTAMP", item.updated);
    out.time("LAST-MODIFIED", item.updated);
    out.time("DTSTART", item.start);
    // An end must be behind the begin; without one, the event is a moment.
    let ended = item
        .end
        .filter(|end| end.timestamp() > item.start.timestamp());
    if let Some(end) = ended {
        out.time("DTEND", end);
    }
    // What follows is a 32-bit number everywhere.
    let sequence = item.sequence.clamp(0, i64::from(i32::MAX));
    out.line("SEQUENCE", &sequence.to_string());
    let status = match item.certainty {
        Certainty::Tentative => "TENTATIVE",
        Certainty::Confirmed => "CONFIRMED",
        Certainty::Cancelled => "CANCELLED",
    };
    out.line("STATUS", status);
    out.line("TRANSP", "TRANSPARENT");
    out.text("SUMMARY", &item.title);
    out.text("DESCRIPTION", &item.text);
    let categories: Vec<_> = item.categories.iter().map(|one| escaped(one)).collect();
    out.line("CATEGORIES", &categories.join(","));
    if let Some(url) = &item.url {
        out.line("URL", url);
    }
    out.line("END", "VEVENT");
}

struct Lines(String);

impl Lines {
    fn text(&mut self, name: &str, text: &str) {
        self.line(name, &escaped(text));
    }

    fn time(&mut self, name: &str, at: Timestamp) {
        self.line(name, &at.format("%Y%m%dT%H%M%SZ").to_string());
    }

    /// Writes a line, folded between characters where it is too long.
    fn line(&mut self, name: &str, value: &str) {
        let mut width = 0;
        for letter in name.chars().chain([':']).chain(value.chars()) {
            if width + letter.len_utf8() > WIDTH {
                self.0.push_str("\r\n ");
                width = 1;
            }
            self.0.push(letter);
            width += letter.len_utf8();
        }
        self.0.push_str("\r\n");
    }
}

/// A text between whose letters nothing means anything.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let text = text.replace("\r\n", "\n");
    for letter in text.chars() {
        match letter {
            '\\' | ';' | ',' => {
                out.push('\\');
                out.push(letter);
            }
            '\n' | '\r' => out.push_str("\\n"),
            '\t' => out.push('\t'),
            _ if letter.is_control() => {}
            _ => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_folded_between_characters() {
        let mut out = Lines(String::new());
        out.text("SUMMARY", &"é".repeat(100));
        let lines: Vec<_> = out.0.split("\r\n").collect();
        assert!(lines.iter().all(|line| line.len() <= WIDTH), "{lines:?}");
        assert!(lines[1..lines.len() - 1].iter().all(|l| l.starts_with(' ')));
        let unfolded = out.0.replace("\r\n ", "");
        assert_eq!(unfolded, format!("SUMMARY:{}\r\n", "é".repeat(100)));
    }

    #[test]
    fn nothing_inside_a_text_can_end_it() {
        assert_eq!(
            escaped("a;b,c\\d\r\nEND:VEVENT\u{7}\re"),
            "a\\;b\\,c\\\\d\\nEND:VEVENT\\ne"
        );
    }
}
