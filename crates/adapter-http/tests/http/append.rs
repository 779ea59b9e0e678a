//! Events in: every form in which they come, and what their senders are told.

use std::io::Write as _;

use reqwest::Method;
use serde_json::{Value, json};

use super::support::{Reply, Server, deployment, foreign};

#[tokio::test]
async fn one_event_is_created_then_a_repeat_then_a_conflict() {
    let server = Server::start().await;
    let event = foreign("a").to_string();
    let first = server.send("application/json", event.clone()).await;
    assert_eq!(first.status, 201, "{}", first.body);
    assert_eq!(first.body["duplicate"], false);
    let id = first.body["id"].as_str().unwrap();
    assert_eq!(
        first.headers["location"].to_str().unwrap(),
        format!("/v1/events/{id}")
    );
    assert!(first.body["received_at"].as_str().unwrap().ends_with('Z'));

    let again = server.send("application/json", event).await;
    assert_eq!(again.status, 200);
    assert_eq!(
        (&again.body["id"], &again.body["duplicate"]),
        (&json!(id), &json!(true))
    );
    assert_eq!(again.body["received_at"], first.body["received_at"]);

    let mut other = foreign("a");
    other["data"]["n"] = json!(2);
    let conflict = server.send("application/json", other.to_string()).await;
    conflict.is_problem(409, "identity_conflict");
    assert!(
        conflict.body["detail"].as_str().unwrap().contains(id),
        "{}",
        conflict.body
    );

    let stored = server.ask(&format!("/v1/events/{id}")).await;
    assert_eq!(stored["data"]["data"], json!({ "n": 1 }));
}

#[tokio::test]
async fn the_alias_takes_events_too() {
    let server = Server::start().await;
    let reply = Reply::of(server.post("/events").body(foreign("a").to_string())).await;
    assert_eq!(
        reply.status, 201,
        "no content type means JSON: {}",
        reply.body
    );
}

#[tokio::test]
async fn an_event_that_is_not_valid_names_every_field() {
    let server = Server::start().await;
    let event = json!({ "type": "deployment.started", "source": "ci", "data": { "service": 7 } });
    let reply = server.send("application/json", event.to_string()).await;
    reply.is_problem(400, "invalid_event");
    let fields: Vec<_> = reply.body["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| &e["field"])
        .collect();
    assert!(fields.contains(&&json!("data.environment")), "{fields:?}");
}

#[tokio::test]
async fn good_events_of_a_batch_are_stored_beside_bad_ones() {
    let server = Server::start().await;
    let batch = json!([
        foreign("a"),
        { "type": "deployment.strated", "source": "ci" },
        foreign("a"),
        7,
        { "type": "com.acme.tested", "source": "tests", "id": "a", "data": "another" },
        foreign("b"),
    ]);
    let reply = server.send("application/json", batch.to_string()).await;
    assert_eq!(reply.status, 207, "{}", reply.body);
    let items = reply.body["items"].as_array().unwrap();
    let outcomes: Vec<_> = items
        .iter()
        .map(|i| (i["status"].as_str().unwrap(), i["code"].as_u64().unwrap()))
        .collect();
    assert_eq!(
        outcomes,
        [
            ("created", 201),
            ("invalid", 400),
            ("duplicate", 200),
            ("invalid", 400),
            ("conflict", 409),
            ("created", 201)
        ]
    );
    assert_eq!(items[2]["receipt"]["id"], items[0]["receipt"]["id"]);
    let near = &items[1]["problem"]["errors"][0]["expected"];
    assert_eq!(near, "did you mean `deployment.started`?");
    assert_eq!(
        (
            &reply.body["created"],
            &reply.body["duplicates"],
            &reply.body["rejected"]
        ),
        (&json!(2), &json!(1), &json!(3))
    );
    assert_eq!(
        server.ask("/v1/events").await["data"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
}

#[tokio::test]
async fn an_array_of_one_is_a_batch() {
    let server = Server::start().await;
    let reply = server
        .send("application/json", json!([foreign("a")]).to_string())
        .await;
    assert_eq!((reply.status, &reply.body["created"]), (200, &json!(1)));
}

#[tokio::test]
async fn validation_alone_stores_nothing() {
    let server = Server::start().await;
    let post = |body: Value| {
        Reply::of(
            server
                .post("/v1/events?validate=only")
                .body(body.to_string()),
        )
    };
    let one = post(foreign("a")).await;
    assert_eq!(
        (one.status, &one.body["id"]),
        (200, &Value::Null),
        "{}",
        one.body
    );
    post(json!({ "type": "x" }))
        .await
        .is_problem(400, "invalid_event");
    let batch = post(json!([foreign("a"), {}])).await;
    assert_eq!(batch.status, 207);
    assert_eq!(batch.body["items"][0]["status"], "valid");
    assert_eq!(server.ask("/v1/events").await["data"], json!([]));
    let unknown = Reply::of(server.post("/v1/events?validate=all").body("{}")).await;
    unknown.is_problem(400, "invalid_input");
    assert_eq!(unknown.body["errors"][0]["expected"], "`only`");
}

#[tokio::test]
async fn acceptance_is_answered_as_such_and_the_events_are_there_soon() {
    let server = Server::start().await;
    let post = |body: Value| {
        let request = server.post("/v1/events?ack=accepted");
        Reply::of(request.body(body.to_string()))
    };
    let one = post(foreign("a")).await;
    assert_eq!(one.status, 202, "{}", one.body);
    let id = one.body["id"].as_str().unwrap();
    let path = format!("/v1/events/{id}");
    assert_eq!(one.headers["location"].to_str().unwrap(), path);
    let batch = post(json!([foreign("a"), foreign("b")])).await;
    assert_eq!(batch.status, 202, "{}", batch.body);
    assert_eq!(batch.body["items"][1]["status"], "accepted");
    assert_eq!(batch.body["items"][1]["code"], 202);
    assert_eq!(batch.body["created"], 0, "nobody knows yet");
    // What is not valid is said at once.
    let mixed = post(json!([foreign("c"), {}])).await;
    assert_eq!(mixed.status, 207);
    let statuses = [0, 1].map(|n| mixed.body["items"][n]["status"].clone());
    assert_eq!(statuses, ["accepted", "invalid"]);
    post(json!({})).await.is_problem(400, "invalid_event");
    let asked = server.post("/v1/events?ack=committed");
    let committed = Reply::of(asked.body(foreign("d").to_string())).await;
    assert_eq!(committed.status, 201);
    let unknown = Reply::of(server.post("/v1/events?ack=soon").body("{}")).await;
    unknown.is_problem(400, "invalid_input");
    // Whoever was accepted comes before whoever asked later.
    let there = server.ask("/v1/events").await;
    let ids: Vec<_> = there["data"].as_array().unwrap().iter().collect();
    assert_eq!(ids.len(), 4, "a, b, c and d once each");
    assert_eq!(server.ask(&path).await["data"]["id"], id);
}

#[tokio::test]
async fn the_document_says_how_an_event_may_be_put_off() {
    let server = Server::start().await;
    let document = server.ask("/openapi.json").await;
    let responses = &document["paths"]["/v1/events"]["post"]["responses"];
    assert!(responses["202"]["content"]["application/json"]["schema"].is_object());
    for status in ["429", "503"] {
        let name = responses[status]["$ref"].as_str().unwrap();
        let name = name.strip_prefix("#/components/responses/").unwrap();
        let response = &document["components"]["responses"][name];
        assert!(response["headers"]["Retry-After"].is_object(), "{response}");
    }
}

#[tokio::test]
async fn lines_are_a_batch_and_a_bad_line_hurts_no_other() {
    let server = Server::start().await;
    let body = format!("{}\n\n{{\"type\":\n{}\r\n", foreign("a"), foreign("b"));
    for content_type in [
        "application/x-ndjson",
        "application/ndjson",
        "application/jsonl",
    ] {
        let reply = server.send(content_type, body.clone()).await;
        assert_eq!(reply.status, 207, "{}", reply.body);
        assert_eq!(reply.body["items"].as_array().unwrap().len(), 3);
        let found = &reply.body["items"][1]["problem"]["errors"][0]["found"];
        assert!(
            found.as_str().unwrap().starts_with("line 3, column"),
            "{found}"
        );
    }
}

#[tokio::test]
async fn cloudevents_come_in_three_modes_and_mean_the_same() {
    let server = Server::start().await;
    let data = deployment("started", "d-1", "payments")["data"].clone();
    let event = json!({
        "specversion": "1.0",
        "id": "e-1",
        "source": "/ci/büro",
        "type": "deployment.started",
        "time": "2026-03-01T12:00:00Z",
        "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "data": data,
    });
    let structured = server
        .send(
            "application/cloudevents+json; charset=UTF-8",
            event.to_string(),
        )
        .await;
    assert_eq!(structured.status, 201, "{}", structured.body);

    let batch = server
        .send(
            "application/cloudevents-batch+json",
            json!([event]).to_string(),
        )
        .await;
    assert_eq!(
        (batch.status, &batch.body["duplicates"]),
        (200, &json!(1)),
        "{}",
        batch.body
    );

    let mut binary = server.post("/v1/events");
    for (name, value) in event.as_object().unwrap() {
        if let Value::String(text) = value {
            binary = binary.header(format!("ce-{name}"), text.replace('ü', "%C3%BC"));
        }
    }
    let binary = Reply::of(binary.body(data.to_string())).await;
    assert_eq!(
        (binary.status, &binary.body["id"]),
        (200, &structured.body["id"])
    );
    assert_eq!(binary.body["duplicate"], true);
}

#[tokio::test]
async fn strict_forms_ask_for_every_attribute() {
    let server = Server::start().await;
    let bare = json!({ "type": "x", "source": "s" }).to_string();
    server
        .send("application/cloudevents+json", bare)
        .await
        .is_problem(400, "invalid_event");
    let request = server
        .post("/v1/events")
        .header("ce-id", "1")
        .header("ce-source", "s");
    let reply = Reply::of(request.body("{}")).await;
    reply.is_problem(400, "invalid_event");
    let fields: Vec<_> = reply.body["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["field"].clone())
        .collect();
    assert_eq!(fields, ["specversion", "type"]);
}

#[tokio::test]
async fn binary_data_is_kept_as_its_type_says() {
    let server = Server::start().await;
    let post = |id: &'static str, content_type: &'static str, body: &'static [u8]| {
        let request = server
            .post("/v1/events")
            .header("content-type", content_type);
        let request = request.header("ce-specversion", "1.0").header("ce-id", id);
        let request = request
            .header("ce-source", "s")
            .header("ce-type", "com.acme.file");
        async move { Reply::of(request.body(body)).await }
    };
    let stored = |reply: Reply| {
        assert_eq!(reply.status, 201, "{}", reply.body);
        let path = format!("/v1/events/{}", reply.body["id"].as_str().unwrap());
        let server = &server;
        async move { server.ask(&path).await["data"].clone() }
    };
    let text = stored(post("1", "text/plain", "grüß".as_bytes()).await).await;
    assert_eq!(text["data"], "grüß");
    let png = stored(post("2", "image/png", &[0x89, 0x50, 0xff]).await).await;
    assert_eq!(png["attributes"]["data_base64"], "iVD/");
    assert_eq!(png["attributes"]["datacontenttype"], "image/png");
    assert_eq!(png["data"], Value::Null);
}

#[tokio::test]
async fn compressed_bodies_are_taken() {
    let server = Server::start().await;
    let batch: Value = (0..500).map(|n| foreign(&n.to_string())).collect();
    let text = batch.to_string();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(text.as_bytes()).unwrap();
    let zstd = zstd::stream::encode_all(text.as_bytes(), 3).unwrap();
    for (encoding, body, counted) in [
        ("gzip", gzip.finish().unwrap(), "created"),
        ("zstd", zstd, "duplicates"),
    ] {
        let request = server
            .post("/v1/events")
            .header("content-encoding", encoding);
        let reply = Reply::of(request.body(body)).await;
        assert_eq!(
            (reply.status, &reply.body[counted]),
            (200, &json!(500)),
            "{encoding}"
        );
    }
}

#[tokio::test]
async fn what_does_not_fit_is_stored_and_said() {
    let server = Server::start().await;
    server
        .stored(&deployment("succeeded", "d-1", "payments"))
        .await;
    let mut earlier = deployment("started", "d-1", "payments");
    earlier["data"]["version"] = json!("9.9.9");
    let receipt = server.stored(&earlier).await;
    assert_eq!(receipt["duplicate"], false);
    let about = "/v1/contradictions?about=deployment%20payments/production/d-1";
    let known = server.ask(about).await["data"].as_array().unwrap().len();
    let told = receipt["contradictions"].as_array().map_or(0, Vec::len);
    assert!(told > 0 && known >= told, "{receipt}: {known} known");
}

#[tokio::test]
async fn a_token_must_be_allowed_to_write() {
    use pts_domain::access::Scope;
    let server = Server::start().await;
    let reader = server.token(&[Scope::EventsRead]).await;
    let request = server.bare(Method::POST, "/v1/events").bearer_auth(reader);
    let reply = Reply::of(request.body(foreign("a").to_string())).await;
    reply.is_problem(403, "denied");
    assert!(
        reply.body["detail"]
            .as_str()
            .unwrap()
            .contains("events:write")
    );
}
