//! A command's input: one JSON object in the body, read as strictly as a query.

use actix_web::HttpRequest;
use actix_web::http::header;
use pts_domain::FieldError;
use pts_domain::problem::{kind, nearest};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::events::{json_error, not_json};
use crate::problem::Refusal;

/// Reads a command's body. None at all stands for an input that says nothing.
///
/// # Errors
/// 415 for what is not sent as JSON, 400 for what is not JSON or not this input.
pub(super) fn read<T: DeserializeOwned>(
    req: &HttpRequest,
    body: &[u8],
    known: &[String],
) -> Result<T, Refusal> {
    if !req.query_string().is_empty() {
        let found = format!("{:?}", req.query_string());
        let error = FieldError::with_code("unknown", "the query", found, "everything in the body");
        return Err(Refusal::bad_input(vec![error]));
    }
    if body.iter().all(u8::is_ascii_whitespace) {
        return typed(Value::Object(Map::new()), known);
    }
    let content_type = req.headers().get(header::CONTENT_TYPE);
    let essence = content_type
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.split(';').next())
        .map(|text| text.trim().to_ascii_lowercase());
    if essence.as_deref() != Some("application/json") {
        let title = "Not in a form that is accepted";
        let detail = format!(
            "The body is sent as {}; expected application/json.",
            essence.as_deref().unwrap_or("nothing that is named")
        );
        return Err(Refusal::unsupported(
            "unsupported_media_type",
            title,
            detail,
        ));
    }
    let value: Value = serde_json::from_slice(body)
        .map_err(|error| not_json(json_error(&error, error.line(), error.column())))?;
    typed(value, known)
}

fn typed<T: DeserializeOwned>(value: Value, known: &[String]) -> Result<T, Refusal> {
    let Value::Object(object) = &value else {
        let error = FieldError::invalid("the body", kind(&value), "a JSON object");
        return Err(Refusal::bad_input(vec![error]));
    };
    let strangers: Vec<_> = object
        .iter()
        .filter(|(name, _)| !known.contains(name))
        .map(|(name, value)| unknown(name, value, known))
        .collect();
    if !strangers.is_empty() {
        return Err(Refusal::bad_input(strangers));
    }
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        let field = if path == "." { "the body" } else { &path };
        Refusal::bad_input(vec![FieldError::missing(field, error.inner().to_string())])
    })
}

fn unknown(name: &str, value: &Value, known: &[String]) -> FieldError {
    let expected = match nearest(name, known.iter().map(String::as_str)) {
        Some(near) => format!("`{near}`? Known here are {}", known.join(", ")),
        None => format!("one of {}", known.join(", ")),
    };
    FieldError::with_code("unknown", name, kind(value), expected)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use pts_api::actions::quarantine::{DiscardQuarantinedInput, ReplayQuarantineInput};
    use serde_json::json;

    use super::*;

    fn known(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn errors<T: DeserializeOwned>(body: &Value) -> Vec<FieldError> {
        let req = TestRequest::post()
            .insert_header((header::CONTENT_TYPE, "application/json; charset=utf-8"))
            .to_http_request();
        let body = body.to_string();
        match read::<T>(&req, body.as_bytes(), &known(&["ids", "reason"])) {
            Ok(_) => panic!("{body} was accepted"),
            Err(refusal) => refusal.into_problem().errors,
        }
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        let found = errors::<DiscardQuarantinedInput>(&json!({"ids": ["x"], "reason": "r"}));
        assert_eq!(found[0].field, "ids[0]");
        let found = errors::<DiscardQuarantinedInput>(&json!({"ids": [], "reasn": "r"}));
        assert_eq!((&*found[0].field, &*found[0].code), ("reasn", "unknown"));
        assert!(found[0].expected.starts_with("`reason`?"), "{found:?}");
        let found = errors::<DiscardQuarantinedInput>(&json!({"ids": []}));
        assert!(found[0].expected.contains("`reason`"), "{found:?}");
        let found = errors::<DiscardQuarantinedInput>(&json!([]));
        assert_eq!(found[0].field, "the body");
    }

    #[test]
    fn nothing_is_an_input_that_says_nothing_and_another_form_is_refused() {
        let empty = TestRequest::post().to_http_request();
        let input: ReplayQuarantineInput = read(&empty, b" \n", &[]).unwrap();
        assert_eq!(input, ReplayQuarantineInput::default());
        let status = |req: &HttpRequest, body: &[u8]| {
            let refused = read::<ReplayQuarantineInput>(req, body, &[]);
            refused.unwrap_err().into_problem().status
        };
        assert_eq!(status(&empty, b"{}"), 415);
        let form = TestRequest::post().insert_header((header::CONTENT_TYPE, "text/plain"));
        assert_eq!(status(&form.to_http_request(), b"{}"), 415);
        let asks = TestRequest::with_uri("/x?ids=1").to_http_request();
        assert_eq!(status(&asks, b""), 400);
    }
}
