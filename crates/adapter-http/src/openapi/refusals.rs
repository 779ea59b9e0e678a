//! The answers that refuse: the same problem document for every operation, under the statuses that
//! apply to it.

use serde_json::{Map, Value, json};

/// What any action may refuse with.
pub(super) const ALWAYS: [u16; 5] = [400, 401, 403, 429, 503];

const REFUSALS: [(u16, &str, &str); 13] = [
    (400, "BadRequest", "The request is not valid: see `errors`."),
    (401, "Unauthenticated", "No token, or one that is not good."),
    (403, "Denied", "The token does not allow this."),
    (404, "NotFound", "Not known here."),
    (
        406,
        "NotAcceptable",
        "In no form that the request asks for.",
    ),
    (408, "TooSlow", "The body was not complete in time."),
    (
        409,
        "Conflict",
        "Things are not so that it can be done, or what was named stands for several: see `code`.",
    ),
    (413, "TooLarge", "More than one request may hold."),
    (415, "Unsupported", "Not in a form that is accepted."),
    (
        428,
        "Unconfirmed",
        "Nothing was done: `preview` tells what would be, and `confirm` how to go on.",
    ),
    (
        429,
        "TooMuch",
        "This token has taken as much as it may, and nothing of this was done: try again after \
         `Retry-After`. With the code `limited`, `RateLimit-Policy` says how much that is.",
    ),
    (
        503,
        "Unavailable",
        "Not at the moment: try again after `Retry-After`. With the code `overloaded`, too much is \
         waiting already, and nothing of this was stored; with `audit_unavailable`, it could not be \
         written down who does this, and nothing was changed.",
    ),
    (
        504,
        "TimedOut",
        "Not answered within the time that a question may take: ask for less.",
    ),
];

/// The answer of that status, by reference.
pub(super) fn refusal(status: u16) -> Value {
    let named = REFUSALS.iter().find(|(known, ..)| *known == status);
    let name = named.map_or("BadRequest", |(_, name, _)| name);
    json!({ "$ref": format!("#/components/responses/{name}") })
}

/// The answers that refuse, for all operations.
pub(super) fn all() -> Map<String, Value> {
    let problem = json!({ "$ref": "#/components/schemas/Problem" });
    let content = json!({ "application/problem+json": { "schema": problem } });
    REFUSALS
        .iter()
        .map(|(status, name, _)| ((*name).to_owned(), describe(*status, &content)))
        .collect()
}

/// The answer of that status, with this content.
pub(super) fn describe(status: u16, content: &Value) -> Value {
    let named = REFUSALS.iter().find(|(known, ..)| *known == status);
    let description = named.map_or("Refused.", |(.., description)| description);
    let mut response = json!({ "description": description, "content": content });
    if matches!(status, 429 | 503) {
        response["headers"] = json!({
            "Retry-After": { "schema": { "type": "integer" }, "description": "Seconds." },
        });
    }
    if status == 429 {
        for name in ["RateLimit", "RateLimit-Policy"] {
            response["headers"][name] = json!({
                "schema": { "type": "string" },
                "description": "As draft-ietf-httpapi-ratelimit-headers has it; with the code \
                                `limited`.",
            });
        }
    }
    response
}
