//! Exports: everything that fits, in two forms, whole or noticeably not.

use pts_domain::access::Scope;
use pts_domain::time::parse;
use pts_ports::{Remover, RetentionRun};
use reqwest::Method;
use serde_json::{Value, json};

use super::actions::on_the_platform;
use super::support::{Reply, Server, deployment, foreign};

/// An export that ends as it should: its head and its text.
async fn export(server: &Server, query: &str) -> (reqwest::header::HeaderMap, String) {
    let request = server.get(&format!("/v1/events/export{query}"));
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 200, "{query}");
    let headers = response.headers().clone();
    (headers, response.text().await.unwrap())
}

fn lines(text: &str) -> Vec<Value> {
    assert!(text.ends_with('\n'));
    let lines = text.lines().map(serde_json::from_str);
    lines.collect::<Result<_, _>>().unwrap()
}

/// What stands in the way of formulas and parsers.
fn odd() -> Value {
    json!({
        "type": "com.acme.odd", "source": "=cmd|' /C calc'!A0", "id": "+1", "subject": "a \"b\", c",
        "time": "2026-01-02T03:04:05.678901Z", "dataschema": "urn:x",
        "data": { "service": "@home", "n": 1.5, "text": "ä\n\u{1}", "list": [null, {}] },
    })
}

#[tokio::test]
async fn ndjson_is_what_a_search_gives_and_ends_with_what_it_rests_on() {
    let server = Server::start().await;
    let mut events: Vec<_> = (0..30).map(|n| foreign(&format!("f{n}"))).collect();
    events.push(odd());
    events.push(deployment("started", "d-1", "payments"));
    server.stored(&Value::Array(events)).await;
    for query in [
        "?limit=1000",
        "?limit=1000&type=deployment.*",
        "?limit=1000&data.n=1",
    ] {
        let found = server.ask(&format!("/v1/events{query}")).await;
        let (headers, text) = export(&server, &query.replace("limit=1000", "format=ndjson")).await;
        assert_eq!(headers["content-type"], "application/x-ndjson");
        assert_eq!(headers["x-pts-up-to"], "32");
        assert_eq!(headers["x-pts-coverage"], "complete");
        assert!(
            headers["content-disposition"]
                .to_str()
                .unwrap()
                .contains("events.ndjson")
        );
        let mut lines = lines(&text);
        let end = lines.pop().unwrap();
        assert_eq!(Value::Array(lines.clone()), found["data"], "{query}");
        assert_eq!(
            (
                &end["end"],
                &end["count"],
                &end["up_to"],
                &end["coverage"]["complete"]
            ),
            (&json!(true), &json!(lines.len()), &json!(32), &json!(true))
        );
        assert_eq!(end["coverage"]["sources"][0]["name"], "platform-events");
    }
    let (_, text) = export(&server, "?source=nobody").await;
    assert_eq!(lines(&text)[0]["count"], 0);
}

#[tokio::test]
async fn csv_is_read_by_others_and_holds_no_formula() {
    let server = Server::start().await;
    server
        .stored(&json!([odd(), deployment("started", "d-1", "payments")]))
        .await;
    let request = server.get("/v1/events/export").header("accept", "text/csv");
    let response = request.send().await.unwrap();
    let content_type = response.headers()["content-type"]
        .to_str()
        .unwrap()
        .to_owned();
    assert_eq!(content_type, "text/csv; charset=utf-8; header=present");
    let text = response.text().await.unwrap();
    assert!(text.starts_with("position,id,time,received_at,type,source,event_id,subject,service,environment,data,attributes\r\n"));

    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let names = reader.headers().unwrap().clone();
    let rows: Vec<_> = reader.records().collect::<Result<_, _>>().unwrap();
    let of = |position: &str, name: &str| {
        let row = rows.iter().find(|row| &row[0] == position).unwrap();
        let at = names.iter().position(|column| column == name).unwrap();
        row[at].to_owned()
    };
    assert_eq!(rows.len(), 2);
    for row in &rows {
        for field in row.iter().skip(4) {
            assert!(
                !field.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']),
                "{field}"
            );
        }
    }
    assert_eq!(of("1", "source"), "'=cmd|' /C calc'!A0");
    assert_eq!(of("1", "event_id"), "'+1");
    assert_eq!(of("1", "subject"), "a \"b\", c");
    assert_eq!(of("1", "service"), "'@home");
    assert_eq!(of("1", "time"), "2026-01-02T03:04:05.678901Z");
    let data: Value = serde_json::from_str(&of("1", "data")).unwrap();
    assert_eq!(data, odd()["data"]);
    let attributes: Value = serde_json::from_str(&of("1", "attributes")).unwrap();
    assert_eq!(attributes, json!({ "dataschema": "urn:x" }));
    assert_eq!(of("2", "environment"), "production");
    assert_eq!(of("2", "subject"), "");
}

#[tokio::test]
async fn an_export_that_cannot_go_on_is_broken_off() {
    let server = Server::start().await;
    let events: Vec<_> = (0..40).map(|n| foreign(&format!("f{n}"))).collect();
    server.stored(&Value::Array(events)).await;
    for format in ["ndjson", "csv"] {
        server.store.fail_after_stretches(3);
        let path = format!("/v1/events/export?format={format}");
        let response = server.get(&path).send().await.unwrap();
        assert_eq!(response.status(), 200);
        let read = response.bytes().await;
        assert!(read.is_err(), "{format}: {read:?}");
    }
    // Before anything was written there is a better way to say so.
    server.store.fail_after_stretches(0);
    let reply = Reply::of(server.get("/v1/events/export")).await;
    reply.is_problem(503, "unavailable");
}

#[tokio::test]
async fn an_export_tells_what_is_missing() {
    let server = Server::start().await;
    server.stored(&foreign("a")).await;
    let day = |day: &str| parse(&format!("2026-01-{day}T00:00:00Z")).unwrap();
    let run = RetentionRun {
        id: uuid::Uuid::nil(),
        at: day("20"),
        who: Remover::Schedule,
        horizon: day("19"),
        month: pts_domain::retention::Month::of(day("05")),
        removed: 7,
        kept: 0,
        freed_bytes: 0,
        first_removed: None,
        last_removed: None,
        oldest: Some(day("05")),
        newest: Some(day("06")),
        digest: [0; 32],
        duration_ms: 0,
    };
    server.gateway.tell_removed(&[run]);
    let (headers, text) = export(&server, "?until=2026-01-07T00:00:00Z").await;
    assert_eq!(headers["x-pts-coverage"], "incomplete");
    let end = lines(&text).pop().unwrap();
    assert_eq!(end["coverage"]["complete"], false);
    assert_eq!(end["coverage"]["gaps"][0]["from"], "2026-01-05T00:00:00Z");
    let denied = "/v1/events/export?until=2026-01-07T00:00:00Z&partial=deny";
    Reply::of(server.get(denied))
        .await
        .is_problem(503, "incomplete");
    let (headers, _) = export(&server, "?since=2026-01-07T00:00:00Z&partial=deny").await;
    assert_eq!(headers["x-pts-coverage"], "complete");
}

#[tokio::test]
async fn only_who_may_read_and_asks_for_what_there_is_gets_an_export() {
    let server = Server::start().await;
    let writer = server.token(&[Scope::EventsWrite]).await;
    let asked = server
        .bare(Method::GET, "/v1/events/export")
        .bearer_auth(writer);
    Reply::of(asked).await.is_problem(403, "denied");
    let bare = server.bare(Method::GET, "/v1/events/export");
    Reply::of(bare).await.is_problem(401, "token_missing");
    for (query, field) in [
        ("?limit=5", "limit"),
        ("?format=xml", "format"),
        ("?since=1h&until=2h", "until"),
        ("?partial=maybe", "partial"),
    ] {
        let reply = Reply::of(server.get(&format!("/v1/events/export{query}"))).await;
        reply.is_problem(400, "invalid_input");
        assert_eq!(reply.body["errors"][0]["field"], field, "{query}");
    }
    let head = server.bare(Method::HEAD, "/v1/events/export?format=csv");
    let head = head.bearer_auth(&server.admin).send().await.unwrap();
    assert_eq!(head.status(), 200);
    assert!(
        head.headers()["content-type"]
            .to_str()
            .unwrap()
            .starts_with("text/csv")
    );
}

#[tokio::test]
async fn readers_who_do_not_read_take_no_more_than_the_places_there_are() {
    let server = Server::start().await;
    let text = "x".repeat(100_000);
    for batch in 0..2 {
        let events: Vec<_> = (0..100)
            .map(|n| {
                let mut event = foreign(&format!("{batch}-{n}"));
                event["data"] = json!({ "text": text });
                event
            })
            .collect();
        server.stored(&Value::Array(events)).await;
    }
    let another = server.token(&[Scope::EventsRead]).await;
    let export = |token: &str| {
        server
            .bare(Method::GET, "/v1/events/export")
            .bearer_auth(token)
    };
    let mut open = Vec::new();
    for token in [&server.admin, &another] {
        for _ in 0..2 {
            let response = export(token).send().await.unwrap();
            assert_eq!(response.status(), 200);
            open.push(response);
        }
        // Half of the places are for others.
        let limited = Reply::of(export(token)).await;
        limited.is_problem(429, "limited");
        assert_eq!(limited.headers["retry-after"], "5");
        assert_eq!(limited.headers["ratelimit-policy"], "\"exports\";q=2");
    }
    let third = server.token(&[Scope::EventsRead]).await;
    let refused = Reply::of(export(&third)).await;
    refused.is_problem(503, "overloaded");
    assert_eq!(refused.headers["retry-after"], "5");
    // One who goes away makes room for another.
    drop(open.pop());
    while export(&third).send().await.unwrap().status() != 200 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_revoked_token_ends_its_export() {
    let server = Server::start().await;
    let text = "x".repeat(100_000);
    for batch in 0..2 {
        let events: Vec<_> = (0..140)
            .map(|n| {
                let mut event = foreign(&format!("{batch}-{n}"));
                event["data"] = json!({ "text": text });
                event
            })
            .collect();
        server.stored(&Value::Array(events)).await;
    }
    let (token, made) = server.token_and_id(&[Scope::EventsRead]).await;
    let request = server.bare(Method::GET, "/v1/events/export");
    let response = request.bearer_auth(token).send().await.unwrap();
    assert_eq!(response.status(), 200);
    server.gateway.access().revoke(made.id).await.unwrap();
    // More is left than fits between the two of them.
    assert!(response.bytes().await.is_err());
}

#[tokio::test]
async fn deployments_and_incidents_are_exported_as_they_are_found() {
    let server = on_the_platform().await;
    for (path, file) in [
        ("/v1/deployments", "deployments"),
        ("/v1/incidents", "incidents"),
    ] {
        let found = server.ask(&format!("{path}?limit=1000")).await;
        let found = found["data"].as_array().unwrap();
        assert!(!found.is_empty(), "{path}");
        let response = server.get(&format!("{path}/export")).send().await.unwrap();
        assert_eq!(response.status(), 200);
        let disposition = response.headers()["content-disposition"].to_str().unwrap();
        assert!(
            disposition.contains(&format!("{file}.ndjson")),
            "{disposition}"
        );
        let mut lines = lines(&response.text().await.unwrap());
        let end = lines.pop().unwrap();
        assert_eq!(
            (&end["end"], &end["count"]),
            (&json!(true), &json!(found.len()))
        );
        assert_eq!(&lines, found);

        let response = server.get(&format!("{path}/export?format=csv"));
        let text = response.send().await.unwrap().text().await.unwrap();
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let names = reader.headers().unwrap().clone();
        let rows: Vec<_> = reader.records().collect::<Result<_, _>>().unwrap();
        assert_eq!(rows.len(), found.len());
        for (row, found) in rows.iter().zip(found) {
            for (name, field) in names.iter().zip(row) {
                if name == "event_count" {
                    continue;
                }
                let expected = match &found[name] {
                    Value::Null => String::new(),
                    Value::String(text) => text.clone(),
                    other => other.to_string(),
                };
                assert_eq!(field, expected, "{path} {name}");
            }
        }
    }
    let failed = server.get("/v1/deployments/export?status=failed&service=payments");
    let failed = lines(&failed.send().await.unwrap().text().await.unwrap());
    assert!(
        failed.len() > 1 && failed[0]["status"] == "failed",
        "{failed:?}"
    );
    let odd = Reply::of(server.get("/v1/deployments/export?limit=5")).await;
    odd.is_problem(400, "invalid_input");
    let odd = Reply::of(server.get("/v1/deployments/export?since=1h&until=2h")).await;
    odd.is_problem(400, "invalid_input");
}
