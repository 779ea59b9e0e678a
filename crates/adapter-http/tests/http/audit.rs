//! Who did what, over HTTP: whichever door somebody came in by, and what they are told while it cannot
//! be written down.

use pts_domain::access::Scope;
use reqwest::Method;
use serde_json::{Value, json};

use super::support::{Reply, Server, form};

const DECLARED: &str = "/v1/expectations";

fn nightly() -> Value {
    json!({ "source": "nightly", "every_s": 86_400 })
}

async fn declare(server: &Server, token: &str) -> Reply {
    let request = server.bare(Method::POST, DECLARED).bearer_auth(token);
    Reply::of(request.json(&nightly())).await
}

async fn entries(server: &Server, query: &str) -> Vec<Value> {
    let answer = server.ask(&format!("/v1/audit{query}")).await;
    answer["data"].as_array().unwrap().clone()
}

#[tokio::test]
async fn by_every_door_the_same_is_written_down_and_found_by_its_request() {
    let server = Server::start().await;
    let by_route = Reply::of(server.post(DECLARED).json(&nightly())).await;
    let by_name = server.call("platform.expectations.set", &nightly()).await;
    let tool = json!({
        "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": { "name": "platform_expectations_set", "arguments": nightly() },
    });
    let by_tool = Reply::of(server.post("/mcp").json(&tool)).await;
    let mut inputs = Vec::new();
    for reply in [by_route, by_name, by_tool] {
        assert_eq!(reply.status, 200, "{}", reply.body);
        let request = reply.headers["x-request-id"].to_str().unwrap();
        let found = entries(&server, &format!("?request_id={request}")).await;
        let outcomes: Vec<_> = found.iter().map(|one| one["outcome"].clone()).collect();
        assert_eq!(outcomes, ["allowed", "intended"], "{found:?}");
        assert_eq!(found[0]["intent"], found[1]["id"]);
        assert_eq!(found[0]["action"], "platform.expectations.set");
        assert_eq!(found[0]["address"], "127.0.0.1");
        assert_eq!(found[0]["principal"]["name"], "test");
        inputs.push(found[0]["input"].clone());
    }
    assert_eq!(inputs[0], inputs[1]);
    assert_eq!(inputs[0], inputs[2]);
}

#[tokio::test]
async fn whoever_is_turned_away_is_told_of_with_the_reason() {
    let server = Server::start().await;
    let reader = server.token(&[Scope::EventsRead]).await;
    declare(&server, &reader).await.is_problem(403, "denied");
    for _ in 0..2 {
        declare(&server, "pts_x")
            .await
            .is_problem(401, "token_refused");
    }
    let nobody = Reply::of(server.bare(Method::GET, "/v1/events")).await;
    nobody.is_problem(401, "token_missing");
    let metrics = server.bare(Method::GET, "/metrics").bearer_auth(&reader);
    assert_eq!(Reply::of(metrics).await.status, 403);
    let mut told: Vec<_> = entries(&server, "?outcome=denied")
        .await
        .into_iter()
        .map(|one| {
            let words = ["action", "reason"].map(|name| one[name].as_str().unwrap().to_owned());
            (words, one["times"].as_u64().unwrap())
        })
        .collect();
    told.sort_unstable();
    let is = |one: &([String; 2], u64), action: &str, reason: &str, times| {
        assert_eq!((&*one.0[0], one.1), (action, times));
        assert!(one.0[1].contains(reason), "{one:?}");
    };
    assert_eq!(told.len(), 4, "{told:?}");
    is(&told[0], "access.authenticate", "no token", 1);
    is(&told[1], "access.authenticate", "not a PTS token", 2);
    is(&told[2], "platform.expectations.set", "operate", 1);
    is(&told[3], "platform.metrics.read", "metrics:read", 1);
    // Who may not read it is told so, and told of.
    let denied = server.bare(Method::GET, "/v1/audit").bearer_auth(&reader);
    Reply::of(denied).await.is_problem(403, "denied");
    let last = entries(&server, "?limit=1").await;
    assert_eq!(last[0]["action"], "platform.audit.search");
}

#[tokio::test]
async fn while_nothing_can_be_written_down_nothing_is_changed_and_all_else_works() {
    let server = Server::start().await;
    let session = server.session().await;
    server.store.set_audit_available(false);
    for reply in [
        Reply::of(server.post(DECLARED).json(&nightly())).await,
        Reply::of(server.post("/v1/quarantine/replay").json(&json!({}))).await,
    ] {
        reply.is_problem(503, "audit_unavailable");
        assert_eq!(reply.headers["retry-after"], "1");
    }
    let by_name = server.call("platform.expectations.set", &nightly()).await;
    by_name.is_failure(503, "audit_unavailable");
    let request = server.bare(Method::POST, "/signin");
    let signing_in = form(request, &format!("token={}", server.admin)).await;
    assert_eq!(signing_in.status(), 503);
    assert!(!signing_in.headers().contains_key("set-cookie"));
    let out = server
        .bare(Method::POST, "/signout")
        .header("cookie", &session);
    let out = Reply::of(out.header("sec-fetch-site", "same-origin")).await;
    out.is_problem(503, "audit_unavailable");

    let ready = Reply::of(server.bare(Method::GET, "/readyz")).await;
    assert_eq!(ready.status, 200);
    let degraded = json!({ "status": "ready", "degraded": ["audit_unavailable"] });
    assert_eq!(ready.body, degraded);
    assert_eq!(server.ask(DECLARED).await["data"], json!([]));
    server.stored(&super::support::foreign("a")).await;

    server.store.set_audit_available(true);
    let done = Reply::of(server.post(DECLARED).json(&nightly())).await;
    assert_eq!(done.status, 200);
    let ready = Reply::of(server.bare(Method::GET, "/readyz")).await;
    assert_eq!(ready.body, json!({ "status": "ready" }));
}

#[tokio::test]
async fn an_export_is_what_a_search_finds_in_both_forms() {
    let server = Server::start().await;
    for _ in 0..600 {
        let done = Reply::of(server.post(DECLARED).json(&nightly())).await;
        assert_eq!(done.status, 200);
    }
    let odd = json!({ "source": "=cmd", "every_s": 0 });
    Reply::of(server.post(DECLARED).json(&odd))
        .await
        .is_problem(400, "invalid_input");
    let reader = server.token(&[Scope::EventsRead]).await;
    declare(&server, &reader).await.is_problem(403, "denied");

    let mut found = Vec::new();
    let mut cursor = String::new();
    loop {
        let answer = server.ask(&format!("/v1/audit?limit=1000{cursor}")).await;
        found.extend(answer["data"].as_array().unwrap().clone());
        let Some(next) = answer["next_cursor"].as_str() else {
            break;
        };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(
        found.len(),
        1_203,
        "what was announced and then refused included"
    );

    let export = async |query: &str| {
        let response = server
            .get(&format!("/v1/audit/export{query}"))
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 200);
        let headers = response.headers().clone();
        assert_eq!(headers["x-pts-up-to"], "1203");
        assert_eq!(headers["x-pts-coverage"], "complete");
        (headers, response.text().await.unwrap())
    };
    let (headers, text) = export("").await;
    let named = headers["content-disposition"].to_str().unwrap();
    assert!(named.contains("audit.ndjson"), "{named}");
    let mut lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let end = lines.pop().unwrap();
    assert_eq!((&end["end"], &end["count"]), (&json!(true), &json!(1_203)));
    assert_eq!(lines, found);

    let (_, text) = export("?format=csv&outcome=denied").await;
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let columns = reader.headers().unwrap().clone();
    let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 1);
    let cell = |name: &str| {
        let place = columns.iter().position(|column| column == name).unwrap();
        rows[0].get(place).unwrap().to_owned()
    };
    assert_eq!(cell("action"), "platform.expectations.set");
    assert_eq!(cell("reason"), "needs the scope operate");
    assert_eq!(cell("principal"), "test");
    assert_eq!(cell("hash"), found[0]["hash"].as_str().unwrap());
    assert_eq!(cell("intent"), "");
}
