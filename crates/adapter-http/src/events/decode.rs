//! From text to JSON, element by element: one bad element never hurts its neighbours, a broken
//! frame around them is refused with the place where it breaks.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use pts_domain::FieldError;
use pts_domain::event::Form;
use pts_services::{Item, LARGEST_EVENT, MOST_EVENTS};
use serde::de::{Deserializer as _, Error as _, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Deserializer, Value};

use super::media::Media;
use crate::problem::Refusal;

/// What was read out of a body.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) items: Vec<Item>,
    /// One event that was not sent as a batch, and is answered as one.
    pub(super) single: bool,
    pub(super) form: Form,
}

/// Reads a body that holds whole events.
///
/// # Errors
/// 400 for what is not JSON at all or is empty, 413 for more events than a batch may have.
pub(super) fn decode(mut bytes: Vec<u8>, media: Media) -> Result<Batch, Refusal> {
    if bytes.starts_with(b"\xef\xbb\xbf") {
        bytes.drain(..3);
    }
    // Held together with the events, because what is not one is kept as it came.
    let body = &Arc::new(bytes);
    let bytes = body.as_slice();
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(empty(
            "empty_body",
            "The body is empty",
            "an event or an array of events",
        ));
    }
    if media == Media::NdJson {
        return lines(body);
    }
    let text = utf8(bytes)?;
    let is_array = text.trim_start().starts_with('[');
    match (media, is_array) {
        (Media::CloudEvent, true) => Err(wrong_frame(
            "an array",
            "one CloudEvent; for several, say `application/cloudevents-batch+json`",
        )),
        (Media::CloudEventBatch, false) => Err(wrong_frame("no array", "an array of CloudEvents")),
        (Media::CloudEventBatch, true) => array(text, body, Form::CloudEvents),
        (Media::CloudEvent, false) => single(text, body, Form::CloudEvents),
        (_, true) => array(text, body, Form::Lenient),
        (_, false) => single(text, body, Form::Lenient),
    }
}

fn single(text: &str, body: &Arc<Vec<u8>>, form: Form) -> Result<Batch, Refusal> {
    if text.len() > LARGEST_EVENT {
        return Err(Refusal::too_large(
            "event_too_large",
            "The event is too large",
            format!(
                "The event has {} bytes; an event may have {LARGEST_EVENT}.",
                text.len()
            ),
        ));
    }
    let value = serde_json::from_str(text)
        .map_err(|error| json_error(&error, error.line(), error.column()));
    Ok(Batch {
        items: vec![Item::part(value, body, 0..body.len())],
        single: true,
        form,
    })
}

/// Takes the elements of an array apart without looking inside them, then reads each alone.
fn array(text: &str, body: &Arc<Vec<u8>>, form: Form) -> Result<Batch, Refusal> {
    let mut deserializer = Deserializer::from_str(text);
    let elements = deserializer
        .deserialize_seq(Elements)
        .and_then(|elements| deserializer.end().map(|()| elements))
        .map_err(|error| malformed(&error))?;
    if elements.is_empty() {
        return Err(empty(
            "empty_batch",
            "The batch is empty",
            "at least one event",
        ));
    }
    let items = elements
        .into_iter()
        .map(|raw| element(raw.get(), text, body))
        .collect();
    Ok(Batch {
        items,
        single: false,
        form,
    })
}

fn element(raw: &str, text: &str, body: &Arc<Vec<u8>>) -> Item {
    // `raw` is a part of `text`, which is the body.
    let begin = raw.as_ptr() as usize - text.as_ptr() as usize;
    let place = || {
        let before = &text[..begin];
        let line = before.matches('\n').count() + 1;
        (
            line,
            before.len() - before.rfind('\n').map_or(0, |at| at + 1),
        )
    };
    Item::part(parse_item(raw, place), body, begin..begin + raw.len())
}

fn parse_item(raw: &str, place: impl Fn() -> (usize, usize)) -> Result<Value, FieldError> {
    if let Some(error) = Item::too_long(raw.len()) {
        return Err(error);
    }
    serde_json::from_str(raw).map_err(|error| {
        let (line, column) = place();
        let (line, column) = match error.line() {
            0 | 1 => (line, column + error.column()),
            further => (line + further - 1, error.column()),
        };
        json_error(&error, line, column)
    })
}

/// One event a line; empty lines are skipped.
fn lines(body: &Arc<Vec<u8>>) -> Result<Batch, Refusal> {
    let mut items = Vec::new();
    for (index, (place, line)) in numbered(body).enumerate() {
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        if items.len() == MOST_EVENTS {
            return Err(too_many());
        }
        let number = index + 1;
        let value = match std::str::from_utf8(line) {
            Ok(text) => parse_item(text, || (number, 0)),
            Err(error) => Err(not_utf8(number, error.valid_up_to() + 1)),
        };
        items.push(Item::part(value, body, place));
    }
    Ok(Batch {
        items,
        single: false,
        form: Form::Lenient,
    })
}

/// The lines of a body, and where each is.
fn numbered(body: &[u8]) -> impl Iterator<Item = (Range<usize>, &[u8])> {
    let mut end = 0;
    body.split(|byte| *byte == b'\n').map(move |line| {
        let begin = end;
        end = begin + line.len() + 1;
        (begin..begin + line.len(), line)
    })
}

/// The elements of an array as they stand.
struct Elements;

impl<'de> Visitor<'de> for Elements {
    type Value = Vec<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of events")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = seq.next_element()? {
            if elements.len() == MOST_EVENTS {
                // Not worth looking at the rest.
                return Err(A::Error::custom(TOO_MANY));
            }
            elements.push(element);
        }
        Ok(elements)
    }
}

const TOO_MANY: &str = "too many events";
/// Where an error is that is about text, not about a field.
const BODY: &str = "the body";

fn utf8(bytes: &[u8]) -> Result<&str, Refusal> {
    std::str::from_utf8(bytes).map_err(|error| {
        let good = &bytes[..error.valid_up_to()];
        let line = good.split(|byte| *byte == b'\n').count();
        let column = good.iter().rev().take_while(|byte| **byte != b'\n').count() + 1;
        not_json(not_utf8(line, column))
    })
}

fn not_utf8(line: usize, column: usize) -> FieldError {
    let found = format!("line {line}, column {column}: bytes that are not UTF-8");
    FieldError::with_code("malformed_json", BODY, found, "JSON in UTF-8")
}

/// Reads the data of a CloudEvent in binary mode.
pub(super) fn value(bytes: &[u8]) -> Result<Value, Refusal> {
    serde_json::from_str(utf8(bytes)?).map_err(|error| malformed(&error))
}

/// Text data of a CloudEvent in binary mode.
pub(super) fn text(bytes: &[u8]) -> Result<&str, Refusal> {
    utf8(bytes)
}

fn malformed(error: &serde_json::Error) -> Refusal {
    if error.is_data() && error.to_string().starts_with(TOO_MANY) {
        return too_many();
    }
    not_json(json_error(error, error.line(), error.column()))
}

/// What serde_json says, with the place in front.
pub(crate) fn json_error(error: &serde_json::Error, line: usize, column: usize) -> FieldError {
    let message = error.to_string();
    let message = message
        .rsplit_once(" at line ")
        .map_or(message.as_str(), |(what, _)| what);
    if message == "recursion limit exceeded" {
        let found = format!("line {line}, column {column}: deeper nesting");
        return FieldError::with_code("too_deep", BODY, found, "at most 64 levels of nesting");
    }
    let found = format!("line {line}, column {column}: {message}");
    FieldError::with_code("malformed_json", BODY, found, "JSON")
}

/// Whether an error is about text that is not JSON, or none that can be read.
pub(super) fn is_unreadable(error: &FieldError) -> bool {
    matches!(error.code.as_str(), "malformed_json" | "too_deep") && error.field == BODY
}

/// What is said about a body that is not JSON.
pub(crate) fn not_json(error: FieldError) -> Refusal {
    let title = match error.code.as_str() {
        "too_deep" => "The body is nested too deep",
        _ => "The body is not JSON",
    };
    let detail = match &error.found {
        Some(found) => format!("{found}."),
        None => error.to_string(),
    };
    Refusal::bad_request(&error.code.clone(), title, detail).with_errors(vec![error])
}

fn empty(code: &str, title: &str, expected: &str) -> Refusal {
    Refusal::bad_request(
        code,
        title,
        format!("Nothing was sent; expected {expected}."),
    )
}

fn wrong_frame(found: &str, expected: &str) -> Refusal {
    let error = FieldError::invalid("the body", found, expected);
    Refusal::bad_request(
        "invalid_event",
        "The body is not of the form it says",
        error.to_string(),
    )
    .with_errors(vec![error])
}

fn too_many() -> Refusal {
    Refusal::too_large(
        "batch_too_large",
        "Too many events at once",
        format!("The batch has more than {MOST_EVENTS} events; send several requests."),
    )
}

#[cfg(test)]
mod tests {
    use pts_api::Problem;
    use serde_json::json;

    use super::*;

    fn decode(body: impl AsRef<[u8]>, media: Media) -> Result<Batch, Refusal> {
        super::decode(body.as_ref().to_vec(), media)
    }

    /// What is said about a body that is refused, or about the one bad event that it is.
    fn refused(body: impl AsRef<[u8]>, media: Media) -> Problem {
        match decode(body.as_ref(), media) {
            Err(refusal) => refusal.into_problem(),
            Ok(mut batch) if batch.single => match batch.items.remove(0).value {
                Err(error) => not_json(error).into_problem(),
                Ok(value) => panic!("accepted: {value}"),
            },
            Ok(batch) => panic!("accepted: {batch:?}"),
        }
    }

    fn texts(batch: &Batch) -> Vec<String> {
        let texts = batch
            .items
            .iter()
            .map(|item| item.text.as_str().into_owned());
        texts.collect()
    }

    #[test]
    fn one_event_and_an_array_are_told_apart() {
        let one = decode(b" {\"type\":\"x\"} ", Media::Json).unwrap();
        assert!(one.single && one.items[0].value == Ok(json!({"type": "x"})));
        let array = decode(b"\xef\xbb\xbf[{\"type\":\"x\"}]", Media::Json).unwrap();
        assert!(!array.single && array.items.len() == 1);
        assert_eq!(array.form, Form::Lenient);
        assert_eq!(
            decode(b"[{}]", Media::CloudEventBatch).unwrap().form,
            Form::CloudEvents
        );
        assert!(decode(b"{}", Media::CloudEvent).unwrap().single);
    }

    #[test]
    fn what_is_not_json_is_refused_with_its_place() {
        let check = |body: &[u8], code, detail| {
            let problem = refused(body, Media::Json);
            assert_eq!(
                (problem.status, problem.code.as_str()),
                (400, code),
                "{problem:?}"
            );
            assert_eq!(problem.detail, detail);
        };
        check(
            b"{\"type\": \"x\",\n \"a\" 1}",
            "malformed_json",
            "line 2, column 6: expected `:`.",
        );
        check(
            b"{\"a\":1",
            "malformed_json",
            "line 1, column 6: EOF while parsing an object.",
        );
        check(
            b"{} {}",
            "malformed_json",
            "line 1, column 4: trailing characters.",
        );
        check(
            b"[{},]",
            "malformed_json",
            "line 1, column 5: trailing comma.",
        );
        check(
            b"{\"a\":\"\\ud800\"}",
            "malformed_json",
            "line 1, column 13: unexpected end of hex escape.",
        );
        check(
            b"{\"a\":1e999}",
            "malformed_json",
            "line 1, column 10: number out of range.",
        );
        check(
            b"{\"a\":\n \"\xff\"}",
            "malformed_json",
            "line 2, column 3: bytes that are not UTF-8.",
        );
        check(
            b" \n ",
            "empty_body",
            "Nothing was sent; expected an event or an array of events.",
        );
        check(
            b"",
            "empty_body",
            "Nothing was sent; expected an event or an array of events.",
        );
        check(
            b" [ ] ",
            "empty_batch",
            "Nothing was sent; expected at least one event.",
        );
    }

    #[test]
    fn nesting_beyond_the_parser_is_refused_by_name() {
        let deep = format!("{{\"data\":{}1{}}}", "[".repeat(129), "]".repeat(129));
        let problem = refused(&deep, Media::Json);
        assert_eq!((problem.status, problem.code.as_str()), (400, "too_deep"));
        // In a batch, only the element that is nested too deep is bad.
        let batch = decode(format!("[{{}},{deep}]").as_bytes(), Media::Json).unwrap();
        assert!(batch.items[0].value.is_ok());
        assert_eq!(batch.items[1].value.as_ref().unwrap_err().code, "too_deep");
    }

    #[test]
    fn a_bad_element_is_named_with_its_place_in_the_whole_body() {
        let batch = decode(b"[{},\n {\"a\": \"\\udc00\"}, {}]", Media::Json).unwrap();
        assert!(batch.items[0].value.is_ok() && batch.items[2].value.is_ok());
        let error = batch.items[1].value.as_ref().unwrap_err();
        let found = error.found.as_deref().unwrap();
        assert!(found.starts_with("line 2, column "), "{found}");
        assert!(
            found.ends_with("lone leading surrogate in hex escape"),
            "{found}"
        );
        assert_eq!(texts(&batch), ["{}", "{\"a\": \"\\udc00\"}", "{}"]);
    }

    #[test]
    fn lines_are_read_one_by_one() {
        let body = b"{\"a\":1}\n\n  \r\n{\"a\":\n{\"a\":\"\xff\"}\n{\"a\":2}";
        let batch = decode(body, Media::NdJson).unwrap();
        assert!(!batch.single);
        assert_eq!(batch.items.len(), 4);
        assert!(batch.items[0].value.is_ok() && batch.items[3].value.is_ok());
        let found = |n: usize| {
            batch.items[n]
                .value
                .as_ref()
                .unwrap_err()
                .found
                .clone()
                .unwrap()
        };
        assert_eq!(found(1), "line 4, column 5: EOF while parsing a value");
        assert_eq!(found(2), "line 5, column 7: bytes that are not UTF-8");
        assert_eq!(
            texts(&batch),
            ["{\"a\":1}", "{\"a\":", "{\"a\":\"\u{fffd}\"}", "{\"a\":2}"]
        );
        assert_eq!(refused("\n\n", Media::NdJson).code, "empty_body");
    }

    #[test]
    fn batches_and_events_have_bounds() {
        let many = format!("[{}{{}}]", "{},".repeat(MOST_EVENTS));
        let problem = refused(&many, Media::Json);
        assert_eq!(
            (problem.status, problem.code.as_str()),
            (413, "batch_too_large")
        );
        assert!(problem.detail.contains("10000"), "{}", problem.detail);
        let problem = refused("{}\n".repeat(MOST_EVENTS + 1), Media::NdJson);
        assert_eq!(
            (problem.status, problem.code.as_str()),
            (413, "batch_too_large")
        );
        let large = format!("{{\"data\":\"{}\"}}", "x".repeat(LARGEST_EVENT));
        assert_eq!(refused(&large, Media::Json).status, 413);
        let batch = decode(format!("[{large},{{}}]").as_bytes(), Media::Json).unwrap();
        assert_eq!(batch.items[0].value.as_ref().unwrap_err().code, "too_long");
        assert!(batch.items[1].value.is_ok());
    }

    #[test]
    fn cloudevents_modes_hold_what_they_say() {
        for (body, media) in [("[{}]", Media::CloudEvent), ("{}", Media::CloudEventBatch)] {
            let problem = refused(body, media);
            assert_eq!(
                (problem.status, problem.code.as_str()),
                (400, "invalid_event")
            );
        }
    }
}
