//! The actions as tools of the Model Context Protocol: what an assistant sees, what it may do, and
//! what is said to messages that are none.

use pts_domain::access::Scope;
use pts_services::Limits;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::actions::on_the_platform;
use super::support::{Reply, Server, foreign};

const NEWEST: &str = "2026-07-28";

fn message(method: &str, params: Value) -> Value {
    let mut message = json!({ "jsonrpc": "2.0", "id": 1, "method": method });
    message["params"] = params;
    message
}

/// A message of the newest version, which says everything about itself.
fn whole(method: &str, mut params: Value) -> Value {
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": NEWEST,
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    message(method, params)
}

/// Posts a message as clients up to 2025-11-25 do.
fn posted(server: &Server, token: &str, body: &Value) -> RequestBuilder {
    server
        .bare(Method::POST, "/mcp")
        .bearer_auth(token)
        .header("accept", "application/json, text/event-stream")
        .json(body)
}

/// Posts a message as clients of the newest version do.
fn posted_whole(server: &Server, body: &Value) -> RequestBuilder {
    let request = posted(server, &server.admin, body)
        .header("mcp-protocol-version", NEWEST)
        .header("mcp-method", body["method"].as_str().unwrap());
    match body["params"]["name"].as_str() {
        Some(name) => request.header("mcp-name", name),
        None => request,
    }
}

async fn result(request: RequestBuilder) -> Value {
    let reply = Reply::of(request).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!(reply.headers["content-type"], "application/json");
    assert_eq!(reply.body["id"], 1, "{}", reply.body);
    assert!(reply.body["error"].is_null(), "{}", reply.body);
    reply.body["result"].clone()
}

#[track_caller]
fn is_fault(reply: &Reply, status: u16, code: i32, text: &str) {
    let error = &reply.body["error"];
    assert_eq!(
        (reply.status, &error["code"]),
        (status, &json!(code)),
        "{}",
        reply.body
    );
    let said = error["message"].as_str().unwrap();
    assert!(said.contains(text), "{said}");
}

async fn names(server: &Server, token: &str) -> Vec<String> {
    let listed = result(posted(server, token, &message("tools/list", json!({})))).await;
    let tools = listed["tools"].as_array().unwrap();
    let names = tools.iter().map(|tool| tool["name"].as_str().unwrap());
    names.map(ToOwned::to_owned).collect()
}

/// Uses a tool; gives its result.
async fn used(server: &Server, token: &str, name: &str, arguments: Value) -> Value {
    let call = message(
        "tools/call",
        json!({ "name": name, "arguments": arguments }),
    );
    result(posted(server, token, &call)).await
}

/// The problem that a tool's result is.
#[track_caller]
fn problem(result: &Value) -> Value {
    assert_eq!(result["isError"], true, "{result}");
    assert!(result.get("structuredContent").is_none(), "{result}");
    serde_json::from_str(result["content"][0]["text"].as_str().unwrap()).unwrap()
}

#[tokio::test]
async fn every_version_of_the_protocol_is_greeted_in_its_own_way() {
    let server = Server::start().await;
    for (asked, given) in [
        ("2025-03-26", "2025-03-26"),
        ("2025-06-18", "2025-06-18"),
        ("2025-11-25", "2025-11-25"),
        ("2024-11-05", "2025-11-25"),
    ] {
        let greeting = message("initialize", json!({ "protocolVersion": asked }));
        let greeted = result(posted(&server, &server.admin, &greeting)).await;
        assert_eq!(greeted["protocolVersion"], given);
        assert_eq!(greeted["serverInfo"]["name"], "pts");
        assert!(greeted["capabilities"]["tools"].is_object());
        let ready = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
        let ready = posted(&server, &server.admin, &ready).header("mcp-protocol-version", given);
        assert_eq!(Reply::of(ready).await.status, 202);
        let ping = posted(&server, &server.admin, &message("ping", json!({})));
        assert_eq!(
            result(ping.header("mcp-protocol-version", given)).await,
            json!({})
        );
    }
    let discovered = result(posted_whole(&server, &whole("server/discover", json!({})))).await;
    assert_eq!(discovered["resultType"], "complete");
    assert_eq!(discovered["supportedVersions"][0], NEWEST);
    assert_eq!(discovered["cacheScope"], "private");
    let who = &discovered["_meta"]["io.modelcontextprotocol/serverInfo"];
    assert_eq!(who["name"], "pts");
    let listed = result(posted_whole(&server, &whole("tools/list", json!({})))).await;
    assert!(listed["ttlMs"].is_u64() && listed["tools"].is_array());
}

#[tokio::test]
async fn an_assistant_sees_the_tools_that_its_token_may_use() {
    let server = Server::start().await;
    let all = names(&server, &server.admin).await;
    let callable = pts_api::actions::all().into_iter();
    let callable: Vec<_> = callable
        .filter(|action| pts_services::is_callable(action.name))
        .map(|action| action.name.replace('.', "_"))
        .collect();
    assert_eq!(all, callable);
    assert!(!all.contains(&"platform_events_stream".to_owned()));
    let reader = server.token(&[Scope::EventsRead]).await;
    let read = names(&server, &reader).await;
    assert!(read.contains(&"platform_events_search".to_owned()));
    assert!(!read.contains(&"platform_events_append".to_owned()));
    let writer = server.token(&[Scope::EventsWrite]).await;
    assert!(
        names(&server, &writer)
            .await
            .contains(&"platform_events_append".to_owned())
    );
    let figures = server.token(&[Scope::MetricsRead]).await;
    // What is open is everybody's, as far as it is their own.
    let expected = [
        "platform_accounting_get",
        "platform_access_explain",
        "platform_sessions_revoke",
    ];
    assert_eq!(names(&server, &figures).await, expected);
}

#[tokio::test]
async fn a_tool_says_what_it_does_and_gives_what_it_says() {
    let server = on_the_platform().await;
    let listed = message("tools/list", json!({}));
    let listed = result(posted(&server, &server.admin, &listed)).await;
    for tool in listed["tools"].as_array().unwrap() {
        let name = tool["name"].as_str().unwrap();
        let example = tool["inputSchema"]["examples"][0].clone();
        valid(&tool["inputSchema"], &example, name);
        // Each on a platform of its own, since some of them change it.
        let server = on_the_platform().await;
        let mut given = used(&server, &server.admin, name, example.clone()).await;
        if tool["inputSchema"]["properties"]["confirm"].is_object() {
            let mut confirmed = example;
            confirmed["confirm"] = problem(&given)["confirm"]["token"].clone();
            valid(&tool["inputSchema"], &confirmed, name);
            given = used(&server, &server.admin, name, confirmed).await;
        }
        assert_eq!(given["isError"], false, "{name}: {given}");
        let structured = &given["structuredContent"];
        valid(&tool["outputSchema"], structured, name);
        assert!(structured["coverage"]["complete"].is_boolean(), "{name}");
        let text = given["content"][0]["text"].as_str().unwrap();
        assert_eq!(&serde_json::from_str::<Value>(text).unwrap(), structured);
    }
    let hints = |name: &str| {
        let mut tools = listed["tools"].as_array().unwrap().iter();
        let tool = tools.find(|tool| tool["name"] == name).unwrap();
        let hints = &tool["annotations"];
        (
            hints["readOnlyHint"] == true,
            hints["destructiveHint"] == true,
        )
    };
    assert_eq!(hints("platform_events_search"), (true, false));
    assert_eq!(hints("platform_events_append"), (false, false));
    assert_eq!(hints("platform_quarantine_discard"), (false, true));
}

#[track_caller]
fn valid(schema: &Value, value: &Value, what: &str) {
    let validator = jsonschema::draft202012::new(schema).unwrap();
    let errors: Vec<_> = validator
        .iter_errors(value)
        .map(|error| error.to_string())
        .collect();
    assert!(errors.is_empty(), "{what}: {value}: {errors:#?}");
}

#[tokio::test]
async fn what_the_token_does_not_allow_no_tool_does() {
    let server = Server::start().await;
    let reader = server.token(&[Scope::EventsRead]).await;
    let events = json!({ "events": foreign("a") });
    let refused = used(&server, &reader, "platform_events_append", events.clone()).await;
    assert_eq!(problem(&refused)["code"], "denied");
    let found = used(&server, &reader, "platform_events_search", json!({})).await;
    assert_eq!(found["structuredContent"]["data"], json!([]));
    let taken = used(&server, &server.admin, "platform_events_append", events).await;
    assert_eq!(
        taken["structuredContent"]["data"]["items"][0]["status"],
        "created"
    );
    let found = used(&server, &reader, "platform_events_search", json!({})).await;
    assert_eq!(found["structuredContent"]["data"][0]["event_id"], "a");
    // Counted as the actions that they were.
    let figures = server.get("/metrics").send().await.unwrap();
    let figures = figures.text().await.unwrap();
    let counted = "count{action=\"platform.events.search\"} 2";
    assert!(figures.contains(counted), "{figures}");
    assert!(figures.contains("{outcome=\"created\"} 1"), "{figures}");
}

#[tokio::test]
async fn bad_input_is_a_result_that_an_assistant_can_learn_from() {
    let server = Server::start().await;
    let refused = async |name: &str, arguments: Value| {
        problem(&used(&server, &server.admin, name, arguments).await)
    };
    let limit = refused("platform_events_search", json!({ "limit": 0 })).await;
    assert_eq!(
        (&limit["status"], &limit["code"]),
        (&json!(400), &json!("invalid_input"))
    );
    assert_eq!(limit["errors"][0]["field"], "arguments.limit");
    assert!(limit["request_id"].is_string());
    let typed = refused("platform_events_search", json!({ "servise": "x" })).await;
    assert!(
        typed["detail"].as_str().unwrap().contains("`service`?"),
        "{typed}"
    );
    let gone = refused("platform_services_get", json!({ "name": "nobody" })).await;
    assert_eq!(gone["code"], "not_found");

    let call = |params: Value| posted(&server, &server.admin, &message("tools/call", params));
    for (params, text) in [
        (
            json!({ "name": "platform_event_search" }),
            "did you mean platform_events_search?",
        ),
        (
            json!({ "name": "platform.events.search" }),
            "did you mean platform_events_search?",
        ),
        (json!({}), "params.name: missing"),
        (
            json!({ "name": "platform_events_search", "arguments": [] }),
            "found an array",
        ),
    ] {
        is_fault(&Reply::of(call(params)).await, 200, -32602, text);
    }
}

#[tokio::test]
async fn what_is_no_message_is_told_so() {
    let server = Server::start().await;
    let post = |body: &str| {
        server
            .post("/mcp")
            .header("content-type", "application/json")
            .body(body.to_owned())
    };
    for (body, code, text) in [
        ("", -32700, "not JSON"),
        ("{", -32700, "not JSON"),
        ("7", -32600, "a JSON object"),
        ("[]", -32600, "0 messages in a batch"),
        (r#"{"id":1,"method":"ping"}"#, -32600, "jsonrpc"),
        (
            r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#,
            -32600,
            "id: found null",
        ),
        (r#"{"jsonrpc":"2.0","id":1,"method":7}"#, -32600, "method"),
    ] {
        let reply = Reply::of(post(body)).await;
        is_fault(&reply, 400, code, text);
    }
    let odd = post(r#"{"jsonrpc":"2.0","id":1,"method":"resources/list"}"#);
    is_fault(&Reply::of(odd).await, 200, -32601, "resources/list");
    let response = post(r#"{"jsonrpc":"2.0","id":1,"result":{}}"#);
    assert_eq!(Reply::of(response).await.status, 202);
    let nested = post(&"[".repeat(100_000));
    is_fault(&Reply::of(nested).await, 400, -32700, "not JSON");

    let plain = server
        .post("/mcp")
        .header("content-type", "text/plain")
        .body("{}");
    Reply::of(plain)
        .await
        .is_problem(415, "unsupported_media_type");
    let events = post("{}").header("accept", "text/event-stream");
    Reply::of(events).await.is_problem(406, "not_acceptable");
    let large = post(&" ".repeat(17 * 1024 * 1024));
    Reply::of(large).await.is_problem(413, "body_too_large");
    for method in [Method::GET, Method::DELETE] {
        let reply = Reply::of(server.bare(method, "/mcp").bearer_auth(&server.admin)).await;
        reply.is_problem(405, "method_not_allowed");
        assert_eq!(reply.headers["allow"], "POST");
    }
}

#[tokio::test]
async fn headers_and_body_must_agree_where_the_version_has_them() {
    let server = Server::start().await;
    let list = whole("tools/list", json!({}));
    let post = |body: &Value, headers: &[(&'static str, &'static str)]| {
        let request = posted(&server, &server.admin, body);
        headers.iter().fold(request, |request, (name, value)| {
            request.header(*name, *value)
        })
    };
    let version = ("mcp-protocol-version", NEWEST);
    let check = async |body: &Value, headers: &[(&'static str, &'static str)], code, text| {
        is_fault(&Reply::of(post(body, headers)).await, 400, code, text);
    };
    check(&list, &[], -32020, "MCP-Protocol-Version is missing").await;
    check(&list, &[version], -32020, "Mcp-Method is missing").await;
    check(&list, &[version, ("mcp-method", "ping")], -32020, "differ").await;
    check(
        &list,
        &[("mcp-protocol-version", "2025-11-25")],
        -32020,
        "different versions",
    )
    .await;
    check(&list, &[version, version], -32020, "twice").await;
    let call = whole("tools/call", json!({ "name": "platform_events_search" }));
    let method = ("mcp-method", "tools/call");
    check(&call, &[version, method], -32020, "Mcp-Name is missing").await;
    check(
        &call,
        &[version, method, ("mcp-name", "x")],
        -32020,
        "differ",
    )
    .await;
    let bare = message("tools/list", json!({}));
    let method = ("mcp-method", "tools/list");
    check(&bare, &[version, method], -32602, "protocolVersion").await;
    let unknown = post(&bare, &[("mcp-protocol-version", "1900-01-01")]);
    let unknown = Reply::of(unknown).await;
    is_fault(&unknown, 400, -32022, "2026-07-28, 2025-11-25");
    assert_eq!(unknown.body["error"]["data"]["requested"], "1900-01-01");
    let greeting = whole("initialize", json!({ "protocolVersion": "2025-11-25" }));
    is_fault(
        &Reply::of(posted_whole(&server, &greeting)).await,
        404,
        -32601,
        "initialize",
    );
}

#[tokio::test]
async fn a_batch_is_answered_where_the_version_has_batches() {
    let server = Server::start().await;
    let ping = |id: u32| json!({ "jsonrpc": "2.0", "id": id, "method": "ping" });
    let note = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    let batch = json!([ping(1), note, 7, ping(2)]);
    let answered = Reply::of(posted(&server, &server.admin, &batch)).await;
    assert_eq!(answered.status, 200);
    let ids: Vec<_> = answered
        .body
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["id"])
        .collect();
    assert_eq!(ids, [&json!(1), &Value::Null, &json!(2)]);
    let notes = posted(&server, &server.admin, &json!([note, note]));
    assert_eq!(Reply::of(notes).await.status, 202);
    let many: Vec<_> = (0..51).map(ping).collect();
    let many = Reply::of(posted(&server, &server.admin, &json!(many))).await;
    is_fault(&many, 400, -32600, "51 messages");
    for version in ["2025-06-18", "2025-11-25", NEWEST] {
        let later = posted(&server, &server.admin, &batch).header("mcp-protocol-version", version);
        is_fault(
            &Reply::of(later).await,
            400,
            -32600,
            "one message in a request",
        );
    }
}

#[tokio::test]
async fn only_programs_with_a_token_get_in() {
    let server = Server::start().await;
    let list = message("tools/list", json!({}));
    let cookie = server.session().await;
    let browser = server
        .bare(Method::POST, "/mcp")
        .header("cookie", cookie)
        .json(&list);
    let browser = browser.header("sec-fetch-site", "same-origin");
    Reply::of(browser).await.is_problem(401, "token_missing");
    let page = |origin: &str, host: &str| {
        posted(&server, &server.admin, &list)
            .header("origin", origin)
            .header("host", host)
    };
    Reply::of(page("http://elsewhere.example", "127.0.0.1"))
        .await
        .is_problem(403, "cross_site");
    // A name that somebody turned to this address.
    let turned = page("http://turned.example", "turned.example");
    Reply::of(turned).await.is_problem(403, "cross_site");
    assert_eq!(
        Reply::of(page("http://localhost", "localhost"))
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn a_reached_limit_says_when_to_come_again_and_tools_are_a_question_too() {
    let server = Server::limited(Limits {
        calls_per_s: 1,
        ..Limits::default()
    })
    .await;
    let token = server.token(&[Scope::EventsRead]).await;
    for _ in 0..10 {
        names(&server, &token).await;
    }
    let waits = |reply: &Reply| -> u64 {
        reply.headers["retry-after"]
            .to_str()
            .unwrap()
            .parse()
            .unwrap()
    };
    let listed = Reply::of(posted(&server, &token, &message("tools/list", json!({})))).await;
    is_fault(&listed, 200, -32000, "`requests`");
    let wait = waits(&listed);
    assert!(wait >= 1);
    let data = &listed.body["error"]["data"];
    assert_eq!(
        (&data["code"], &data["retry_after_s"]),
        (&json!("limited"), &json!(wait))
    );
    let call = message(
        "tools/call",
        json!({ "name": "platform_dora_get", "arguments": {} }),
    );
    let used = Reply::of(posted(&server, &token, &call)).await;
    assert_eq!(used.body["result"]["isError"], true, "{}", used.body);
    assert_eq!(used.body["result"]["_meta"]["retry_after_s"], waits(&used));
    assert!(
        used.headers["ratelimit"]
            .to_str()
            .unwrap()
            .starts_with("\"requests\"")
    );
    // Another token is not in its way, and is told nothing of it.
    let others = posted_whole(&server, &whole("tools/list", json!({})));
    let others = Reply::of(others).await;
    assert!(others.body["result"]["tools"].is_array(), "{}", others.body);
    assert!(!others.headers.contains_key("retry-after"));
}
