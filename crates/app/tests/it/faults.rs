//! The database goes away and comes back.

use std::time::{Duration, Instant};

use pts_adapter_postgres::cluster::{Cluster, ClusterOptions};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{Server, data_dir};

fn notice(id: usize) -> Value {
    json!({"type": "platform.notice", "source": "s", "id": id.to_string(), "data": {"message": "m"}})
}

#[tokio::test]
async fn while_the_database_is_away_everything_says_so_and_afterwards_works_again() {
    let (dir, elsewhere) = (data_dir(), data_dir());
    let start = || Cluster::start(ClusterOptions::new(elsewhere.path()));
    let database = start().await.unwrap();
    let url = database.url().to_owned();
    let server = Server::start(dir.path(), &["--database-url", &url]).await;
    assert_eq!(server.post(&notice(1)).await.0, StatusCode::CREATED);

    database.stop().await;
    let asked = Instant::now();
    let (status, headers, problem) = server
        .ask_fully(Method::POST, "/v1/events", Some(&notice(2)))
        .await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{problem}");
    assert!(headers.contains_key("retry-after"));
    assert_eq!(headers["content-type"], "application/problem+json");
    assert!(
        asked.elapsed() < Duration::from_secs(10),
        "waiting is bounded"
    );
    assert_eq!(
        server.get("/v1/events").await.0,
        StatusCode::SERVICE_UNAVAILABLE
    );
    assert_eq!(
        server.get("/readyz").await.0,
        StatusCode::SERVICE_UNAVAILABLE
    );
    assert_eq!(server.get("/healthz").await.0, StatusCode::OK);
    // Figures matter most now: whoever read them lately still may.
    assert_eq!(server.get("/metrics").await.0, StatusCode::OK);

    let database = start().await.unwrap();
    let back = Instant::now();
    server
        .until("it is ready", async |s| {
            s.get("/readyz").await.0 == StatusCode::OK
        })
        .await;
    assert_eq!(server.post(&notice(2)).await.0, StatusCode::CREATED);
    assert!(
        back.elapsed() < Duration::from_secs(3),
        "took {:?}",
        back.elapsed()
    );
    let (_, events) = server.get("/v1/events").await;
    assert_eq!(
        events["data"].as_array().unwrap().len(),
        2,
        "nothing was half stored"
    );
    assert!(server.end("TERM").await.success());
    database.stop().await;
}

#[tokio::test]
async fn a_killed_private_database_comes_back_by_itself() {
    let dir = data_dir();
    let server = Server::start(dir.path(), &[]).await;
    assert_eq!(server.post(&notice(1)).await.0, StatusCode::CREATED);
    let pid_file = dir.path().join("postgres/data/postmaster.pid");
    let pid = std::fs::read_to_string(pid_file)
        .unwrap()
        .lines()
        .next()
        .unwrap()
        .to_owned();
    let killed = std::process::Command::new("kill")
        .args(["-s", "KILL", &pid])
        .status()
        .unwrap();
    assert!(killed.success());
    // Repeats are free, so a sender just sends again until it is told yes.
    let stored = async |s: &Server| {
        matches!(
            s.post(&notice(2)).await.0,
            StatusCode::CREATED | StatusCode::OK
        )
    };
    server.until("events are stored again", stored).await;
    // Backends outlive their postmaster for a moment: one of them may have stored it, and the
    // read that follows then meets the gap. What was acknowledged is there afterwards.
    let both_are_read = async |s: &Server| {
        let (status, events) = s.get("/v1/events").await;
        status == StatusCode::OK && events["data"].as_array().map(Vec::len) == Some(2)
    };
    server.until("both are read", both_are_read).await;
}
