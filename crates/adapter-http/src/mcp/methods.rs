//! What can be asked: who the server is, which tools there are, and to use one.

use pts_services::ActionError;
use serde_json::{Map, Value, json};

use super::frame::{Code, Fault, Request};
use super::version::{self, Version};
use super::{Exchange, tools};

/// How long a client may keep what it was told of the server and its tools: as long as a token that
/// was taken back may go on being trusted by nobody but the client itself.
const KEEP_MS: u64 = 60_000;

/// Where a refusal says when it is worth trying again: in the `_meta` of a result, in the `data` of an
/// error. The HTTP response has it as `Retry-After`, too, which assistants hardly ever see.
pub(super) const RETRY_AFTER_S: &str = "retry_after_s";

const INSTRUCTIONS: &str = "The platform's memory: what was deployed where and when, what runs, \
    what changed, what failed. Every answer carries its `coverage`: which sources answered, how old \
    they are, and which periods are missing. If `coverage.complete` is false, say so, with the gaps, \
    before drawing conclusions; an empty list is then no proof that nothing happened. Lists are \
    newest first; `next_cursor` is the `cursor` of the next page. Times are RFC 3339 in UTC or spans \
    back from now such as `1h`. Errors are problem documents: `errors` names each field, what was \
    found and what is expected.";

/// Answers a request.
///
/// # Errors
/// It is no request that this version of the protocol has, or not as this server takes it.
pub(super) async fn answer(
    exchange: &mut Exchange<'_>,
    request: &Request,
    version: Version,
) -> Result<Value, Fault> {
    let modern = version.is_modern();
    if modern {
        version::check(exchange.req.headers(), request)?;
    }
    let mut result = match request.method.as_str() {
        "initialize" if !modern => greet(request)?,
        "ping" if !modern => json!({}),
        "server/discover" if modern => kept(json!({
            "supportedVersions": Version::spoken(),
            "capabilities": capabilities(),
            "instructions": INSTRUCTIONS,
        })),
        "tools/list" => {
            let listed = list(exchange, request)?;
            if modern { kept(listed) } else { listed }
        }
        "tools/call" => tools::call(exchange, request).await?,
        method => return Err(unknown(method)),
    };
    if modern {
        result["resultType"] = "complete".into();
        result["_meta"]["io.modelcontextprotocol/serverInfo"] = who();
    }
    Ok(result)
}

fn who() -> Value {
    json!({
        "name": "pts",
        "title": "Platform Telemetry Service",
        "version": env!("CARGO_PKG_VERSION"),
    })
}

fn capabilities() -> Value {
    json!({ "tools": {} })
}

/// A result that a client may keep for itself: what there is depends on the token.
fn kept(mut result: Value) -> Value {
    result["ttlMs"] = KEEP_MS.into();
    result["cacheScope"] = "private".into();
    result
}

fn greet(request: &Request) -> Result<Value, Fault> {
    let asked = request.params.get("protocolVersion");
    let Some(Value::String(asked)) = asked else {
        let (place, expected) = ("params.protocolVersion", "a version such as \"2025-11-25\"");
        return Err(Fault::misfit(place, asked, expected));
    };
    Ok(json!({
        "protocolVersion": Version::greeted_with(asked).to_string(),
        "capabilities": capabilities(),
        "serverInfo": who(),
        "instructions": INSTRUCTIONS,
    }))
}

fn list(exchange: &mut Exchange<'_>, request: &Request) -> Result<Value, Fault> {
    // All of them are one page, so no cursor was ever given.
    match request.params.get("cursor") {
        None | Some(Value::Null) => {
            let tools = tools::of_principal(&exchange.shared.gateway, &exchange.principal);
            let tools = tools.map_err(|error| limited(exchange, error))?;
            Ok(json!({ "tools": tools }))
        }
        cursor => Err(Fault::misfit(
            "params.cursor",
            cursor,
            "none: all tools are one page",
        )),
    }
}

/// What is said where a result cannot say it: the problem, and when to come again.
fn limited(exchange: &mut Exchange<'_>, error: ActionError) -> Fault {
    let (problem, retry_after_s) = exchange.refuse(error.into());
    let message = problem.detail.clone();
    let mut data = json!(problem);
    if let Some(retry_after_s) = retry_after_s {
        data[RETRY_AFTER_S] = retry_after_s.into();
    }
    Fault::new(Code::Limited, message).with_data(data)
}

fn unknown(method: &str) -> Fault {
    let shown: String = method.chars().take(100).collect();
    let detail = format!("No method is called {shown:?}; there are tools/list and tools/call.");
    Fault::new(Code::MethodNotFound, detail)
}

/// The arguments of a call; none at all stand for an input that says nothing.
pub(super) fn arguments(params: &Map<String, Value>) -> Result<Value, Fault> {
    match params.get("arguments") {
        None | Some(Value::Null) => Ok(Value::Object(Map::new())),
        Some(arguments @ Value::Object(_)) => Ok(arguments.clone()),
        odd => Err(Fault::misfit("params.arguments", odd, "a JSON object")),
    }
}
