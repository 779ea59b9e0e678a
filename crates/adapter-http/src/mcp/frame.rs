//! JSON-RPC 2.0 as the protocol uses it: one message apart into what matters of it, and answers and
//! faults together again.

use std::fmt;

use actix_web::http::StatusCode;
use pts_domain::problem::kind;
use serde_json::{Map, Value, json};

/// A message from a client.
#[derive(Debug, PartialEq)]
pub(super) enum Frame {
    /// Wants an answer.
    Request(Request),
    /// Wants none; none of them says anything that a server without sessions would need.
    Notification,
    /// Answers something that was never asked.
    Response,
}

/// A message that wants an answer.
#[derive(Debug, PartialEq)]
pub(super) struct Request {
    /// A text or a whole number.
    pub(super) id: Value,
    pub(super) method: String,
    pub(super) params: Map<String, Value>,
}

/// The codes of faults: JSON-RPC's own, and those of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Code {
    Parse,
    InvalidRequest,
    MethodNotFound,
    InvalidParams,
    /// The token may not ask again yet: a server's own code, as JSON-RPC leaves room for.
    Limited,
    HeaderMismatch,
    UnsupportedVersion,
}

impl Code {
    const fn number(self) -> i32 {
        match self {
            Self::Parse => -32700,
            Self::InvalidRequest => -32600,
            Self::MethodNotFound => -32601,
            Self::InvalidParams => -32602,
            Self::Limited => -32000,
            Self::HeaderMismatch => -32020,
            Self::UnsupportedVersion => -32022,
        }
    }

    /// The HTTP status. Older versions answer whatever is a request with 200, and their clients take
    /// anything else for a broken transport.
    pub(super) const fn status(self, modern: bool) -> StatusCode {
        match self {
            Self::MethodNotFound if modern => StatusCode::NOT_FOUND,
            Self::MethodNotFound | Self::InvalidParams if !modern => StatusCode::OK,
            // As a tool that is limited: the transport works, and whoever asked shall read when to come.
            Self::Limited => StatusCode::OK,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

/// Why a message is not answered as it wants.
#[derive(Debug, PartialEq)]
pub(super) struct Fault {
    pub(super) code: Code,
    message: String,
    data: Option<Box<Value>>,
}

impl Fault {
    pub(super) fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            data: None,
        }
    }

    /// A part of the message is not as expected.
    pub(super) fn misfit(part: &str, found: Option<&Value>, expected: impl fmt::Display) -> Self {
        Self::new(Code::InvalidParams, misfit(part, found, expected))
    }

    pub(super) fn with_data(self, data: Value) -> Self {
        Self {
            data: Some(Box::new(data)),
            ..self
        }
    }
}

fn misfit(part: &str, found: Option<&Value>, expected: impl fmt::Display) -> String {
    match found {
        None => format!("{part}: missing; expected {expected}."),
        Some(value) => format!("{part}: found {}; expected {expected}.", kind(value)),
    }
}

/// Reads a message.
///
/// # Errors
/// What is wrong with it, and whom to tell: the id, or null where it has none that could be read.
pub(super) fn read(message: &Value) -> Result<Frame, (Value, Fault)> {
    let id = id_of(message);
    let wrong = |part, found, expected| {
        let fault = Fault::new(Code::InvalidRequest, misfit(part, found, expected));
        (id.clone(), fault)
    };
    let Value::Object(object) = message else {
        return Err(wrong("the message", Some(message), "a JSON object"));
    };
    let version = object.get("jsonrpc");
    if version != Some(&Value::from("2.0")) {
        return Err(wrong("jsonrpc", version, "\"2.0\""));
    }
    let method = match object.get("method") {
        Some(Value::String(method)) => method,
        None if object.contains_key("result") || object.contains_key("error") => {
            return Ok(Frame::Response);
        }
        method => return Err(wrong("method", method, "a text")),
    };
    let params = match object.get("params") {
        None => Map::new(),
        Some(Value::Object(params)) => params.clone(),
        params => {
            let fault = Fault::misfit("params", params, "a JSON object");
            return Err((id, fault));
        }
    };
    match object.get("id") {
        None => Ok(Frame::Notification),
        Some(_) if !id.is_null() => Ok(Frame::Request(Request {
            id,
            method: method.clone(),
            params,
        })),
        odd => Err(wrong("id", odd, "a text or a whole number")),
    }
}

/// The id of a message; null if it has none that may be one.
pub(super) fn id_of(message: &Value) -> Value {
    let id = message.get("id");
    let good = id.filter(|id| id.is_string() || id.is_i64() || id.is_u64());
    good.cloned().unwrap_or_default()
}

/// The answer to a request.
pub(super) fn answered(id: &Value, result: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "result": result })
}

/// The answer to what cannot be answered.
pub(super) fn refused(id: &Value, fault: Fault) -> Value {
    let mut error = json!({ "code": fault.code.number(), "message": fault.message });
    if let Some(data) = fault.data {
        error["data"] = *data;
    }
    json!({ "jsonrpc": "2.0", "id": id, "error": error })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_a_request_a_notification_or_a_response() {
        let request = read(&json!({ "jsonrpc": "2.0", "id": "a", "method": "ping" }));
        let Ok(Frame::Request(request)) = request else {
            panic!("{request:?}");
        };
        assert_eq!(
            (request.id, request.method),
            (json!("a"), "ping".to_owned())
        );
        assert!(request.params.is_empty());
        let check = |message: Value, expected: Frame| assert_eq!(read(&message), Ok(expected));
        check(
            json!({ "jsonrpc": "2.0", "method": "x" }),
            Frame::Notification,
        );
        check(
            json!({ "jsonrpc": "2.0", "id": 1, "result": {} }),
            Frame::Response,
        );
        check(
            json!({ "jsonrpc": "2.0", "id": 1, "error": {} }),
            Frame::Response,
        );
    }

    #[test]
    fn what_is_no_message_is_refused_with_its_place_and_what_is_expected() {
        let check = |message: Value, id: Value, code: Code, text: &str| {
            let (told, fault) = read(&message).unwrap_err();
            assert_eq!((told, fault.code), (id, code), "{message}");
            assert!(fault.message.contains(text), "{}", fault.message);
        };
        let none = || Value::Null;
        let bad = Code::InvalidRequest;
        check(json!(7), none(), bad, "the message: found a number");
        check(
            json!({ "id": 1, "method": "x" }),
            json!(1),
            bad,
            "jsonrpc: missing",
        );
        check(
            json!({ "jsonrpc": "1.0", "id": 1 }),
            json!(1),
            bad,
            "\"2.0\"",
        );
        let nameless = json!({ "jsonrpc": "2.0", "id": 1 });
        check(nameless, json!(1), bad, "method: missing");
        let odd = json!({ "jsonrpc": "2.0", "id": 1, "method": 7 });
        check(odd, json!(1), bad, "method: found a number");
        let listed = json!({ "jsonrpc": "2.0", "id": 1, "method": "x", "params": [] });
        check(
            listed,
            json!(1),
            Code::InvalidParams,
            "params: found an array",
        );
        for id in [none(), json!(1.5), json!({}), json!(true)] {
            let message = json!({ "jsonrpc": "2.0", "id": id, "method": "x" });
            check(message, none(), bad, "id: found");
        }
    }
}
