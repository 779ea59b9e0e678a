//! Signing in from a command line in the document: open to everybody, because nobody is known yet.

use pts_api::{DevicePoll, DevicePolled, DeviceStart, DeviceStarted};
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::operation::{SERVER, schema};
use super::refusals::refusal;

/// What the two may be refused with.
const START: [u16; 5] = [400, 404, 413, 415, 503];
const POLL: [u16; 7] = [400, 401, 403, 404, 413, 415, 503];

/// The operations, by their paths.
pub(super) fn operations(generator: &mut SchemaGenerator) -> [(&'static str, Value); 2] {
    let start = operation::<DeviceStart, DeviceStarted>(
        generator,
        "device_start",
        "Begin to sign in from a command line",
        "The person opens `verification_uri` in any browser and signs in with the identity provider. \
         Answered 404 with the code `sign_in_off` where there is none.",
        &START,
    );
    let poll = operation::<DevicePoll, DevicePolled>(
        generator,
        "device_poll",
        "Ask whether the person has signed in",
        "Ask every `interval_s` seconds. 400 with the code `sign_in_expired` when the codes are too \
         old, 403 when the person said no or has no role here.",
        &POLL,
    );
    [(DeviceStart::PATH, start), (DevicePoll::PATH, poll)]
}

fn operation<I: JsonSchema, O: JsonSchema>(
    generator: &mut SchemaGenerator,
    id: &str,
    summary: &str,
    description: &str,
    refusals: &[u16],
) -> Value {
    let content = |schema: Value| json!({ "application/json": { "schema": schema } });
    let mut responses = Map::new();
    let answered =
        json!({ "description": "What to do now.", "content": content(schema::<O>(generator)) });
    responses.insert("200".into(), answered);
    for status in refusals {
        responses.insert(status.to_string(), refusal(*status));
    }
    json!({
        "operationId": id,
        "tags": [SERVER],
        "summary": summary,
        "description": description,
        "security": [],
        "requestBody": { "required": false, "content": content(schema::<I>(generator)) },
        "responses": responses,
    })
}
