//! The store is away, or fails: who is told what, and that everything works again by itself.

use pts_ports::StoreError;
use reqwest::Method;
use serde_json::json;

use super::support::{Reply, Server, foreign};

#[tokio::test]
async fn while_the_store_is_away_everything_says_so_but_the_process_lives() {
    let server = Server::start().await;
    server.ask("/v1/events").await;
    server.store.set_available(false);
    let event = foreign("a").to_string();
    for reply in [
        server.send("application/json", event.clone()).await,
        server.send("application/json", format!("[{event}]")).await,
        Reply::of(server.get("/v1/events")).await,
        Reply::of(server.get("/v1/deployments")).await,
        Reply::of(server.get("/v1/events/stream")).await,
        Reply::of(server.bare(Method::GET, "/readyz")).await,
    ] {
        reply.is_problem(503, "unavailable");
        assert_eq!(reply.headers["retry-after"], "1");
        let text = reply.body.to_string();
        assert!(
            !text.contains("switched off"),
            "an inner reason got out: {text}"
        );
    }
    assert_eq!(
        Reply::of(server.bare(Method::GET, "/healthz")).await.status,
        200
    );

    server.store.set_available(true);
    assert_eq!(
        Reply::of(server.bare(Method::GET, "/readyz")).await.status,
        200
    );
    assert_eq!(server.send("application/json", event).await.status, 201);
}

#[tokio::test]
async fn a_fault_inside_is_a_500_that_tells_nothing_but_its_id() {
    let server = Server::start().await;
    server.ask("/v1/events").await;
    server
        .store
        .fail_next(StoreError::Corrupt("secret detail".into()));
    let reply = Reply::of(server.get("/v1/events")).await;
    reply.is_problem(500, "internal");
    assert!(!reply.body.to_string().contains("secret"));
    server.ask("/v1/events").await;
}

#[tokio::test]
async fn a_write_whose_answer_was_lost_can_be_sent_again() {
    let server = Server::start().await;
    server.ask("/v1/events").await;
    server
        .store
        .fail_after_next_append(StoreError::Unavailable {
            reason: "cut".into(),
            maybe_done: true,
        });
    let event = foreign("a").to_string();
    server
        .send("application/json", event.clone())
        .await
        .is_problem(503, "unavailable");
    let again = server.send("application/json", event).await;
    assert_eq!(
        (again.status, &again.body["duplicate"]),
        (200, &json!(true))
    );
}

#[tokio::test]
async fn tokens_that_cannot_be_checked_are_not_called_bad() {
    let server = Server::start().await;
    server.store.set_available(false);
    let reply = Reply::of(server.get("/v1/events")).await;
    reply.is_problem(503, "unavailable");
}
