//! Any action by its name, and that it is the same action as on its route: the same answer, the same
//! refusals, and both as the API's description says.

use pts_api::{ActionSpec, Binding, CONFIRM_HEADER, Method as ApiMethod};
use pts_domain::access::Scope;
use pts_domain::retention::Month;
use pts_ports::{Remover, RetentionRun};
use pts_testkit::generate::platform;
use reqwest::Method;
use serde_json::{Value, json};

use super::support::{Reply, Server, foreign};

/// A server in front of the platform that examples speak of.
pub(super) async fn on_the_platform() -> Server {
    let server = Server::start().await;
    server.clock.set(platform::now());
    platform::seed_all(&*server.store).await;
    server.gateway.read_record().await.unwrap();
    server
}

/// The path and query that say what an input says.
fn route(action: &ActionSpec, input: &Value) -> String {
    let mut path = action.path.to_owned();
    let mut query = Query(Vec::new());
    for (name, value) in input.as_object().unwrap() {
        let place = format!("{{{name}}}");
        match value {
            Value::String(text) if path.contains(&place) => path = path.replace(&place, text),
            Value::Array(items) => items.iter().for_each(|item| query.add(name, item)),
            Value::Object(map) => map
                .iter()
                .for_each(|(key, item)| query.add(&format!("{name}.{key}"), item)),
            value => query.add(name, value),
        }
    }
    format!("{path}?{}", query.0.join("&"))
}

struct Query(Vec<String>);

impl Query {
    fn add(&mut self, name: &str, value: &Value) {
        let text = value
            .as_str()
            .map_or_else(|| value.to_string(), ToOwned::to_owned);
        self.0.push(format!("{name}={}", text.replace('+', "%2B")));
    }
}

/// What confirms the preview that a risky action is answered with first.
fn confirms(action: &ActionSpec, reply: &Reply, confirm: &Value) -> Option<String> {
    assert_eq!(
        reply.status == 428,
        action.risky,
        "{}: {}",
        action.name,
        reply.body
    );
    action
        .risky
        .then(|| confirm["token"].as_str().expect(action.name).to_owned())
}

/// What the example of an action is answered by its name.
async fn by_its_name(server: &Server, action: &ActionSpec, example: &Value) -> Reply {
    let reply = server.call(action.name, example).await;
    let confirm = &reply.body["error"]["details"]["confirm"];
    let Some(token) = confirms(action, &reply, confirm) else {
        return reply;
    };
    let call = json!({ "actionKey": action.name, "payload": example, "confirm": token });
    Reply::of(server.post("/v1/actions").json(&call)).await
}

/// What the example of an action is answered over its own route.
async fn over_its_route(server: &Server, action: &ActionSpec, example: &Value) -> Reply {
    match action.binding {
        Binding::Ingest => {
            let path = format!("{}?validate=only", action.path);
            Reply::of(server.post(&path).json(&json!([example["events"]]))).await
        }
        Binding::Command => {
            let reply = Reply::of(server.post(action.path).json(example)).await;
            let Some(token) = confirms(action, &reply, &reply.body["confirm"]) else {
                return reply;
            };
            let request = server.post(action.path).header(CONFIRM_HEADER, token);
            Reply::of(request.json(example)).await
        }
        Binding::Query | Binding::Stream | Binding::Download | Binding::Feed => {
            Reply::of(server.get(&route(action, example))).await
        }
    }
}

#[tokio::test]
async fn an_action_is_the_same_by_name_and_by_route_and_as_it_is_described() {
    let document = pts_adapter_http::openapi_document();
    for action in pts_api::actions::all() {
        if action.binding == Binding::Stream {
            continue;
        }
        let example = (action.example)();
        // Each on a platform of its own, since some of them change it.
        let by_route = over_its_route(&on_the_platform().await, &action, &example).await;
        let by_name = by_its_name(&on_the_platform().await, &action, &example).await;
        assert_eq!(by_route.status, 200, "{}: {}", action.name, by_route.body);
        if action.binding.has_own_route_only() {
            by_name.is_failure(400, "own_route");
            let media_type = by_route.headers["content-type"].to_str().unwrap();
            let media_type = media_type.split(';').next().unwrap_or_default();
            assert!(action.media_types.contains(&media_type), "{media_type}");
            continue;
        }
        assert_eq!(by_name.status, 200, "{}: {}", action.name, by_name.body);
        assert_eq!(by_name.body["ok"], true);
        assert_eq!(
            by_name.body["meta"]["requestId"],
            by_name.headers["x-request-id"].to_str().unwrap()
        );
        if action.binding == Binding::Ingest {
            assert_eq!(by_name.body["data"], by_route.body);
        } else {
            assert_eq!(
                by_name.body["data"], by_route.body["data"],
                "{}",
                action.name
            );
            assert_eq!(
                by_name.body["meta"]["coverage"], by_route.body["coverage"],
                "{}",
                action.name
            );
        }
        let method = match action.method {
            ApiMethod::Get => "get",
            ApiMethod::Post => "post",
        };
        described(&document, action.path, method, &by_route);
        described(&document, "/v1/actions", "post", &by_name);
        let call = json!({ "actionKey": action.name, "payload": example });
        let schema = json!({ "$ref": "#/components/schemas/Call" });
        valid(&document, &schema, &call, "a call");
    }
}

/// Checks that an answer is as the document describes it.
#[track_caller]
fn described(document: &Value, path: &str, method: &str, reply: &Reply) {
    let status = reply.status.to_string();
    let mut response = &document["paths"][path][method]["responses"][&status];
    if let Some(target) = response["$ref"].as_str() {
        response = document.pointer(&target[1..]).unwrap();
    }
    let content_type = reply.headers["content-type"].to_str().unwrap();
    let schema = &response["content"][content_type]["schema"];
    assert!(
        schema.is_object(),
        "{method} {path} {status} {content_type} is not described"
    );
    valid(document, schema, &reply.body, path);
}

#[track_caller]
fn valid(document: &Value, schema: &Value, value: &Value, what: &str) {
    let mut schema = schema.clone();
    schema["components"] = document["components"].clone();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    let errors: Vec<_> = validator
        .iter_errors(value)
        .map(|error| format!("{error} at {}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{what}: {value}: {errors:#?}");
}

#[tokio::test]
async fn a_call_that_is_refused_says_why_in_its_own_form() {
    let document = pts_adapter_http::openapi_document();
    let server = on_the_platform().await;
    let check = |reply: &Reply, status, code| {
        reply.is_failure(status, code);
        described(&document, "/v1/actions", "post", reply);
    };
    let error = |reply: &Reply| reply.body["error"].clone();

    let unknown = server.call("platform.event.search", &json!({})).await;
    check(&unknown, 404, "unknown_action");
    let message = error(&unknown)["message"].to_string();
    assert!(
        message.contains("did you mean platform.events.search?"),
        "{message}"
    );
    let by_route = Reply::of(server.get("/v1/actions/platform.event.search")).await;
    by_route.is_problem(404, "unknown_action");

    for (key, payload, field, found, expected) in [
        (
            "platform.events.search",
            json!({"limit": 0}),
            "payload.limit",
            "0",
            "1 to 1000",
        ),
        (
            "platform.events.search",
            json!({"limit": "5"}),
            "payload.limit",
            "\"5\"",
            "a whole number from 1 to 1000",
        ),
        (
            "platform.events.search",
            json!({"servise": "x"}),
            "payload.servise",
            "\"x\"",
            "`service`?",
        ),
        (
            "platform.events.search",
            json!({"data": {"a": 1}}),
            "payload.data.a",
            "1",
            "a text",
        ),
        (
            "platform.events.get",
            json!({"id": "x"}),
            "payload.id",
            "\"x\"",
            "a UUID",
        ),
        (
            "platform.events.search",
            json!([]),
            "payload",
            "an array",
            "a JSON object",
        ),
    ] {
        let reply = server.call(key, &payload).await;
        check(&reply, 400, "invalid_input");
        let first = &error(&reply)["details"]["errors"][0];
        assert_eq!(
            (&first["field"], &first["found"]),
            (&json!(field), &json!(found)),
            "{first}"
        );
        let said = first["expected"].as_str().unwrap();
        assert!(said.starts_with(expected), "{first}");
    }
    let missing = server.call("platform.events.get", &json!({})).await;
    check(&missing, 400, "invalid_input");
    assert_eq!(
        error(&missing)["details"]["errors"][0]["field"],
        "payload.id"
    );

    let stream = server.call("platform.events.stream", &json!({})).await;
    check(&stream, 400, "own_route");
    let nothing = server
        .call("platform.services.get", &json!({"name": "none"}))
        .await;
    check(&nothing, 404, "not_found");
    let alone = json!({"events": {"type": "deployment.strated", "source": "ci", "data": {}}});
    let alone = server.call("platform.events.append", &alone).await;
    check(&alone, 400, "invalid_event");
    assert!(error(&alone)["details"]["quarantine_id"].is_string());
}

#[tokio::test]
async fn a_call_is_an_object_of_known_fields_sent_as_json() {
    let server = Server::start().await;
    let call = async |query: &str, content_type: &str, body: String| {
        let request = server
            .post(&format!("/v1/actions{query}"))
            .header("content-type", content_type)
            .body(body);
        Reply::of(request).await
    };
    let good = json!({ "actionKey": "platform.events.search" }).to_string();
    assert_eq!(call("", "application/json", good.clone()).await.status, 200);
    assert_eq!(
        call("?partial=deny", "application/json", good.clone())
            .await
            .status,
        200
    );
    call("", "text/plain", good.clone())
        .await
        .is_failure(415, "unsupported_media_type");
    call("", "application/json", "{".into())
        .await
        .is_failure(400, "malformed_json");
    for (query, body, field) in [
        ("", json!({}), "actionKey"),
        ("", json!({ "actionKey": 7 }), "actionKey"),
        ("", json!({ "action": "x" }), "action"),
        ("", json!([]), "the body"),
        ("", json!({ "actionKey": "x", "partial": "no" }), "partial"),
        ("?limit=1", json!({ "actionKey": "x" }), "limit"),
        ("?partial=maybe", json!({ "actionKey": "x" }), "partial"),
        (
            "?partial=deny",
            json!({ "actionKey": "x", "partial": "deny" }),
            "partial",
        ),
    ] {
        let reply = call(query, "application/json", body.to_string()).await;
        reply.is_failure(400, "invalid_input");
        assert_eq!(
            reply.body["error"]["details"]["errors"][0]["field"], field,
            "{}",
            reply.body
        );
    }
    let elsewhere = Reply::of(
        server
            .bare(Method::PUT, "/v1/actions")
            .bearer_auth(&server.admin),
    )
    .await;
    elsewhere.is_problem(405, "method_not_allowed");
    assert_eq!(elsewhere.headers["allow"], "GET, HEAD, POST");
}

#[tokio::test]
async fn a_call_needs_what_the_action_needs_and_counts_as_the_action() {
    let server = Server::start().await;
    let writer = server.token(&[Scope::EventsWrite]).await;
    let call = async |key: &str| {
        let request = server
            .bare(Method::POST, "/v1/actions")
            .bearer_auth(&writer)
            .json(&json!({ "actionKey": key, "payload": 7 }));
        Reply::of(request).await
    };
    call("platform.events.search")
        .await
        .is_failure(403, "denied");
    call("platform.events.append")
        .await
        .is_failure(400, "invalid_input");

    let cookie = server.session().await;
    let from_elsewhere = server
        .bare(Method::POST, "/v1/actions")
        .header("cookie", cookie)
        .header("origin", "http://elsewhere.example")
        .json(&json!({ "actionKey": "platform.events.search" }));
    Reply::of(from_elsewhere)
        .await
        .is_failure(403, "cross_site");

    let figures = server
        .get("/metrics")
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    for action in ["platform.events.append", "platform.events.search"] {
        let counted = format!("pts_http_request_duration_seconds_count{{action=\"{action}\"}} 1");
        assert!(figures.contains(&counted), "{figures}");
    }
    let events = json!({ "events": foreign("a") });
    let taken = server.call("platform.events.append", &events).await;
    assert_eq!(taken.status, 200);
    let figures = server.get("/metrics").send().await.unwrap();
    let figures = figures.text().await.unwrap();
    assert!(figures.contains("{outcome=\"created\"} 1"), "{figures}");
}

#[tokio::test]
async fn an_incomplete_answer_is_refused_where_that_is_asked_for() {
    let server = on_the_platform().await;
    server.gateway.tell_removed(&[removed()]);
    let call = json!({ "actionKey": "platform.events.search", "partial": "deny" });
    let refused = Reply::of(server.post("/v1/actions").json(&call)).await;
    assert_eq!(
        refused.body["error"]["details"]["coverage"]["complete"],
        false
    );
    refused.is_failure(503, "incomplete");
    let allowed = server.call("platform.events.search", &json!({})).await;
    assert_eq!(allowed.body["meta"]["coverage"]["complete"], false);
}

/// A run of retention that took something out of the platform's history.
fn removed() -> RetentionRun {
    let now = platform::now();
    RetentionRun {
        id: platform::EVENT,
        at: now,
        who: Remover::Command,
        horizon: now,
        month: Month::of(now),
        removed: 7,
        kept: 0,
        freed_bytes: 0,
        first_removed: Some(1),
        last_removed: Some(7),
        oldest: Some(now),
        newest: Some(now),
        digest: [0; 32],
        duration_ms: 1,
    }
}

#[tokio::test]
async fn a_large_call_is_read_as_a_small_one_is() {
    let server = Server::start().await;
    let text = "x".repeat(2_000);
    let events: Vec<Value> = (0..300)
        .map(|n| {
            let mut event = foreign(&n.to_string());
            event["data"] = json!({ "text": text });
            event
        })
        .collect();
    let body = json!({ "actionKey": "platform.events.append", "payload": { "events": events } });
    let body = body.to_string();
    let call = |body: String| {
        let request = server.post("/v1/actions").body(body);
        Reply::of(request.header("content-type", "application/json"))
    };
    let stored = call(body.clone()).await;
    assert_eq!(stored.body["data"]["created"], 300, "{}", stored.body);
    let broken = call(body[..body.len() - 2].to_owned()).await;
    broken.is_failure(400, "malformed_json");
    let odd = call(body.replacen("actionKey", "action", 1)).await;
    odd.is_failure(400, "invalid_input");
    // The same on a command's own route.
    let ids: Vec<String> = (0..6_000).map(|_| "x".repeat(30)).collect();
    let command = json!({ "ids": ids, "reason": "too many" });
    let refused = Reply::of(server.post("/v1/quarantine/discard").json(&command)).await;
    refused.is_problem(400, "invalid_input");
}

#[tokio::test]
async fn links_in_the_document_lead_where_they_say() {
    let server = on_the_platform().await;
    let document = pts_adapter_http::openapi_document();
    let path_of = |id: &Value| {
        let mut paths = document["paths"].as_object().unwrap().iter();
        let found = paths.find(|(_, operations)| operations["get"]["operationId"] == *id);
        found.unwrap().0.clone()
    };
    let mut followed = 0;
    for (path, operations) in document["paths"].as_object().unwrap() {
        let links = operations["get"]["responses"]["200"]["links"].as_object();
        for link in links.into_iter().flatten().map(|(_, link)| link) {
            let answer = server.ask(path).await;
            let mut target = path_of(&link["operationId"]);
            for (parameter, value) in link["parameters"].as_object().unwrap() {
                let place = value
                    .as_str()
                    .unwrap()
                    .strip_prefix("$response.body#")
                    .unwrap();
                let value = answer.pointer(place).and_then(Value::as_str);
                let value = value.unwrap_or_else(|| panic!("{path}: nothing at {place}"));
                target = target.replace(&format!("{{{parameter}}}"), value);
            }
            let found = Reply::of(server.get(&target)).await;
            assert_eq!(found.status, 200, "{target}: {}", found.body);
            followed += 1;
        }
    }
    assert!(followed >= 5, "{followed} links");
}
