//! What is no event is answered as ever, with the place where it was put; and the accounts of it all.

use pts_domain::access::Scope;
use reqwest::Method;
use serde_json::{Value, json};

use super::support::{Reply, Server, foreign};

fn bad() -> Value {
    json!({"type": "deployment.started", "source": "ci", "id": "1", "data": {"service": "s"}})
}

/// Where a problem says that it was put.
fn place(problem: &Value) -> String {
    let id = problem["quarantine_id"].as_str();
    id.unwrap_or_else(|| panic!("{problem}")).to_owned()
}

async fn waiting(server: &Server) -> Vec<Value> {
    let answer = server.ask("/v1/quarantine?state=waiting").await;
    answer["data"].as_array().unwrap().clone()
}

async fn command(server: &Server, path: &str, body: &Value) -> Reply {
    Reply::of(server.post(path).json(body)).await
}

#[tokio::test]
async fn a_bad_event_is_refused_as_ever_and_says_where_it_was_put() {
    let server = Server::start().await;
    let reply = server.send("application/json", bad().to_string()).await;
    reply.is_problem(400, "invalid_event");
    let id = place(&reply.body);
    let item = server.ask(&format!("/v1/quarantine/{id}")).await["data"].clone();
    assert_eq!(item["item"], bad());
    assert_eq!(item["state"], "waiting");
    assert_eq!(
        (&item["source"], &item["type"]),
        (&json!("ci"), &json!("deployment.started"))
    );
    assert_eq!(item["errors"], reply.body["errors"]);
    // Sent again it is the same one.
    let again = server.send("application/json", bad().to_string()).await;
    assert_eq!(place(&again.body), id);
    assert_eq!(waiting(&server).await[0]["times"], 2);
    assert!(
        waiting(&server).await[0].get("item").is_none(),
        "lists are short"
    );
}

#[tokio::test]
async fn every_bad_element_of_every_form_is_put_aside_as_it_came() {
    let server = Server::start().await;
    let batch = format!("[{}, {{\"a\" : \"\\udc00\"}}, 7]", foreign("a"));
    let reply = server.send("application/json", batch).await;
    assert_eq!(reply.status, 207);
    assert!(reply.body["items"][0]["problem"].is_null());
    let shown = async |place: &Value| {
        let id = place["quarantine_id"].as_str().unwrap();
        server.ask(&format!("/v1/quarantine/{id}")).await["data"]["item"].clone()
    };
    let problem = |n: usize| &reply.body["items"][n]["problem"];
    assert_eq!(shown(problem(1)).await, json!("{\"a\" : \"\\udc00\"}"));
    assert_eq!(shown(problem(2)).await, json!(7));

    let lines = format!("{}\n{{\"a\":\n", foreign("b"));
    let reply = server.send("application/x-ndjson", lines).await;
    assert_eq!(
        shown(&reply.body["items"][1]["problem"]).await,
        json!("{\"a\":")
    );

    let reply = server.send("application/json", "{\"type\":\"x\"").await;
    reply.is_problem(400, "malformed_json");
    assert_eq!(shown(&reply.body).await, json!("{\"type\":\"x\""));

    let reply = server
        .send("application/cloudevents+json", foreign("c").to_string())
        .await;
    reply.is_problem(400, "invalid_event");
    let id = place(&reply.body);
    let item = server.ask(&format!("/v1/quarantine/{id}")).await["data"].clone();
    assert_eq!(
        (&item["form"], &item["item"]),
        (&json!("cloudevents"), &foreign("c"))
    );

    let binary = server
        .post("/v1/events")
        .header("ce-specversion", "1.0")
        .header("ce-type", "deployment.started")
        .header("ce-source", "ci")
        .header("ce-id", "9")
        .header("content-type", "application/json")
        .body("{}");
    let reply = Reply::of(binary).await;
    reply.is_problem(400, "invalid_event");
    assert_eq!(shown(&reply.body).await["type"], "deployment.started");
    assert_eq!(waiting(&server).await.len(), 6);
}

#[tokio::test]
async fn checking_alone_puts_nothing_aside_and_counts_nothing() {
    let server = Server::start().await;
    let request = server.post("/v1/events?validate=only").json(&bad());
    let reply = Reply::of(request).await;
    reply.is_problem(400, "invalid_event");
    assert!(reply.body.get("quarantine_id").is_none());
    assert_eq!(waiting(&server).await.len(), 0);
    assert_eq!(
        server.ask("/v1/accounting").await["data"]["totals"]["received"],
        0
    );
}

#[tokio::test]
async fn while_the_store_is_away_a_bad_event_is_still_a_bad_event() {
    let server = Server::start().await;
    server.ask("/v1/events").await;
    server.store.set_available(false);
    let reply = server.send("application/json", bad().to_string()).await;
    reply.is_problem(400, "invalid_event");
    assert!(reply.body.get("quarantine_id").is_none());
    server.store.set_available(true);
    let account = server.ask("/v1/accounting").await;
    assert_eq!(account["data"]["totals"]["refused"], 1);
}

#[tokio::test]
async fn accounts_are_answers_and_add_up() {
    let server = Server::start().await;
    let (writer, token) = server.token_and_id(&[Scope::EventsWrite]).await;
    let mut conflict = foreign("a");
    conflict["data"] = json!({"n": 2});
    let batch = json!([foreign("a"), foreign("a"), conflict, foreign("b"), bad()]);
    let request = server.bare(Method::POST, "/v1/events").bearer_auth(&writer);
    let reply = Reply::of(request.json(&batch)).await;
    assert_eq!(reply.status, 207);

    let answer = server.ask("/v1/accounting").await;
    assert_eq!(answer["coverage"]["complete"], true);
    let totals = json!({
        "received": 5, "stored": 2, "repeated": 1, "quarantined": 1, "refused": 1
    });
    assert_eq!(answer["data"]["totals"], totals);
    let rows = json!([
        {"token": token.id, "source": "tests", "received": 4, "stored": 2, "repeated": 1,
         "quarantined": 0, "refused": 1},
        {"token": token.id, "source": "ci", "received": 1, "stored": 0, "repeated": 0,
         "quarantined": 1, "refused": 0},
    ]);
    assert_eq!(answer["data"]["rows"], rows);
    let one = server
        .ask(&format!(
            "/v1/accounting?source=ci&token={}&since=1d",
            token.id
        ))
        .await;
    assert_eq!(one["data"]["totals"]["received"], 1);
    let short = server.ask("/v1/accounting?limit=1").await;
    assert_eq!(short["data"]["totals"], totals);
    assert!(short["warnings"][0].as_str().unwrap().contains("1 of 2"));

    let metrics = server
        .get("/metrics")
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    for line in [
        "pts_accounting_events_total{outcome=\"stored\"} 2".to_owned(),
        format!(
            "{{token=\"{}\",source=\"tests\",outcome=\"refused\"}} 1",
            token.id
        ),
    ] {
        assert!(metrics.contains(&line), "{line} is not in {metrics}");
    }
    let denied = server
        .bare(Method::GET, "/v1/accounting")
        .bearer_auth(&writer);
    Reply::of(denied).await.is_problem(403, "denied");
}

#[tokio::test]
async fn what_has_become_valid_is_replayed_and_what_has_not_is_given_up() {
    let server = Server::start().await;
    let mut early = foreign("early");
    early["time"] = json!(pts_testkit::generate::now() + chrono::Duration::hours(25));
    let reply = server.send("application/json", early.to_string()).await;
    reply.is_problem(400, "invalid_event");
    let early = place(&reply.body);
    let hopeless = place(
        &server
            .send("application/json", bad().to_string())
            .await
            .body,
    );

    server.clock.advance(chrono::Duration::hours(2));
    let replay = command(
        &server,
        "/v1/quarantine/replay",
        &json!({"source": "tests"}),
    )
    .await;
    assert_eq!(
        (replay.status, &replay.body["data"]["replayed"]),
        (200, &json!(1))
    );
    assert_eq!(replay.body["data"]["items"][0]["event"], early);
    let event = server.ask(&format!("/v1/events/{early}")).await;
    assert_eq!(event["data"]["event_id"], "early");
    let replay = Reply::of(server.post("/v1/quarantine/replay")).await;
    let item = &replay.body["data"]["items"][0];
    assert_eq!(
        (&item["id"], &item["status"]),
        (&json!(hopeless), &json!("invalid"))
    );

    let input = json!({"ids": [hopeless], "reason": "a typing error"});
    let discard = command(&server, "/v1/quarantine/discard", &input).await;
    assert_eq!(discard.body["data"], json!({"discarded": 1, "others": []}));
    let item = server.ask(&format!("/v1/quarantine/{hopeless}")).await["data"].clone();
    assert_eq!(
        (&item["state"], &item["reason"]),
        (&json!("discarded"), &json!("a typing error"))
    );
    assert_eq!(waiting(&server).await.len(), 0);
    let totals = server.ask("/v1/accounting").await["data"]["totals"].clone();
    assert_eq!(
        (&totals["received"], &totals["stored"]),
        (&json!(2), &json!(1))
    );
    let missing = format!("/v1/quarantine/{}", "019caa3c-5e80-7000-8000-000000000001");
    Reply::of(server.get(&missing))
        .await
        .is_problem(404, "not_found");
}

#[tokio::test]
async fn commands_are_read_strictly_and_are_for_administrators() {
    let server = Server::start().await;
    let path = "/v1/quarantine/discard";
    let check = async |body: &Value, word: &str| {
        let reply = command(&server, path, body).await;
        reply.is_problem(400, "invalid_input");
        assert!(
            reply.body["detail"].as_str().unwrap().contains(word),
            "{}",
            reply.body
        );
    };
    check(&json!({"ids": [], "reason": "r"}), "1 to 1000").await;
    check(&json!({"ids": ["x"], "reason": "r"}), "ids[0]").await;
    check(&json!({"ids": [], "resaon": "r"}), "`reason`?").await;
    check(&json!([]), "a JSON object").await;
    let text = |content_type: &str, body: &str| {
        let request = server.post(path).header("content-type", content_type);
        Reply::of(request.body(body.to_owned()))
    };
    text("text/plain", "{}")
        .await
        .is_problem(415, "unsupported_media_type");
    text("application/json", "{")
        .await
        .is_problem(400, "malformed_json");
    Reply::of(server.post("/v1/quarantine/replay?source=s"))
        .await
        .is_problem(400, "invalid_input");
    Reply::of(server.get(path))
        .await
        .is_problem(405, "method_not_allowed");

    let reader = server
        .token(&[Scope::EventsRead, Scope::EventsWrite, Scope::MetricsRead])
        .await;
    for (method, path) in [
        (Method::GET, "/v1/quarantine"),
        (Method::POST, "/v1/quarantine/replay"),
        (Method::POST, path),
    ] {
        let request = server.bare(method, path).bearer_auth(&reader);
        Reply::of(request).await.is_problem(403, "denied");
    }
    // A session may, from our own pages only.
    let session = server.session().await;
    let from = |site: &str| {
        let request = server.bare(Method::POST, "/v1/quarantine/replay");
        let request = request
            .header("cookie", &session)
            .header("sec-fetch-site", site);
        Reply::of(request)
    };
    from("cross-site").await.is_problem(403, "cross_site");
    assert_eq!(from("same-origin").await.status, 200);
}
