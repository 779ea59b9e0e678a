//! What a body claims to be: its `Content-Type` and `Content-Encoding`, and a precise refusal of
//! what is not taken.

use actix_web::http::header::{self, HeaderMap, HeaderName};

use crate::problem::Refusal;

/// The forms in which events are accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Media {
    /// One event or an array, in the lenient native form.
    Json,
    /// One event a line, in the lenient native form.
    NdJson,
    /// One CloudEvent in structured mode.
    CloudEvent,
    /// CloudEvents in batch mode.
    CloudEventBatch,
    /// One CloudEvent in binary mode: attributes in headers, the body is its data.
    Binary,
}

/// How a body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Identity,
    Gzip,
    Zstd,
}

const ACCEPTED: &str = "application/json, application/x-ndjson, application/cloudevents+json, \
                        application/cloudevents-batch+json, or any type together with CloudEvents \
                        `ce-` headers";

/// A `Content-Type`, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ContentType {
    /// As it was sent.
    pub(super) text: String,
    /// Type and subtype in lower case.
    pub(super) essence: String,
    charset: Option<String>,
}

impl ContentType {
    /// The type that the headers state, if they do.
    pub(super) fn of(headers: &HeaderMap) -> Result<Option<Self>, Refusal> {
        let Some(value) = single(headers, &header::CONTENT_TYPE)? else {
            return Ok(None);
        };
        let mut parts = value.split(';');
        let essence = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
        let charset = parts
            .filter_map(|parameter| parameter.trim().split_once('='))
            .find(|(name, _)| name.trim().eq_ignore_ascii_case("charset"))
            .map(|(_, value)| value.trim().trim_matches('"').to_ascii_lowercase());
        Ok(Some(Self {
            text: value.trim().to_owned(),
            essence,
            charset,
        }))
    }

    /// Text other than UTF-8 is refused rather than guessed at.
    pub(super) fn check_charset(&self) -> Result<(), Refusal> {
        match self.charset.as_deref() {
            None | Some("utf-8" | "utf8" | "us-ascii") => Ok(()),
            Some(other) => Err(Refusal::unsupported(
                "unsupported_charset",
                "Not in this character set",
                format!("The body is said to be in {other}; only utf-8 is accepted."),
            )),
        }
    }

    pub(super) fn is_json(&self) -> bool {
        matches!(self.essence.as_str(), "application/json" | "text/json")
            || self.essence.ends_with("+json")
    }

    pub(super) fn is_text(&self) -> bool {
        self.essence.starts_with("text/")
    }
}

/// The form of a request's body.
pub(super) fn media(headers: &HeaderMap) -> Result<(Media, Option<ContentType>), Refusal> {
    let content_type = ContentType::of(headers)?;
    let essence = content_type
        .as_ref()
        .map_or("", |known| known.essence.as_str());
    let media = match essence {
        "application/cloudevents+json" => Media::CloudEvent,
        "application/cloudevents-batch+json" => Media::CloudEventBatch,
        _ if essence.starts_with("application/cloudevents") => return Err(unsupported(essence)),
        _ if headers.keys().any(|name| name.as_str().starts_with("ce-")) => Media::Binary,
        "" | "application/json" | "text/json" => Media::Json,
        "application/x-ndjson" | "application/ndjson" | "application/jsonl" => Media::NdJson,
        _ => return Err(unsupported(essence)),
    };
    if media != Media::Binary
        && let Some(content_type) = &content_type
    {
        content_type.check_charset()?;
    }
    Ok((media, content_type))
}

/// How a request's body is compressed.
pub(super) fn encoding(headers: &HeaderMap) -> Result<Encoding, Refusal> {
    let text = single(headers, &header::CONTENT_ENCODING)?.unwrap_or_default();
    match text.trim().to_ascii_lowercase().as_str() {
        "" | "identity" => Ok(Encoding::Identity),
        "gzip" | "x-gzip" => Ok(Encoding::Gzip),
        "zstd" => Ok(Encoding::Zstd),
        other => Err(Refusal::unsupported(
            "unsupported_encoding",
            "Not compressed in this way",
            format!("The body is compressed as `{other}`; accepted are gzip, zstd and identity."),
        )),
    }
}

fn single<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Option<&'h str>, Refusal> {
    let mut values = headers.get_all(name);
    let Some(value) = values.next() else {
        return Ok(None);
    };
    match (value.to_str(), values.next()) {
        (Ok(text), None) => Ok(Some(text)),
        _ => Err(Refusal::unsupported(
            "unsupported_media_type",
            "The body's form is not clear",
            format!("The header {name} must be there once, in plain text."),
        )),
    }
}

fn unsupported(essence: &str) -> Refusal {
    let hint = match essence {
        "application/x-www-form-urlencoded" => {
            " (`curl -d` says so unless told otherwise: add -H 'Content-Type: application/json')"
        }
        _ => "",
    };
    Refusal::unsupported(
        "unsupported_media_type",
        "Not in this form",
        format!("The body is said to be `{essence}`{hint}; accepted are {ACCEPTED}."),
    )
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            let value = HeaderValue::from_str(value).unwrap();
            headers.append(HeaderName::from_static(name), value);
        }
        headers
    }

    #[test]
    fn forms_are_told_apart_by_type_and_ce_headers() {
        let check = |pairs: &[(&'static str, &str)], expected| {
            assert_eq!(media(&headers(pairs)).unwrap().0, expected, "{pairs:?}");
        };
        check(&[], Media::Json);
        check(
            &[("content-type", "Application/JSON; charset=\"UTF-8\"")],
            Media::Json,
        );
        check(&[("content-type", "application/x-ndjson")], Media::NdJson);
        check(&[("content-type", "application/jsonl")], Media::NdJson);
        check(
            &[("content-type", "application/cloudevents+json")],
            Media::CloudEvent,
        );
        check(
            &[("content-type", "application/cloudevents-batch+json")],
            Media::CloudEventBatch,
        );
        check(&[("ce-specversion", "1.0")], Media::Binary);
        check(
            &[("ce-id", "1"), ("content-type", "image/png")],
            Media::Binary,
        );
        // The type wins over stray headers, as CloudEvents says.
        let both = [
            ("ce-id", "1"),
            ("content-type", "application/cloudevents+json"),
        ];
        check(&both, Media::CloudEvent);
    }

    #[test]
    fn other_types_charsets_and_encodings_are_refused_by_name() {
        let check = |pairs: &[(&'static str, &str)], code, word| {
            let headers = headers(pairs);
            let refused = media(&headers)
                .map(|_| ())
                .and(encoding(&headers).map(|_| ()));
            let problem = refused.unwrap_err().into_problem();
            assert_eq!(
                (problem.status, problem.code.as_str()),
                (415, code),
                "{pairs:?}"
            );
            assert!(problem.detail.contains(word), "{}", problem.detail);
        };
        check(
            &[("content-type", "text/xml")],
            "unsupported_media_type",
            "x-ndjson",
        );
        check(
            &[("content-type", "application/x-www-form-urlencoded")],
            "unsupported_media_type",
            "curl",
        );
        check(
            &[("content-type", "application/cloudevents+avro")],
            "unsupported_media_type",
            "cloudevents+json",
        );
        check(
            &[("content-type", "application/json; charset=latin1")],
            "unsupported_charset",
            "latin1",
        );
        check(&[("content-encoding", "br")], "unsupported_encoding", "br");
        check(
            &[("content-encoding", "gzip, zstd")],
            "unsupported_encoding",
            "gzip, zstd",
        );
        let twice = [
            ("content-type", "application/json"),
            ("content-type", "text/xml"),
        ];
        check(&twice, "unsupported_media_type", "once");
    }
}
