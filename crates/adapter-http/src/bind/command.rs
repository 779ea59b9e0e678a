//! A command's input: one JSON object in the body, read as strictly as a query.

use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::http::header;
use pts_domain::FieldError;
use pts_services::input::Fields;
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
    fields: &Arc<Fields>,
) -> Result<impl FnOnce(Vec<u8>) -> Result<T, Refusal> + Send + use<T>, Refusal> {
    if !req.query_string().is_empty() {
        let found = format!("{:?}", req.query_string());
        let error = FieldError::with_code("unknown", "the query", found, "everything in the body");
        return Err(Refusal::bad_input(vec![error]));
    }
    Ok(parse(req, fields))
}

/// What reads a body, wherever that is done: as JSON, and as these fields.
pub(super) fn parse<T: DeserializeOwned>(
    req: &HttpRequest,
    fields: &Arc<Fields>,
) -> impl FnOnce(Vec<u8>) -> Result<T, Refusal> + Send + use<T> {
    let (is_json, fields) = (expects_json(req), Arc::clone(fields));
    move |body| {
        let value = if body.iter().all(u8::is_ascii_whitespace) {
            Value::Object(Map::new())
        } else {
            is_json?;
            serde_json::from_slice(&body)
                .map_err(|error| not_json(json_error(&error, error.line(), error.column())))?
        };
        fields.read(&value, "the body").map_err(Refusal::bad_input)
    }
}

/// Checks that a body is sent as JSON.
///
/// # Errors
/// 415.
pub(crate) fn expects_json(req: &HttpRequest) -> Result<(), Refusal> {
    let content_type = req.headers().get(header::CONTENT_TYPE);
    let essence = content_type
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.split(';').next())
        .map(|text| text.trim().to_ascii_lowercase());
    if essence.as_deref() == Some("application/json") {
        return Ok(());
    }
    let title = "Not in a form that is accepted";
    let detail = format!(
        "The body is sent as {}; expected application/json.",
        essence.as_deref().unwrap_or("nothing that is named")
    );
    Err(Refusal::unsupported(
        "unsupported_media_type",
        title,
        detail,
    ))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use pts_api::actions::quarantine::{DiscardQuarantinedInput, ReplayQuarantineInput};
    use serde_json::json;

    use super::*;

    #[test]
    fn a_command_is_read_by_the_schema_of_its_input() {
        let req = TestRequest::post()
            .insert_header((header::CONTENT_TYPE, "application/json; charset=utf-8"))
            .to_http_request();
        let fields = Arc::new(Fields::of::<DiscardQuarantinedInput>());
        let errors = |body: &Value| {
            let read = read::<DiscardQuarantinedInput>(&req, &fields).ok().unwrap();
            let read = read(body.to_string().into_bytes());
            read.unwrap_err().into_problem().errors
        };
        assert_eq!(
            errors(&json!({"ids": ["x"], "reason": "r"}))[0].field,
            "ids[0]"
        );
        assert_eq!(errors(&json!([]))[0].field, "the body");
    }

    #[test]
    fn nothing_is_an_input_that_says_nothing_and_another_form_is_refused() {
        let empty = TestRequest::post().to_http_request();
        let fields = Arc::new(Fields::of::<ReplayQuarantineInput>());
        let read = |req: &HttpRequest, body: &[u8]| -> Result<ReplayQuarantineInput, Refusal> {
            read(req, &fields)?(body.to_vec())
        };
        assert_eq!(
            read(&empty, b" \n").unwrap(),
            ReplayQuarantineInput::default()
        );
        let status =
            |req: &HttpRequest, body: &[u8]| read(req, body).unwrap_err().into_problem().status;
        assert_eq!(status(&empty, b"{}"), 415);
        let form = TestRequest::post().insert_header((header::CONTENT_TYPE, "text/plain"));
        assert_eq!(status(&form.to_http_request(), b"{}"), 415);
        let asks = TestRequest::with_uri("/x?ids=1").to_http_request();
        assert_eq!(status(&asks, b""), 400);
    }
}
