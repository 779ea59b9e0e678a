//! The database goes away and comes back, servers are killed: one small fault each, with one
//! certain outcome. `cargo xtask faults` tries what has many.

use std::io::ErrorKind;
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;
use std::time::{Duration, Instant};

use pts_adapter_postgres::cluster::{Cluster, ClusterOptions};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};

use crate::harness::{PATIENCE, Server, data_dir, program, run, signal};

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

#[tokio::test]
async fn a_server_that_is_killed_has_lost_nothing_that_it_acknowledged() {
    let (dir, elsewhere) = (data_dir(), data_dir());
    let database = Cluster::start(ClusterOptions::new(elsewhere.path()))
        .await
        .unwrap();
    let arguments = ["--database-url", database.url()];
    let mut server = Server::start(dir.path(), &arguments).await;
    let senders: Vec<_> = (0..8)
        .map(|sender| {
            let (client, url, token) = (
                server.client.clone(),
                format!("{}/v1/events", server.url),
                server.token.clone(),
            );
            tokio::spawn(async move {
                let mut acknowledged = Vec::new();
                for number in 0.. {
                    let id = sender * 1_000_000 + number;
                    let sent = client.post(&url).bearer_auth(&token).json(&notice(id));
                    match sent.send().await {
                        Ok(response) if response.status() == StatusCode::CREATED => {
                            acknowledged.push(id);
                        }
                        _ => break,
                    }
                }
                acknowledged
            })
        })
        .collect();
    // Killed in the middle of it, not before it began.
    server
        .until("something is stored", async |s| {
            let (_, events) = s.get("/v1/events?limit=20").await;
            events["data"].as_array().is_some_and(|all| all.len() == 20)
        })
        .await;
    server.child.start_kill().unwrap();
    let mut acknowledged = Vec::new();
    for sender in senders {
        acknowledged.extend(sender.await.unwrap());
    }
    assert!(acknowledged.len() >= 10, "{}", acknowledged.len());

    let again = Server::start(dir.path(), &arguments).await;
    // One event of each sender was in doubt; whatever was acknowledged is there already.
    let repeats: Vec<Value> = acknowledged.iter().map(|&id| notice(id)).collect();
    let (status, told) = again.post(&json!(repeats)).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        told["duplicates"],
        json!(repeats.len()),
        "{}",
        told["created"]
    );
    assert!(again.end("TERM").await.success());
    database.stop().await;
}

#[tokio::test]
async fn two_servers_on_one_database_are_one_service() {
    let (one, two, elsewhere) = (data_dir(), data_dir(), data_dir());
    let database = Cluster::start(ClusterOptions::new(elsewhere.path()))
        .await
        .unwrap();
    let arguments = ["--database-url", database.url()];
    let one = Server::start(one.path(), &arguments).await;
    let mut two = Server::start(two.path(), &arguments).await;
    two.token.clone_from(&one.token);

    let mut tail = two
        .client
        .get(format!("{}/v1/events/stream?after=0", two.url))
        .bearer_auth(&two.token)
        .send()
        .await
        .unwrap();
    assert_eq!(one.post(&notice(1)).await.0, StatusCode::CREATED);
    assert_eq!(two.post(&notice(1)).await.0, StatusCode::OK, "known there");
    assert_eq!(two.post(&notice(2)).await.0, StatusCode::CREATED);
    let mut seen = String::new();
    while !seen.contains("id: 2\n") {
        let more = tokio::time::timeout(PATIENCE, tail.chunk()).await.unwrap();
        seen.push_str(&String::from_utf8_lossy(&more.unwrap().unwrap()));
    }
    assert!(seen.contains("id: 1\n"), "what came by the other: {seen}");
    drop(tail);
    assert!(one.end("KILL").await.code().is_none());
    assert_eq!(two.post(&notice(3)).await.0, StatusCode::CREATED);
    assert!(two.end("TERM").await.success());
    database.stop().await;
}

#[tokio::test]
async fn a_start_that_waits_refuses_connections_at_once_and_can_be_stopped() {
    let (dir, elsewhere) = (data_dir(), data_dir());
    let database = Cluster::start(ClusterOptions::new(elsewhere.path()))
        .await
        .unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr();
    let address = port.unwrap();
    // It takes whoever connects, and answers nobody.
    signal("STOP", database.pid().unwrap());
    let mut child = program(dir.path())
        .args(["--listen", &address.to_string()])
        .args(["--database-url", database.url()])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let waiting = async {
        while let Some(line) = lines.next_line().await.unwrap() {
            if line.contains("waiting for the database") {
                return;
            }
        }
        panic!("it ended instead of waiting");
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap();
    let connected = TcpStream::connect(address);
    let refused = connected.expect_err("nobody is there to answer");
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    signal("TERM", child.id().unwrap());
    let ended = tokio::time::timeout(PATIENCE, child.wait()).await;
    assert!(ended.unwrap().unwrap().success());
    signal("CONT", database.pid().unwrap());
    database.stop().await;
}

#[tokio::test]
async fn a_start_on_a_database_that_stands_still_ends_when_it_has_waited_long_enough() {
    let (dir, elsewhere) = (data_dir(), data_dir());
    let database = Cluster::start(ClusterOptions::new(elsewhere.path()))
        .await
        .unwrap();
    signal("STOP", database.pid().unwrap());
    let begun = Instant::now();
    let started = program(dir.path())
        .args(["--listen", "127.0.0.1:0", "--database-url", database.url()])
        .env("PTS__DATABASE__WAIT_S", "1")
        .output();
    let ended = tokio::time::timeout(PATIENCE, started)
        .await
        .unwrap()
        .unwrap();
    let took = begun.elapsed();
    signal("CONT", database.pid().unwrap());
    assert_eq!(ended.status.code(), Some(1));
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(said.contains("the database cannot be used"), "{said}");
    assert!(said.contains("the database does not answer"), "{said}");
    assert!(took < Duration::from_secs(10), "{took:?}");
    database.stop().await;
}

#[tokio::test]
async fn a_port_that_is_taken_is_found_out_before_the_database_is_waited_for() {
    let dir = data_dir();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let nowhere = "postgres://nobody@127.0.0.1:1/nothing";
    let arguments = ["--listen", &address, "--database-url", nowhere];
    let begun = Instant::now();
    let ended = run(dir.path(), &arguments).await;
    assert_eq!(ended.status.code(), Some(1));
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(
        said.contains(&format!("cannot listen on {address}")),
        "{said}"
    );
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn a_start_waits_for_a_database_that_is_away() {
    let (dir, elsewhere) = (data_dir(), data_dir());
    let start = || Cluster::start(ClusterOptions::new(elsewhere.path()));
    let database = start().await.unwrap();
    let url = database.url().to_owned();
    database.stop().await;
    let arguments = ["--database-url", &url];
    let (server, database) = tokio::join!(Server::start(dir.path(), &arguments), start());
    assert_eq!(server.post(&notice(1)).await.0, StatusCode::CREATED);
    assert!(server.end("TERM").await.success());
    database.unwrap().stop().await;
}
