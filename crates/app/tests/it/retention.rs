//! Old events go: shown, confirmed, done, and done by the service itself.

use std::path::Path;
use std::sync::Arc;

use pts_adapter_postgres::cluster::{Cluster, ClusterOptions};
use pts_adapter_postgres::{DatabaseSettings, PgEventLog, connect, migrate};
use pts_domain::event::{Form, read};
use pts_domain::time::parse;
use pts_ports::EventLog;
use pts_services::EventBus;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{Server, data_dir, deployment, run};

/// Has a month hold a deployment and so many events that no projection needs.
async fn fill(url: &str, month: &str, clicks: usize) {
    migrate(url).await.unwrap();
    let pool = connect(&DatabaseSettings::new(url)).unwrap();
    let log = PgEventLog::new(pool, Arc::new(EventBus::with_domain_handlers()));
    let at = parse(&format!("{month}-10T00:00:00Z")).unwrap();
    let mut events = deployment(&format!("d-{month}"), month).to_vec();
    events.extend(
        (0..clicks).map(|n| json!({"type": "com.acme.click", "source": "shop", "data": n})),
    );
    let first = u128::try_from(clicks).unwrap() << 16;
    let batch = events.into_iter().zip(first..).map(|(mut event, n)| {
        event["time"] = json!(at.to_rfc3339());
        let micros = u128::try_from(at.timestamp_micros()).unwrap();
        read(event, Form::Lenient, Uuid::from_u128(micros << 32 | n), at)
            .unwrap()
            .event
    });
    log.append(batch.collect()).await.unwrap();
}

async fn told(dir: &Path, arguments: &[&str], code: i32) -> (String, String) {
    let ran = run(dir, arguments).await;
    let [out, err] = [ran.stdout, ran.stderr].map(|text| String::from_utf8(text).unwrap());
    assert_eq!(ran.status.code(), Some(code), "{arguments:?}: {out}{err}");
    (out, err)
}

#[tokio::test]
async fn what_was_previewed_and_confirmed_goes_and_the_log_stays_whole() {
    let (dir, elsewhere) = (data_dir(), data_dir());
    let database = Cluster::start(ClusterOptions::new(elsewhere.path()))
        .await
        .unwrap();
    let url = database.url();
    fill(url, "2023-01", 30).await;
    fill(url, "2023-02", 20).await;
    let command = async |arguments: &[&str], code: i32| {
        let with_url: Vec<_> = arguments
            .iter()
            .copied()
            .chain(["--database-url", url])
            .collect();
        told(dir.path(), &with_url, code).await
    };
    // As it is configured, nothing goes.
    let (said, _) = command(&["retention", "preview"], 0).await;
    assert!(said.contains("stay forever"), "{said}");
    let (_, said) = command(&["retention", "run"], 0).await;
    assert!(said.contains("nothing was removed"), "{said}");
    let (_, said) = command(&["retention", "preview", "--foreign-events", "30d"], 2).await;
    assert!(said.contains("62d at the least"), "{said}");

    let policy = ["--foreign-events", "400d"];
    let [preview, run] = ["preview", "run"].map(|verb| ["retention", verb, policy[0], policy[1]]);
    let (said, _) = command(&preview, 0).await;
    assert!(
        said.contains("2023-01: 30 of 32 events go, 2 stay"),
        "{said}"
    );
    assert!(said.contains("20  com.acme.click"), "{said}");
    let json: Value = {
        let arguments: Vec<_> = preview.into_iter().chain(["--format", "json"]).collect();
        serde_json::from_str(&command(&arguments, 0).await.0).unwrap()
    };
    assert_eq!(
        (&json["removed"], &json["ahead"][0]["ready"]),
        (&json!(50), &json!(true))
    );
    let text = json["confirm"].as_str().unwrap().to_owned();
    assert!(said.contains(&text), "{said}");

    let (_, said) = command(&run, 2).await;
    assert!(
        said.contains("has to be confirmed") && said.contains(&text),
        "{said}"
    );
    let confirmed: Vec<_> = run.into_iter().chain(["--confirm", &text]).collect();
    fill(url, "2023-01", 1).await;
    let (_, said) = command(&confirmed, 2).await;
    assert!(said.contains("not what was confirmed"), "{said}");
    let (said, _) = command(&preview, 0).await;
    let text = said.trim_end().rsplit(' ').next().unwrap();
    let confirmed: Vec<_> = run.into_iter().chain(["--confirm", text]).collect();
    let (said, _) = command(&confirmed, 0).await;
    assert!(said.contains("2023-02  removed 20, kept 2"), "{said}");

    for (arguments, says) in [
        (&["verify"][..], "up to position 55: 0 faults"),
        (&["rebuild", "--check"], "0 differences"),
        (&["rebuild"], "replayed 4 events"),
        (&["rebuild", "--check"], "0 differences"),
        (
            &["retention", "history"],
            "command   2023-01  removed 31, kept 2",
        ),
        (&["retention", "history", "--sources"], "51  shop"),
    ] {
        let (said, _) = command(arguments, 0).await;
        assert!(said.contains(says), "{arguments:?}: {said}");
    }
    database.stop().await;
}

#[tokio::test]
async fn the_service_removes_what_has_had_its_time_and_says_what_is_missing() {
    let (dir, elsewhere) = (data_dir(), data_dir());
    let database = Cluster::start(ClusterOptions::new(elsewhere.path()))
        .await
        .unwrap();
    let url = database.url();
    fill(url, "2023-01", 30).await;
    let configuration = "[retention]\nforeign_events = \"400d\"\n";
    std::fs::write(dir.path().join("pts.toml"), configuration).unwrap();
    let server = Server::start(dir.path(), &["--database-url", url]).await;
    let gone = async |server: &Server| {
        let (_, events) = server.get("/v1/events").await;
        events["data"].as_array().map(Vec::len) == Some(2)
    };
    server.until("old events are gone", gone).await;
    let told = async |server: &Server| {
        let (_, events) = server.get("/v1/events").await;
        events["coverage"]["complete"] == json!(false)
    };
    server.until("answers tell of it", told).await;
    let (_, events) = server.get("/v1/events").await;
    let reason = events["coverage"]["gaps"][0]["reason"].as_str().unwrap();
    assert!(
        reason.contains("retention has removed 30 events"),
        "{reason}"
    );
    let (_, deployments) = server.get("/v1/deployments").await;
    assert_eq!(deployments["coverage"]["complete"], json!(true));
    assert_eq!(deployments["data"].as_array().map(Vec::len), Some(1));
    let list = [
        "retention",
        "history",
        "--format",
        "json",
        "--database-url",
        url,
    ];
    let (said, _) = self::told(dir.path(), &list, 0).await;
    let run: Value = serde_json::from_str(said.trim()).unwrap();
    assert_eq!(
        (&run["who"], &run["removed"]),
        (&json!("schedule"), &json!(30))
    );
    assert!(server.end("TERM").await.success());
    database.stop().await;
}
