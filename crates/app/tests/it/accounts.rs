//! The accounts hold, whatever ends the server; and what is no event is looked after from the console.

use std::collections::HashMap;
use std::process::Output;

use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

use crate::harness::{PATIENCE, Server, data_dir, run};

fn notice(source: &str, id: usize, message: &str) -> Value {
    json!({
        "type": "platform.notice", "source": source, "id": id.to_string(),
        "data": {"message": message}
    })
}

/// An element of each kind: two that are good, one that comes again, one that is no event.
fn batch(source: &str, n: usize) -> Value {
    json!([
        notice(source, 2 * n, "m"),
        notice(source, 2 * n + 1, "m"),
        notice(source, n / 3, "m"),
        {"type": "deployment.started", "source": source, "id": (n / 2).to_string()},
    ])
}

/// What is in the log, or in quarantine, read page by page.
async fn everything(server: &Server, path: &str) -> Vec<Value> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let (status, page) = server.get(&format!("{path}?limit=1000{cursor}")).await;
        assert_eq!(status, StatusCode::OK, "{page}");
        all.extend(page["data"].as_array().unwrap().clone());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return all,
        }
    }
}

/// How many of them there are of each source.
fn by_source<'v>(rows: impl IntoIterator<Item = &'v Value>) -> HashMap<String, u64> {
    let mut counts = HashMap::new();
    for row in rows {
        let source = row["source"].as_str().unwrap().to_owned();
        *counts.entry(source).or_default() += 1;
    }
    counts
}

/// Holds the accounts to the rows that there are; returns the totals.
async fn check(server: &Server) -> Value {
    let (_, account) = server.get("/v1/accounting").await;
    assert_eq!(account["coverage"]["complete"], true, "{account}");
    let events = by_source(&everything(server, "/v1/events").await);
    let mut items = everything(server, "/v1/quarantine").await;
    items.retain(|item| item["state"] != "replayed");
    let rows = account["data"]["rows"].as_array().unwrap();
    for row in rows {
        let source = row["source"].as_str().unwrap();
        let stored = events.get(source).copied().unwrap_or_default();
        assert_eq!(row["stored"], stored, "{row}");
        let own: Vec<_> = items
            .iter()
            .filter(|item| item["source"] == source)
            .collect();
        assert_eq!(row["quarantined"], own.len(), "{row}");
        // An item that came again was counted in the transaction that says so.
        let times: u64 = own.iter().map(|item| item["times"].as_u64().unwrap()).sum();
        assert!(
            row["repeated"].as_u64().unwrap() >= times - own.len() as u64,
            "{row}"
        );
        let parts = ["stored", "repeated", "quarantined", "refused"];
        let sum: u64 = parts.iter().map(|part| row[part].as_u64().unwrap()).sum();
        assert_eq!(row["received"], sum, "{row}");
    }
    let told = by_source(rows);
    assert!(
        events.keys().all(|source| told.contains_key(source)),
        "{rows:?}"
    );
    account["data"]["totals"].clone()
}

/// Sends batches of its own source until the server is gone.
async fn send_on(client: Client, url: String, token: String, source: String) -> usize {
    let mut answered = 0;
    for n in 0.. {
        let request = client.post(format!("{url}/v1/events")).bearer_auth(&token);
        match request
            .json(&batch(&source, n))
            .timeout(PATIENCE)
            .send()
            .await
        {
            Ok(response) if response.status() == StatusCode::MULTI_STATUS => answered += 1,
            Ok(response) => panic!("{} for {source} {n}", response.status()),
            Err(_) => break,
        }
    }
    answered
}

#[tokio::test]
async fn after_a_kill_the_accounts_are_what_is_there() {
    let dir = data_dir();
    for round in 0..3 {
        let server = Server::start(dir.path(), &[]).await;
        let senders: Vec<_> = (0..4)
            .map(|n| {
                let source = format!("round {round}, sender {n}");
                let (url, token) = (server.url.clone(), server.token.clone());
                tokio::spawn(send_on(server.client.clone(), url, token, source))
            })
            .collect();
        let enough = async |s: &Server| {
            let (_, account) = s.get("/v1/accounting").await;
            account["data"]["totals"]["received"]
                .as_u64()
                .unwrap_or_default()
                > (round + 1) * 400
        };
        server.until("enough was received", enough).await;
        assert!(!server.end("KILL").await.success());
        for sender in senders {
            assert!(sender.await.unwrap() > 0, "each got an answer");
        }
        let server = Server::start(dir.path(), &[]).await;
        check(&server).await;
        assert!(server.end("TERM").await.success());
    }
}

#[tokio::test]
async fn an_orderly_stop_loses_no_count() {
    let dir = data_dir();
    let server = Server::start(dir.path(), &[]).await;
    for n in 0..20 {
        assert_eq!(
            server.post(&notice("s", n, "m")).await.0,
            StatusCode::CREATED
        );
        assert_eq!(server.post(&notice("s", n, "m")).await.0, StatusCode::OK);
        assert_eq!(
            server.post(&notice("s", n, "other")).await.0,
            StatusCode::CONFLICT
        );
    }
    assert!(server.end("TERM").await.success());
    let server = Server::start(dir.path(), &[]).await;
    let expected = json!({
        "received": 60, "stored": 20, "repeated": 20, "quarantined": 0, "refused": 20
    });
    assert_eq!(check(&server).await, expected);
}

fn said(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[tokio::test]
async fn quarantine_is_looked_after_from_the_console() {
    let dir = data_dir();
    let server = Server::start(dir.path(), &[]).await;
    let bad = json!({"type": "deployment.started", "source": "ci", "data": {"a": "\u{0}"}});
    let (status, problem) = server.post(&bad).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let bad_id = problem["quarantine_id"].as_str().unwrap().to_owned();
    // Too far ahead of the server's clock for some seconds yet.
    let (_, receipt) = server.post(&notice("now", 1, "m")).await;
    let now = pts_domain::time::parse(receipt["received_at"].as_str().unwrap()).unwrap();
    let mut early = notice("later", 1, "m");
    early["time"] = json!(now + pts_domain::time::MOST_AHEAD + chrono::Duration::seconds(4));
    let (status, problem) = server.post(&early).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{problem}");
    let early_id = problem["quarantine_id"].as_str().unwrap().to_owned();

    let console = async |arguments: &[&str]| {
        let arguments = [&["quarantine"], arguments].concat();
        run(dir.path(), &arguments).await
    };
    let listed = said(&console(&["list", "--source", "ci", "--state", "waiting"]).await);
    assert!(
        listed.contains(&bad_id) && listed.contains("NUL"),
        "{listed}"
    );
    assert!(!listed.contains(&early_id));
    let shown: Value = serde_json::from_str(&said(&console(&["show", &bad_id]).await)).unwrap();
    assert_eq!(shown["item"], bad);

    let failed = console(&["replay", &bad_id]).await;
    assert_eq!(failed.status.code(), Some(1), "{failed:?}");
    let replayed = async |_: &Server| {
        let said = said(&console(&["replay", "--type", "platform.*"]).await);
        said.contains("1 are events now")
    };
    server.until("its time has come", replayed).await;
    let (_, event) = server.get(&format!("/v1/events/{early_id}")).await;
    assert_eq!(event["data"]["source"], "later");

    let reason = ["--reason", "a typing error"];
    let unnamed = console(&[&["discard"], &reason[..]].concat()).await;
    assert!(
        !unnamed.status.success(),
        "everything is not given up by an oversight"
    );
    let given_up = said(&console(&[&["discard", "--source", "ci"], &reason[..]].concat()).await);
    assert!(given_up.contains("1 were given up"), "{given_up}");
    let listed = said(&console(&["list", "--format", "json"]).await);
    let states: Vec<Value> = listed
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(
        (&states[0]["state"], &states[1]["state"]),
        (&json!("replayed"), &json!("discarded"))
    );
    assert_eq!(states[1]["reason"], "a typing error");
    check(&server).await;
}
