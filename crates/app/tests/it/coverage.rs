//! The real server without its database, restarted and killed, and a source that falls silent: every
//! answer that it concerns says so, with the right period, and no other does.

use pts_adapter_postgres::cluster::{Cluster, ClusterOptions};
use pts_domain::Timestamp;
use pts_domain::time::parse;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{Server, data_dir};

fn notice(source: &str, id: usize) -> Value {
    json!({"type": "platform.notice", "source": source, "id": id.to_string(),
        "data": {"message": "m"}})
}

/// Sends a notice that is stored, and tells when it was received.
async fn sent(server: &Server, source: &str, id: usize) -> Timestamp {
    let (status, receipt) = server.post(&notice(source, id)).await;
    assert_eq!(status, StatusCode::CREATED, "{receipt}");
    time(&receipt["received_at"])
}

fn time(value: &Value) -> Timestamp {
    parse(
        value
            .as_str()
            .unwrap_or_else(|| panic!("{value} is no time")),
    )
    .unwrap()
}

fn text(at: Timestamp) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true)
}

async fn coverage(server: &Server, query: &str) -> Value {
    let (status, mut answer) = server.get(&format!("/v1/{query}")).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    answer["coverage"].take()
}

/// The only gap of a coverage, which says this; from and to.
fn gap(coverage: &Value, reason: &str) -> (Timestamp, Timestamp) {
    assert_eq!(coverage["complete"], false, "{coverage}");
    let gaps = coverage["gaps"].as_array().unwrap();
    let mut fits = gaps
        .iter()
        .filter(|gap| gap["reason"].as_str().unwrap().contains(reason));
    let found = fits
        .next()
        .unwrap_or_else(|| panic!("{reason}: {coverage}"));
    assert!(fits.next().is_none(), "{coverage}");
    (time(&found["from"]), time(&found["to"]))
}

fn is_whole(coverage: &Value) {
    assert_eq!(coverage["complete"], true, "{coverage}");
}

#[tokio::test]
async fn what_was_missed_is_told_with_its_period() {
    let (dir, elsewhere) = (data_dir(), data_dir());
    let start = || Cluster::start(ClusterOptions::new(elsewhere.path()));
    let database = start().await.unwrap();
    let url = database.url().to_owned();
    let arguments = ["--database-url", url.as_str()];
    let server = Server::start(dir.path(), &arguments).await;
    let before = sent(&server, "ci", 1).await;
    is_whole(&coverage(&server, "events").await);
    is_whole(&coverage(&server, "services").await);

    // The database goes away, and two events are refused.
    let last = sent(&server, "ci", 2).await;
    database.stop().await;
    for id in [3, 4] {
        let (status, problem) = server.post(&notice("ci", id)).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{problem}");
    }
    let database = start().await.unwrap();
    let stored =
        async |s: &Server| s.post(&notice("ci", 3)).await.0 != StatusCode::SERVICE_UNAVAILABLE;
    server.until("events are stored again", stored).await;
    let after = sent(&server, "ci", 5).await;
    let (from, to) = gap(&coverage(&server, "events").await, "the store was away");
    assert!(
        last <= from && from < to && to <= after,
        "{last} {from} {to} {after}"
    );
    gap(&coverage(&server, "services").await, "the store was away");
    gap(&coverage(&server, "dora").await, "the store was away");
    let (until, since) = (text(last), text(after));
    is_whole(&coverage(&server, &format!("events?until={until}")).await);
    is_whole(&coverage(&server, &format!("events?since={since}")).await);
    is_whole(&coverage(&server, &format!("deployments?since={since}")).await);
    is_whole(&coverage(&server, "event-types").await);
    let (status, problem) = server.get("/v1/events?partial=deny").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{problem}");

    // It is stopped in order, and killed later.
    assert!(server.end("TERM").await.success());
    let server = Server::start(dir.path(), &arguments).await;
    let again = sent(&server, "ci", 6).await;
    let query = format!("events?since={since}");
    let (from, to) = gap(&coverage(&server, &query).await, "was stopped");
    assert!(after <= from && from < to && to <= again, "{from} {to}");
    assert!(server.end("KILL").await.code().is_none());
    let server = Server::start(dir.path(), &arguments).await;
    let third = sent(&server, "ci", 7).await;
    let query = format!("events?since={}", text(again));
    let (from, to) = gap(&coverage(&server, &query).await, "was not running");
    assert!(from < to && to <= third, "{from} {to}");
    // What was known before it was killed still is.
    let query = format!("events?since={}&until={since}", text(before));
    gap(&coverage(&server, &query).await, "the store was away");
    is_whole(&coverage(&server, &format!("events?since={}", text(third))).await);
    assert!(server.end("TERM").await.success());
    database.stop().await;
}

#[tokio::test]
async fn a_source_that_falls_silent_is_named_where_it_matters() {
    let dir = data_dir();
    let server = Server::start(dir.path(), &[]).await;
    let expected = json!({"source": "agent", "every_s": 1});
    let (status, standing) = server
        .ask(Method::POST, "/v1/expectations", Some(&expected))
        .await;
    assert_eq!(status, StatusCode::OK, "{standing}");
    assert_eq!(standing["data"]["origin"], "declared");
    let heard = sent(&server, "agent", 1).await;
    let silent = async |s: &Server| {
        let (_, listed) = s.get("/v1/expectations?state=silent").await;
        listed["data"][0]["source"] == "agent"
    };
    server.until("its silence is noticed", silent).await;
    let told = coverage(&server, "events").await;
    assert_eq!(told["complete"], false, "{told}");
    assert_eq!(told["sources"][1]["name"], "agent");
    assert_eq!(told["sources"][1]["state"], "stale");
    is_whole(&coverage(&server, "events?source=ci").await);
    is_whole(&coverage(&server, &format!("events?until={}", text(heard))).await);
    is_whole(&coverage(&server, "incidents").await);

    let back = sent(&server, "agent", 2).await;
    let (from, to) = gap(&coverage(&server, "events").await, "was silent");
    assert_eq!((from, to), (heard, back));
    let removing = json!({"source": "agent"});
    let (status, removed) = server
        .ask(Method::POST, "/v1/expectations/remove", Some(&removing))
        .await;
    assert_eq!(status, StatusCode::OK, "{removed}");
    assert!(server.end("TERM").await.success());
}
