//! Rights for a while and risky actions, as callers of every door meet them.

use chrono::Duration;
use pts_domain::access::Scope;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::actions::on_the_platform;
use super::support::{Reply, Server};

const PURGE: &str = "/v1/quarantine/purge";
const PURGE_ACTION: &str = "platform.quarantine.purge";

async fn post(server: &Server, token: &str, path: &str, body: &Value) -> Reply {
    let request = server.bare(Method::POST, path).bearer_auth(token);
    Reply::of(request.json(body)).await
}

async fn get(server: &Server, token: &str, path: &str) -> Reply {
    Reply::of(server.bare(Method::GET, path).bearer_auth(token)).await
}

/// Asks for a scope for ten minutes; gives the request's id.
async fn asked(server: &Server, token: &str, scope: &str) -> Value {
    let body = json!({ "scopes": [scope], "reason": "INC-7", "minutes": 10 });
    let reply = post(server, token, "/v1/elevations", &body).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!(reply.body["data"]["state"], "requested");
    reply.body["data"]["id"].clone()
}

async fn decided(server: &Server, token: &str, id: &Value, verdict: &str) -> Reply {
    let body = json!({ "id": id, "verdict": verdict, "reason": "on call" });
    post(server, token, "/v1/elevations/decide", &body).await
}

#[tokio::test]
async fn two_people_give_one_of_them_a_right_for_a_while() {
    let server = on_the_platform().await;
    let ann = server.token(&[Scope::ElevationsRequest]).await;
    let bob = server.token(&[Scope::AccessManage]).await;
    get(&server, &ann, "/v1/quarantine")
        .await
        .is_problem(403, "denied");
    let id = asked(&server, &ann, "operate").await;
    decided(&server, &ann, &id, "approve")
        .await
        .is_problem(403, "denied");
    let approved = decided(&server, &bob, &id, "approve").await;
    assert_eq!(
        approved.body["data"]["state"], "active",
        "{}",
        approved.body
    );
    assert_eq!(get(&server, &ann, "/v1/quarantine").await.status, 200);
    let held = get(&server, &bob, "/v1/elevations?state=active").await;
    assert_eq!(held.body["data"][0]["id"], id);
    get(&server, &ann, "/v1/elevations")
        .await
        .is_problem(403, "denied");
    let mine = get(&server, &ann, "/v1/elevations/mine").await;
    assert_eq!(mine.body["data"][0]["id"], id);
    server.clock.advance(Duration::minutes(10));
    get(&server, &ann, "/v1/quarantine")
        .await
        .is_problem(403, "denied");
    let again = decided(&server, &bob, &id, "approve").await;
    again.is_problem(409, "elevation_over");
    let unknown = json!("019caa3c-5e80-7000-8000-0000000000aa");
    decided(&server, &bob, &unknown, "deny")
        .await
        .is_problem(404, "not_found");
    let bad = json!({ "scopes": ["admn"], "reason": "x", "minutes": 10 });
    let bad = post(&server, &ann, "/v1/elevations", &bad).await;
    bad.is_problem(400, "invalid_input");
    assert_eq!(bad.body["errors"][0]["field"], "scopes[0]");
}

#[tokio::test]
async fn a_stream_ends_with_the_right_to_it() {
    let server = on_the_platform().await;
    let ann = server.token(&[Scope::ElevationsRequest]).await;
    let bob = server.token(&[Scope::AccessManage]).await;
    let id = asked(&server, &ann, "events:read").await;
    assert_eq!(decided(&server, &bob, &id, "approve").await.status, 200);
    let open = server
        .bare(Method::GET, "/v1/events/stream")
        .bearer_auth(&ann);
    let mut open = open.send().await.unwrap();
    assert_eq!(open.status(), 200);
    open.chunk().await.unwrap();
    server.clock.advance(Duration::minutes(10));
    let mut rest = String::new();
    let reading = async {
        while let Some(chunk) = open.chunk().await.unwrap() {
            rest.push_str(&String::from_utf8_lossy(&chunk));
        }
    };
    timeout(std::time::Duration::from_secs(30), reading)
        .await
        .expect("it ends");
    assert!(
        rest.contains("event: problem") && rest.contains("denied"),
        "{rest}"
    );
}

#[tokio::test]
async fn a_risky_action_is_shown_and_confirmed_on_its_route() {
    let server = on_the_platform().await;
    let input = json!({ "source": "ci", "reason": "a test" });
    let shown = Reply::of(server.post(PURGE).json(&input)).await;
    shown.is_problem(428, "confirmation_required");
    assert_eq!(shown.body["preview"]["rows"], 1);
    assert_eq!(shown.body["preview"]["affected"][0]["name"], "ci");
    assert_eq!(shown.body["confirm"]["expires_at"], "2026-03-01T12:35:00Z");
    let token = shown.body["confirm"]["token"].as_str().unwrap();
    let confirm =
        |input: &Value, token: &str| server.post(PURGE).header("PTS-Confirm", token).json(input);
    let other = json!({ "source": "cd", "reason": "a test" });
    let refused = Reply::of(confirm(&other, token)).await;
    refused.is_problem(409, "confirmation_refused");
    let somebody = server.token(&[Scope::Operate]).await;
    let somebody = server.bare(Method::POST, PURGE).bearer_auth(&somebody);
    let refused = Reply::of(somebody.header("PTS-Confirm", token).json(&input)).await;
    refused.is_problem(409, "confirmation_refused");
    assert!(
        refused.body["detail"]
            .as_str()
            .unwrap()
            .contains("not known here")
    );
    Reply::of(confirm(&input, "pts_x"))
        .await
        .is_problem(400, "invalid_input");

    // Somebody looks after the item by hand meanwhile.
    let replayed = server
        .call("platform.quarantine.replay", &json!({ "source": "ci" }))
        .await;
    assert_eq!(replayed.status, 200);
    let outdated = Reply::of(confirm(&input, token)).await;
    outdated.is_problem(409, "preview_outdated");
    assert_eq!(outdated.body["preview"]["rows"], 0);
    let token = outdated.body["confirm"]["token"].as_str().unwrap();
    let done = Reply::of(confirm(&input, token)).await;
    assert_eq!(
        (done.status, &done.body["data"]["discarded"]),
        (200, &json!(0))
    );
    let twice = Reply::of(confirm(&input, token)).await;
    twice.is_problem(409, "confirmation_refused");
    assert!(
        twice.body["detail"]
            .as_str()
            .unwrap()
            .contains("used already")
    );
    let needless = server.get("/v1/events").header("PTS-Confirm", token);
    Reply::of(needless).await.is_problem(400, "invalid_input");
}

#[tokio::test]
async fn a_risky_action_is_shown_and_confirmed_by_its_name_and_as_a_tool() {
    let server = on_the_platform().await;
    let input = json!({ "source": "ci", "reason": "a test" });
    let shown = server.call(PURGE_ACTION, &input).await;
    shown.is_failure(428, "confirmation_required");
    let details = &shown.body["error"]["details"];
    assert_eq!(details["preview"]["rows"], 1);
    let call = json!({
        "actionKey": PURGE_ACTION, "payload": input, "confirm": details["confirm"]["token"],
    });
    let done = Reply::of(server.post("/v1/actions").json(&call)).await;
    assert_eq!(
        (done.status, &done.body["data"]["discarded"]),
        (200, &json!(1))
    );
    let mut wrong = call.clone();
    wrong["confirm"] = json!("yes");
    let wrong = Reply::of(server.post("/v1/actions").json(&wrong)).await;
    wrong.is_failure(400, "invalid_input");
    assert_eq!(
        wrong.body["error"]["details"]["errors"][0]["field"],
        "PTS-Confirm"
    );

    let server = on_the_platform().await;
    let used = async |arguments: Value| {
        let call = json!({
            "jsonrpc": "2.0", "id": 1, "method": "tools/call",
            "params": { "name": "platform_quarantine_purge", "arguments": arguments },
        });
        let request = server
            .post("/mcp")
            .header("accept", "application/json, text/event-stream");
        Reply::of(request.json(&call)).await.body["result"].clone()
    };
    let shown = used(input.clone()).await;
    assert_eq!(shown["isError"], true);
    let problem = shown["content"][0]["text"].as_str().unwrap();
    let problem: Value = serde_json::from_str(problem).unwrap();
    assert_eq!(problem["code"], "confirmation_required");
    let mut arguments = input.clone();
    arguments["confirm"] = problem["confirm"]["token"].clone();
    let done = used(arguments).await;
    assert_eq!(done["structuredContent"]["data"]["discarded"], 1, "{done}");
    let mut wrong = input;
    wrong["confirm"] = json!(7);
    assert_eq!(used(wrong).await["isError"], true);
}

#[test]
fn programs_are_told_which_actions_are_risky() {
    let document = pts_adapter_http::openapi_document();
    let mut risky = 0;
    for action in pts_api::actions::all() {
        let method = match action.method {
            pts_api::Method::Get => "get",
            pts_api::Method::Post => "post",
        };
        let operation = &document["paths"][action.path][method];
        assert_eq!(
            operation["x-risky"] == true,
            action.risky,
            "{}",
            action.name
        );
        assert_eq!(operation["responses"]["428"].is_object(), action.risky);
        if action.risky {
            // It is confirmed beside a body, and that has no field of this name itself.
            assert_eq!(action.binding, pts_api::Binding::Command, "{}", action.name);
            assert!((action.example)().get("confirm").is_none());
            let mut headers = operation["parameters"].as_array().unwrap().iter();
            assert!(headers.any(|one| one["name"] == "PTS-Confirm"));
            risky += 1;
        }
    }
    assert!(risky >= 3);
}
