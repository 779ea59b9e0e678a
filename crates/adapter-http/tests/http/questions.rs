//! Questions: filters, pages, coverage, and what is said to questions nobody can answer.

use std::collections::HashSet;

use reqwest::Method;
use serde_json::{Value, json};

use super::support::{Reply, Server, deployment, foreign};

fn ids(answer: &Value) -> Vec<String> {
    let items = answer["data"].as_array().unwrap();
    items
        .iter()
        .map(|item| item["event_id"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn filters_narrow_and_the_answer_says_what_it_rests_on() {
    let server = Server::start().await;
    server
        .stored(&json!([
            foreign("a"),
            deployment("started", "d-1", "payments"),
            deployment("succeeded", "d-1", "payments"),
            deployment("started", "d-2", "orders"),
        ]))
        .await;
    let check = async |query: &str, expected: &[&str]| {
        let answer = server.ask(&format!("/v1/events?{query}")).await;
        let found: HashSet<_> = ids(&answer).into_iter().collect();
        assert_eq!(
            found,
            expected.iter().map(ToString::to_string).collect(),
            "{query}"
        );
        assert!(answer["coverage"]["complete"].is_boolean());
        assert!(answer["warnings"].is_array());
    };
    check(
        "type=deployment.*",
        &["d-1-started", "d-1-succeeded", "d-2-started"],
    )
    .await;
    check(
        "type=com.acme.tested,deployment.succeeded",
        &["a", "d-1-succeeded"],
    )
    .await;
    check("service=payments&type=deployment.started", &["d-1-started"]).await;
    check("data.deployment_id=d-2", &["d-2-started"]).await;
    check("source=tests&since=1h", &["a"]).await;
    check("since=2030-01-01T00:00:00%2B01:00", &[]).await;

    let deployments = server.ask("/v1/deployments?status=succeeded").await;
    assert_eq!(deployments["data"][0]["deployment_id"], "d-1");
    let detail = server.ask("/v1/deployments/d-1").await;
    assert_eq!(detail["data"]["events"].as_array().unwrap().len(), 2);
    assert!(
        detail["data"]["deployment"]["status_at"]
            .as_str()
            .unwrap()
            .ends_with('Z')
    );
}

#[tokio::test]
async fn pages_neither_skip_nor_repeat_while_others_write() {
    let server = Server::start().await;
    for n in 0..25 {
        server.stored(&foreign(&format!("old-{n}"))).await;
    }
    let (mut seen, mut cursor, mut pages) = (Vec::new(), None::<String>, 0);
    loop {
        let more = cursor
            .map(|cursor| format!("&cursor={cursor}"))
            .unwrap_or_default();
        let answer = server.ask(&format!("/events?limit=10{more}")).await;
        seen.extend(ids(&answer));
        pages += 1;
        server.stored(&foreign(&format!("new-{pages}"))).await;
        match answer.get("next_cursor").and_then(Value::as_str) {
            Some(next) => cursor = Some(next.to_owned()),
            None => break,
        }
    }
    let old: HashSet<_> = seen.iter().filter(|id| id.starts_with("old-")).collect();
    assert_eq!((old.len(), seen.len(), pages), (25, 25, 3));
}

#[tokio::test]
async fn every_question_answers_on_an_empty_store() {
    let server = Server::start().await;
    for action in pts_api::actions::all() {
        let mut generator = schemars::generate::SchemaSettings::draft2020_12()
            .with(|settings| settings.inline_subschemas = true)
            .into_generator();
        let input = (action.input_schema)(&mut generator);
        if action.binding != pts_api::Binding::Query || input.get("required").is_some() {
            continue;
        }
        for path in [&[action.path], action.aliases].concat() {
            let answer = server.ask(path).await;
            assert!(answer.get("data").is_some(), "{path}: {answer}");
        }
    }
    let types = server.ask("/v1/event-types?family=deployment").await;
    assert_eq!(types["data"].as_array().unwrap().len(), 6);
    let one = server.ask("/v1/event-types/deployment.started").await;
    let example = &one["data"]["example"];
    server.stored(example).await;
}

#[tokio::test]
async fn questions_that_cannot_be_answered_say_why() {
    let server = Server::start().await;
    server
        .stored(&deployment("started", "d-1", "payments"))
        .await;
    server
        .stored(&{
            let mut other = deployment("started", "d-1", "orders");
            other["id"] = json!("other");
            other
        })
        .await;
    let check = async |path: &str, status, code| {
        let reply = Reply::of(server.get(path)).await;
        reply.is_problem(status, code);
        reply.body
    };
    let unknown = check("/v1/events?servise=x", 400, "invalid_input").await;
    assert_eq!(unknown["errors"][0]["field"], "servise");
    assert!(
        unknown["errors"][0]["expected"]
            .as_str()
            .unwrap()
            .starts_with("`service`?")
    );
    for path in [
        "/v1/events?limit=0",
        "/v1/events?limit=1001",
        "/v1/events?cursor=zz",
        "/v1/events?since=tomorrow",
        "/v1/events?type=%ff",
        "/v1/events?service=%00",
        "/v1/events/not-a-uuid",
        "/v1/services/%C3%28",
        "/v1/deployments?status=done",
        "/v1/dora?window=lately",
        "/v1/at?time=x",
    ] {
        check(path, 400, "invalid_input").await;
    }
    check(
        "/v1/events/019caa3c-5e80-7000-8000-000000000001",
        404,
        "not_found",
    )
    .await;
    check("/v1/deployments/none", 404, "not_found").await;
    check("/v1/services/none", 404, "not_found").await;
    check("/v1/event-types/none", 404, "not_found").await;
    check("/v1/deployments/d-1", 409, "ambiguous").await;
    server.ask("/v1/deployments/d-1?service=orders").await;
}

#[tokio::test]
async fn head_answers_like_get_without_a_body() {
    let server = Server::start().await;
    let request = server
        .bare(Method::HEAD, "/v1/events")
        .bearer_auth(&server.admin);
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "application/json");
    assert_eq!(response.bytes().await.unwrap().len(), 0);
}
