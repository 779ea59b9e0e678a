//! Through JSON as it was written, from its first byte to its last, without reading it into values: what
//! is no secret stays as its sender spelt it, and what is broken is gone through as far as it goes.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use super::{Masked, Masker, count, is_mask, mask};

/// Fields that name an event. Masked, it would be another.
const NAMING: [&str; 3] = ["id", "source", "type"];
/// Fields beside which a value stands: `{"name": "DB_PASSWORD", "value": "…"}`.
const NAMES: [&str; 2] = ["name", "key"];
/// What stands beside such a name.
const VALUES: [&str; 8] = [
    "value",
    "from",
    "to",
    "old",
    "new",
    "previous",
    "old_value",
    "new_value",
];
/// Objects and arrays inside of each other that are told apart.
const DEEPEST: usize = 128;
/// JSON in a text of JSON, and so on.
const NESTED: usize = 3;

/// One way through a text.
pub(super) struct Walk<'m, 't> {
    masker: &'m Masker,
    text: &'t str,
    at: usize,
    frames: Vec<Frame<'m, 't>>,
    /// Frames beyond those that are told apart.
    deeper: usize,
    is_event: bool,
    nested: usize,
    edits: Vec<Edit>,
    naming: BTreeSet<&'static str>,
}

/// What is to stand in a place.
struct Edit {
    place: Range<usize>,
    with: String,
    found: BTreeMap<Arc<str>, u32>,
}

/// An object, an array, or what is around all of them.
#[derive(Default)]
struct Frame<'m, 't> {
    /// The name of the value that comes next.
    key: Option<Cow<'t, str>>,
    /// Everything inside is secret.
    secret: Option<&'m Arc<str>>,
    /// A name in it says that its values are.
    named: Option<&'m Arc<str>>,
    /// Where these values are.
    values: Vec<Range<usize>>,
}

impl<'m, 't> Walk<'m, 't> {
    pub(super) fn over(masker: &'m Masker, text: &'t str, is_event: bool) -> Self {
        Self {
            masker,
            text,
            at: 0,
            frames: vec![Frame::default()],
            deeper: 0,
            is_event,
            nested: 0,
            edits: Vec::new(),
            naming: BTreeSet::new(),
        }
    }

    pub(super) fn run(mut self) -> Masked {
        while let Some(byte) = self.text.as_bytes().get(self.at) {
            match byte {
                b'{' | b'[' => self.open(),
                b'}' | b']' => self.close(),
                b'"' => self.literal(),
                b',' => {
                    self.frame().key = None;
                    self.at += 1;
                }
                byte if *byte == b':' || byte.is_ascii_whitespace() => self.at += 1,
                _ => self.bare(),
            }
        }
        // What was never closed has said what it says.
        while self.frames.len() > 1 {
            self.leave();
        }
        self.settle(0);
        self.written()
    }

    fn frame(&mut self) -> &mut Frame<'m, 't> {
        let top = self.frames.len() - 1;
        &mut self.frames[top]
    }

    fn open(&mut self) {
        self.at += 1;
        if self.frames.len() > DEEPEST {
            self.deeper += 1;
            return;
        }
        let secret = self.rule();
        self.frames.push(Frame {
            secret,
            ..Frame::default()
        });
    }

    fn close(&mut self) {
        self.at += 1;
        if self.deeper > 0 {
            self.deeper -= 1;
        } else if self.frames.len() > 1 {
            self.leave();
        }
    }

    fn leave(&mut self) {
        let top = self.frames.len() - 1;
        self.settle(top);
        self.frames.pop();
        self.frame().key = None;
    }

    /// Masks the values of a frame if a name in it says so.
    fn settle(&mut self, frame: usize) {
        let frame = &mut self.frames[frame];
        let values = std::mem::take(&mut frame.values);
        let Some(rule) = frame.named else { return };
        for place in values {
            self.edits.retain(|edit| edit.place != place);
            self.hide(place, rule);
        }
    }

    /// The rule by which the next value is secret.
    fn rule(&self) -> Option<&'m Arc<str>> {
        let frame = self.frames.last()?;
        let by_name = || self.masker.names.rule(frame.key.as_deref()?);
        frame.secret.or_else(by_name)
    }

    /// A text: the name of a value, or one.
    fn literal(&mut self) {
        let place = self.at..end_of_literal(self.text, self.at);
        self.at = place.end;
        let rest = self.text[self.at..].trim_start();
        if rest.starts_with(':') {
            self.frame().key = Some(decoded(&self.text[place]));
            return;
        }
        let value = decoded(&self.text[place.clone()]);
        if let Some(rule) = self.rule() {
            if !value.is_empty() && !is_mask(&value) {
                self.hide(place, rule);
            }
            return;
        }
        self.beside_names(&value, &place);
        let mut found = BTreeMap::new();
        let Some(masked) = self.masked(&value, &mut found) else {
            return;
        };
        if let Some(field) = self.naming() {
            self.naming.insert(field);
        }
        let with = serde_json::Value::from(masked).to_string();
        self.edits.push(Edit { place, with, found });
    }

    /// Takes note of a name that says what stands beside it, and of what may stand beside one.
    fn beside_names(&mut self, value: &str, place: &Range<usize>) {
        let masker = self.masker;
        let frame = self.frame();
        let Some(key) = frame.key.as_deref() else {
            return;
        };
        let is_one_of = |names: &[&str]| names.iter().any(|name| key.eq_ignore_ascii_case(name));
        if is_one_of(&NAMES) {
            if let Some(rule) = masker.names.rule(value) {
                frame.named = Some(rule);
            }
        } else if is_one_of(&VALUES) && !value.is_empty() && !is_mask(value) {
            frame.values.push(place.clone());
        }
    }

    /// The field that names the event, if the next value is one.
    fn naming(&self) -> Option<&'static str> {
        let [_, Frame { key: Some(key), .. }] = self.frames.as_slice() else {
            return None;
        };
        let naming = NAMING.into_iter().find(|name| key == name);
        naming.filter(|_| self.is_event && self.nested == 0)
    }

    /// A value without its secrets; JSON in it is gone through as such.
    fn masked(&self, value: &str, found: &mut BTreeMap<Arc<str>, u32>) -> Option<String> {
        let inner = value.trim_start().starts_with(['{', '[']) && value.contains('"');
        if inner && self.nested < NESTED {
            let mut walk = Walk::over(self.masker, value, false);
            walk.nested = self.nested + 1;
            let masked = walk.run();
            if !masked.found.is_empty() {
                for (rule, number) in masked.found {
                    *found.entry(rule).or_default() += number;
                }
                return Some(masked.text);
            }
        }
        self.masker.patterns.apply(&self.masker.names, value, found)
    }

    /// A number, a word, or what should not be there.
    fn bare(&mut self) {
        let rest = &self.text[self.at..];
        let ends = |c: char| c.is_ascii_whitespace() || "{}[],:\"".contains(c);
        let length = rest.find(ends).unwrap_or(rest.len());
        let place = self.at..self.at + length;
        self.at = place.end;
        // Whether there is a secret is none.
        if matches!(&self.text[place.clone()], "true" | "false" | "null") {
            return;
        }
        if let Some(rule) = self.rule() {
            self.hide(place, rule);
        }
    }

    fn hide(&mut self, place: Range<usize>, rule: &Arc<str>) {
        let mut found = BTreeMap::new();
        count(&mut found, rule);
        let with = format!("\"{}\"", mask(rule));
        self.edits.push(Edit { place, with, found });
    }

    /// The text with everything that is to stand in it.
    fn written(mut self) -> Masked {
        self.edits.sort_by_key(|edit| edit.place.start);
        let mut text = String::with_capacity(self.text.len());
        let mut found = BTreeMap::new();
        let mut done = 0;
        for edit in self.edits {
            text.push_str(&self.text[done..edit.place.start]);
            text.push_str(&edit.with);
            done = edit.place.end;
            for (rule, number) in edit.found {
                *found.entry(rule).or_default() += number;
            }
        }
        text.push_str(&self.text[done..]);
        Masked {
            text,
            found,
            naming: self.naming,
        }
    }
}

/// Where a text that begins here is over: behind its quote, or at the end of everything.
fn end_of_literal(text: &str, begin: usize) -> usize {
    let bytes = text.as_bytes();
    let mut at = begin + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    text.len()
}

/// What a text says; what cannot be read is taken as it stands.
fn decoded(literal: &str) -> Cow<'_, str> {
    let inside = literal.strip_prefix('"').unwrap_or(literal);
    if literal.contains('\\')
        && let Ok(text) = serde_json::from_str::<String>(literal)
    {
        return Cow::Owned(text);
    }
    Cow::Borrowed(inside.strip_suffix('"').unwrap_or(inside))
}
