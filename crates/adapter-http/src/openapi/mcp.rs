//! `POST /mcp` in the document: only its envelope, because the tools describe themselves there.

use serde_json::{Map, Value, json};

use super::operation::SERVER;
use super::refusals::refusal;

/// What the door refuses with, before there is a message to answer.
const REFUSALS: [u16; 8] = [401, 403, 406, 408, 413, 415, 429, 503];

/// The operation.
pub(super) fn operation() -> Value {
    let mut responses = Map::new();
    responses.insert(
        "200".into(),
        answered("What was asked for; or an array of such, for a batch."),
    );
    let nothing = json!({ "description": "Taken, and nothing to say: it was a notification." });
    responses.insert("202".into(), nothing);
    let no_message = "No message, or not as its version of the protocol has it.";
    responses.insert("400".into(), answered(no_message));
    responses.insert("404".into(), answered("There is no such method."));
    for status in REFUSALS {
        responses.insert(status.to_string(), refusal(status));
    }
    json!({
        "operationId": "mcp",
        "tags": [SERVER],
        "summary": "Use the actions as tools of the Model Context Protocol",
        "description": "The Streamable HTTP transport of protocol versions 2025-03-26 to 2026-07-28, \
            without sessions and streams. Listed are the tools whose scope the token has; a tool's name is \
            the action's with `_` for `.`. What an action refuses is a result with `isError`; where a limit is the reason, `_meta` (or the \
            `data` of an error) and `Retry-After` say in how many seconds to come again. Needs a \
            bearer token; a browser's session will not do.",
        "security": [{ "bearer": [] }],
        "requestBody": { "required": true, "content": { "application/json": { "schema": message() } } },
        "responses": responses,
    })
}

fn message() -> Value {
    json!({
        "description": "A message of JSON-RPC 2.0. Version 2025-03-26 has batches: up to 50 of them in \
            an array.",
        "type": "object",
        "properties": {
            "jsonrpc": { "const": "2.0" },
            "id": {
                "description": "Absent in a notification.",
                "type": ["string", "integer"],
            },
            "method": { "type": "string" },
            "params": { "type": "object" },
        },
        "required": ["jsonrpc", "method"],
        "example": { "jsonrpc": "2.0", "id": 1, "method": "tools/list" },
    })
}

fn answered(description: &str) -> Value {
    let schema = json!({
        "type": ["object", "array"],
        "properties": {
            "jsonrpc": { "const": "2.0" },
            "id": { "type": ["string", "integer", "null"] },
            "result": { "type": "object" },
            "error": {
                "type": "object",
                "properties": {
                    "code": { "type": "integer" },
                    "message": { "type": "string" },
                    "data": {},
                },
                "required": ["code", "message"],
            },
        },
        "required": ["jsonrpc", "id"],
    });
    json!({
        "description": description,
        "content": { "application/json": { "schema": schema } },
    })
}
