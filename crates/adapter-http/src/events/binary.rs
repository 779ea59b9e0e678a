//! CloudEvents in binary mode: attributes in `ce-` headers, data in the body.

use actix_web::http::header::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use pts_domain::FieldError;
use pts_domain::event::Form;
use pts_domain::problem::summary;
use pts_services::LARGEST_EVENT;
use serde_json::{Map, Value};

use super::decode::{self, Batch};
use super::media::ContentType;
use crate::problem::Refusal;

/// Puts the event together again, as structured mode would have it.
///
/// # Errors
/// 400 for headers that are not attributes, and for data that is not what its type says.
pub(super) fn event(
    headers: &HeaderMap,
    content_type: Option<&ContentType>,
    body: &[u8],
) -> Result<Batch, Refusal> {
    let mut event = attributes(headers).map_err(|errors| {
        let title = "The event is not valid";
        Refusal::bad_request("invalid_event", title, summary(&errors)).with_errors(errors)
    })?;
    if let Some(content_type) = content_type {
        event.insert(
            "datacontenttype".to_owned(),
            content_type.text.clone().into(),
        );
    }
    if body.len() > LARGEST_EVENT {
        return Err(Refusal::too_large(
            "event_too_large",
            "The event is too large",
            format!(
                "The data has {} bytes; an event may have {LARGEST_EVENT}.",
                body.len()
            ),
        ));
    }
    if !body.is_empty() {
        match content_type {
            Some(other) if !other.is_json() && !other.is_text() => {
                event.insert("data_base64".to_owned(), STANDARD.encode(body).into());
            }
            Some(text) if !text.is_json() => {
                text.check_charset()?;
                event.insert("data".to_owned(), decode::text(body)?.into());
            }
            // Without a type, data is JSON.
            json => {
                json.map_or(Ok(()), ContentType::check_charset)?;
                event.insert("data".to_owned(), decode::value(body)?);
            }
        }
    }
    Ok(Batch {
        items: vec![Value::Object(event).into()],
        single: true,
        form: Form::CloudEvents,
    })
}

fn attributes(headers: &HeaderMap) -> Result<Map<String, Value>, Vec<FieldError>> {
    let mut event = Map::new();
    let mut errors = Vec::new();
    for (header, value) in headers {
        let Some(name) = header.as_str().strip_prefix("ce-") else {
            continue;
        };
        let found = String::from_utf8_lossy(value.as_bytes());
        let mut wrong = |expected: &str| {
            errors.push(FieldError::invalid(header.as_str(), &found, expected));
        };
        if matches!(name, "data" | "data_base64") {
            wrong("the data in the body");
            continue;
        }
        if name == "datacontenttype" {
            wrong("the type of the data in Content-Type");
            continue;
        }
        match value.to_str().map_err(|_| ()).and_then(decoded) {
            Err(()) => wrong("printable ASCII, anything else as percent-encoded UTF-8"),
            Ok(text) => {
                if event.insert(name.to_owned(), text.into()).is_some() {
                    wrong("it once");
                }
            }
        }
    }
    if errors.is_empty() {
        Ok(event)
    } else {
        Err(errors)
    }
}

/// A header's text: quotes undone, then percent signs, once.
fn decoded(text: &str) -> Result<String, ()> {
    let text = text.trim();
    let quoted = text
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    let unquoted = match quoted {
        None => text.to_owned(),
        Some(inside) => {
            let mut letters = inside.chars();
            let mut unquoted = String::with_capacity(inside.len());
            while let Some(letter) = letters.next() {
                unquoted.push(if letter == '\\' {
                    letters.next().ok_or(())?
                } else {
                    letter
                });
            }
            unquoted
        }
    };
    percent_decode_str(&unquoted)
        .decode_utf8()
        .map(Into::into)
        .map_err(|_| ())
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
    use serde_json::json;

    use super::*;

    fn read(pairs: &[(&'static str, &str)], body: &[u8]) -> Result<Value, Refusal> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(
                HeaderName::from_static(name),
                HeaderValue::from_bytes(value.as_bytes()).unwrap(),
            );
        }
        assert_eq!(
            headers.contains_key(CONTENT_TYPE),
            pairs.iter().any(|p| p.0 == "content-type")
        );
        let content_type = ContentType::of(&headers)?;
        let mut batch = event(&headers, content_type.as_ref(), body)?;
        assert!(batch.single && batch.form == Form::CloudEvents);
        Ok(batch.items.remove(0).value.unwrap())
    }

    #[test]
    fn headers_become_attributes_and_the_body_data() {
        let event = read(
            &[
                ("ce-specversion", "1.0"),
                ("ce-type", "com.acme.x"),
                ("ce-subject", "Euro%20%E2%82%AC%20%F0%9F%98%80"),
                ("ce-note", "\"a \\\"quoted\\\" text\""),
                ("content-type", "application/json; charset=utf-8"),
                ("x-other", "ignored"),
            ],
            b"{\"n\":1}",
        )
        .unwrap();
        assert_eq!(
            event,
            json!({
                "specversion": "1.0",
                "type": "com.acme.x",
                "subject": "Euro € 😀",
                "note": "a \"quoted\" text",
                "datacontenttype": "application/json; charset=utf-8",
                "data": {"n": 1},
            })
        );
    }

    #[test]
    fn data_is_kept_as_its_type_says() {
        let data = |content_type, body: &[u8]| {
            read(&[("ce-id", "1"), ("content-type", content_type)], body).unwrap()
        };
        assert_eq!(data("text/plain", "ä".as_bytes())["data"], "ä");
        assert_eq!(
            data("application/vnd.acme+json", b"[1]")["data"],
            json!([1])
        );
        assert_eq!(
            data("application/octet-stream", &[0, 255])["data_base64"],
            "AP8="
        );
        assert_eq!(read(&[("ce-id", "1")], b"7").unwrap()["data"], 7);
        assert!(read(&[("ce-id", "1")], b"").unwrap().get("data").is_none());
    }

    #[test]
    fn headers_and_data_that_are_not_what_they_say_are_refused() {
        let check = |pairs: &[(&'static str, &str)], body: &[u8], status, word: &str| {
            let problem = read(pairs, body).unwrap_err().into_problem();
            assert_eq!(problem.status, status, "{problem:?}");
            assert!(problem.detail.contains(word), "{problem:?}");
        };
        check(&[("ce-subject", "%ff")], b"", 400, "ce-subject");
        check(&[("ce-subject", "ä")], b"", 400, "ce-subject");
        check(&[("ce-id", "1"), ("ce-id", "2")], b"", 400, "it once");
        check(
            &[("ce-datacontenttype", "text/plain")],
            b"",
            400,
            "Content-Type",
        );
        check(&[("ce-data", "1")], b"", 400, "in the body");
        check(&[("ce-id", "1")], b"{", 400, "line 1");
        check(
            &[("ce-id", "1"), ("content-type", "text/plain")],
            b"\xff",
            400,
            "UTF-8",
        );
        let latin = [
            ("ce-id", "1"),
            ("content-type", "text/plain; charset=latin1"),
        ];
        check(&latin, b"x", 415, "latin1");
    }
}
