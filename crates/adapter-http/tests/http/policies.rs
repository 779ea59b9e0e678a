//! Policies, networks and the brake, as they are met over HTTP.

use std::path::PathBuf;
use std::sync::Arc;

use pts_adapter_cedar::CedarPolicies;
use pts_domain::access::{Roles, Scope, TokenText};
use pts_services::{NewToken, governed_actions};
use pts_testkit::generate::now;
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::support::{Reply, Server, foreign};

struct Governed {
    server: Server,
    file: PathBuf,
    _dir: TempDir,
}

impl Governed {
    async fn start(text: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("policies.cedar");
        std::fs::write(&file, text).unwrap();
        let policies = CedarPolicies::open(&governed_actions(), Some(&file), now()).unwrap();
        let policies = Arc::new(policies);
        let server =
            Server::made(|gateway| gateway.governed(Roles::default(), policies.clone())).await;
        Self {
            server,
            file,
            _dir: dir,
        }
    }

    /// Writes the file and has it taken over, as the process does a few times a second.
    async fn write(&self, text: &str) {
        std::fs::write(&self.file, text).unwrap();
        for _ in 0..2 {
            self.server.gateway.look_at_policies().await;
        }
    }
}

const NO_WRITES: &str =
    "@id(\"no-writes\") forbid (principal, action in Action::\"write\", resource);";
const NO_READS: &str =
    "@id(\"no-reads\") forbid (principal, action in Action::\"read\", resource);";

#[tokio::test]
async fn a_policy_holds_at_every_door_and_says_its_name() {
    let governed = Governed::start(NO_WRITES).await;
    let server = &governed.server;
    let event = foreign("1").to_string();
    let sent = server.send("application/json", event.clone()).await;
    sent.is_problem(403, "denied");
    let detail = "The policy `no-writes` forbids this.";
    assert_eq!(sent.body["detail"], detail);
    let payload = json!({ "events": foreign("1") });
    let called = server.call("platform.events.append", &payload).await;
    called.is_failure(403, "denied");
    assert!(
        !tools(server)
            .await
            .contains(&json!("platform_events_append"))
    );
    assert!(
        tools(server)
            .await
            .contains(&json!("platform_events_search"))
    );
    server.ask("/v1/events").await;

    governed.write(NO_READS).await;
    assert_eq!(server.send("application/json", event).await.status, 201);
    for path in [
        "/v1/events",
        "/v1/events/export",
        "/v1/events/stream",
        "/v1/incidents/feed.atom",
        "/metrics",
        "/v1/access/explain?action=platform.events.search",
    ] {
        Reply::of(server.get(path)).await.is_problem(403, "denied");
    }
    assert!(
        !tools(server)
            .await
            .contains(&json!("platform_events_search"))
    );
}

async fn tools(server: &Server) -> Vec<Value> {
    let list = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" });
    let request = server
        .post("/mcp")
        .header("accept", "application/json, text/event-stream")
        .json(&list);
    let reply = Reply::of(request).await;
    let tools = reply.body["result"]["tools"].as_array().unwrap().clone();
    tools
        .into_iter()
        .map(|mut tool| tool["name"].take())
        .collect()
}

#[tokio::test]
async fn policies_that_cannot_be_read_close_every_door_and_readiness_says_so() {
    let governed = Governed::start(NO_WRITES).await;
    let server = &governed.server;
    assert_eq!(
        Reply::of(server.bare(Method::GET, "/readyz")).await.status,
        200
    );
    governed.write("permit (").await;
    for path in ["/v1/events", "/metrics", "/v1/access/policies"] {
        let closed = Reply::of(server.get(path)).await;
        closed.is_problem(503, "policy_unavailable");
        assert!(closed.headers.contains_key("retry-after"));
    }
    let sent = server
        .send("application/json", foreign("1").to_string())
        .await;
    sent.is_problem(503, "policy_unavailable");
    let ready = Reply::of(server.bare(Method::GET, "/readyz")).await;
    ready.is_problem(503, "policy_unavailable");
    // Nobody has to prove who they are to read it.
    let told = ready.body.to_string();
    assert!(!told.contains("cedar") && !told.contains("line"), "{told}");
    assert_eq!(
        Reply::of(server.bare(Method::GET, "/healthz")).await.status,
        200
    );
    governed.write(NO_WRITES).await;
    server.ask("/v1/events").await;
    assert_eq!(
        Reply::of(server.bare(Method::GET, "/readyz")).await.status,
        200
    );
}

#[tokio::test]
async fn a_policy_ends_a_stream_that_is_open() {
    let governed = Governed::start(NO_WRITES).await;
    let request = governed.server.get("/v1/events/stream");
    let stream = request.send().await.unwrap();
    assert_eq!(stream.status(), 200);
    governed.write(NO_READS).await;
    let text = stream.text().await.unwrap();
    assert!(
        text.contains("event: problem") && text.contains("no-reads"),
        "{text}"
    );
}

#[tokio::test]
async fn a_token_is_good_from_its_networks_alone() {
    let server = Server::start().await;
    let check = async |network: &str, status: u16| {
        let new = NewToken {
            name: "bound".into(),
            scopes: [Scope::EventsRead].into(),
            networks: vec![network.parse().unwrap()],
            ..NewToken::default()
        };
        let (text, _) = server.gateway.access().create(new).await.unwrap();
        let request = server.bare(Method::GET, "/v1/events");
        let reply = Reply::of(request.bearer_auth(text.reveal())).await;
        assert_eq!(reply.status, status, "{network}: {}", reply.body);
        if status == 401 {
            reply.is_problem(401, "token_refused");
            assert!(!reply.body.to_string().contains(network));
        }
    };
    check("127.0.0.0/8", 200).await;
    check("10.0.0.0/8", 401).await;
}

#[tokio::test]
async fn guessing_is_answered_with_when_to_come_back_and_counted() {
    let server = Server::start().await;
    server.ask("/v1/events").await;
    let guess = async |n: u8| {
        let text = TokenText::from_random([n; 20]);
        let request = server.bare(Method::GET, "/v1/events");
        Reply::of(request.bearer_auth(text.reveal())).await
    };
    for n in 0..20 {
        guess(n).await.is_problem(401, "token_refused");
    }
    let slowed = guess(20).await;
    slowed.is_problem(429, "too_many_failures");
    assert_eq!(slowed.headers["retry-after"], "3");
    // Nor by the forms.
    let form = server.bare(Method::POST, "/signin");
    let body = format!("code={}", TokenText::from_random([21; 20]).reveal());
    let signed_in = super::support::form(form, &body).await;
    assert_eq!(signed_in.status(), 429);
    // Who was let in before is let in.
    let metrics = server.get("/metrics").send().await.unwrap().text().await;
    let metrics = metrics.unwrap();
    for line in ["pts_access_refused_total 20", "pts_access_slowed_total 2"] {
        assert!(metrics.contains(line), "{line} is not in:\n{metrics}");
    }
}

#[tokio::test]
async fn a_token_is_made_used_and_ended_over_http() {
    let server = Server::start().await;
    let wanted = json!({ "name": "ci", "roles": ["emitter"], "lasts": "1h" });
    let made = Reply::of(server.post("/v1/tokens").json(&wanted)).await;
    assert_eq!(made.status, 200, "{}", made.body);
    let text = made.body["data"]["text"].as_str().unwrap();
    let event = foreign("1").to_string();
    let send = || {
        let request = server.bare(Method::POST, "/v1/events").bearer_auth(text);
        let request = request.header("content-type", "application/json");
        Reply::of(request.body(event.clone()))
    };
    assert_eq!(send().await.status, 201);
    server.gateway.access().write_uses().await.unwrap();
    let id = made.body["data"]["token"]["id"].as_str().unwrap();
    let known = server.ask(&format!("/v1/tokens/{id}")).await;
    assert!(!known.to_string().contains(text));
    assert!(known["data"]["last_used_at"].is_string());
    let end = || server.post("/v1/tokens/revoke").json(&json!({ "id": id }));
    let shown = Reply::of(end()).await;
    shown.is_problem(428, "confirmation_required");
    assert_eq!(send().await.status, 200);
    let ended = end().header(
        "pts-confirm",
        shown.body["confirm"]["token"].as_str().unwrap(),
    );
    assert_eq!(Reply::of(ended).await.body["data"]["state"], "revoked");
    send().await.is_problem(401, "token_refused");
    let refused = server
        .post("/v1/tokens")
        .json(&json!({ "name": "x", "scopes": ["read"] }));
    let refused = Reply::of(refused).await;
    refused.is_problem(400, "invalid_input");
    assert_eq!(refused.body["errors"][0]["field"], "scopes[0]");
}
