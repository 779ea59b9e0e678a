//! The audit from end to end: written by a server and by commands, signed outside the database, and
//! read by somebody who trusts neither after its owner has meddled with it.

use std::path::Path;
use std::process::Output;

use pts_adapter_postgres::cluster::{Cluster, ClusterOptions};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::harness::{Server, data_dir, run};

async fn sql(url: &str, statements: &str) {
    let ran = Command::new("psql")
        .args([
            "-X",
            "-q",
            "-v",
            "ON_ERROR_STOP=1",
            "-d",
            url,
            "-c",
            statements,
        ])
        .output()
        .await
        .expect("psql comes with PostgreSQL");
    assert!(ran.status.success(), "{statements}: {ran:?}");
}

/// Does something as the owner of a database, whom nothing stops.
pub(crate) async fn owner_does(url: &str, statements: &str) {
    let triggers = ["entries", "checkpoints", "end"]
        .map(|table| format!("ALTER TABLE access.audit_{table} DISABLE TRIGGER ALL;"))
        .concat();
    sql(url, &format!("{triggers} {statements}")).await;
}

pub(crate) fn said(ran: &Output) -> String {
    String::from_utf8_lossy(&ran.stdout).into_owned()
}

/// The same cluster's other database.
fn other(url: &str, name: &str) -> String {
    let (before, rest) = url.rsplit_once('/').expect("a URL has a path");
    let query = rest.find('?').map_or("", |at| &rest[at..]);
    format!("{before}/{name}{query}")
}

pub(crate) async fn declare(server: &Server, source: &str) {
    let input = json!({ "source": source, "every_s": 60 });
    let (status, body) = server
        .ask(Method::POST, "/v1/expectations", Some(&input))
        .await;
    assert_eq!(status, StatusCode::OK, "{body}");
}

pub(crate) async fn verify(dir: &Path, arguments: &[&str]) -> Output {
    let all: Vec<_> = ["audit", "verify"]
        .iter()
        .chain(arguments)
        .copied()
        .collect();
    run(dir, &all).await
}

/// Waits until everything that is there is signed.
pub(crate) async fn signed(server: &Server) -> i64 {
    let all_of_it = async |server: &Server| {
        let (_, head) = server.get("/v1/audit/head").await;
        let head = &head["data"];
        head["sequence"] == head["checkpoint"]["sequence"]
    };
    server.until("all of it is signed", all_of_it).await;
    let (_, head) = server.get("/v1/audit/head").await;
    head["data"]["sequence"].as_i64().unwrap()
}

#[tokio::test]
async fn what_the_owner_of_the_database_does_to_the_audit_is_named() {
    let (dir, elsewhere) = (data_dir(), data_dir());
    let database = Cluster::start(ClusterOptions::new(elsewhere.path()))
        .await
        .unwrap();
    let url = database.url();
    let with_url = ["--database-url", url];
    let often = [("PTS__AUDIT__CHECKPOINT_S", "1")];
    let server = Server::start_with(dir.path(), &with_url, &often).await;
    for n in 0..6 {
        declare(&server, &format!("s{n}")).await;
    }
    let last = signed(&server).await;
    assert!(
        last >= 14,
        "a token and six declarations, each announced: {last}"
    );
    let sound = verify(dir.path(), &with_url).await;
    assert!(sound.status.success(), "{sound:?}");
    assert!(said(&sound).contains("nothing is wrong"), "{sound:?}");
    let key = said(&run(dir.path(), &["audit", "key"]).await);
    let (_, head) = server.get("/v1/audit/head").await;
    assert_eq!(head["data"]["key"]["public_key"], key.trim());
    assert!(server.end("TERM").await.success());

    let cut = "DELETE FROM access.audit_entries WHERE sequence > 9; \
         UPDATE access.audit_end AS a SET sequence = e.sequence, hash = e.hash \
         FROM access.audit_entries AS e WHERE e.sequence = 9; \
         DELETE FROM access.audit_checkpoints WHERE sequence > 9";
    let room = "UPDATE access.audit_entries SET sequence = sequence + 100 WHERE sequence > 5; \
         UPDATE access.audit_entries SET sequence = sequence - 99 WHERE sequence > 100";
    let copied = format!(
        "{room}; CREATE TEMP TABLE one AS SELECT * FROM access.audit_entries WHERE sequence = 3; \
         UPDATE one SET sequence = 6, id = gen_random_uuid(); \
         INSERT INTO access.audit_entries SELECT * FROM one"
    );
    let swapped = "UPDATE access.audit_entries SET sequence = 100 WHERE sequence = 4; \
         UPDATE access.audit_entries SET sequence = 4 WHERE sequence = 11; \
         UPDATE access.audit_entries SET sequence = 11 WHERE sequence = 100";
    let changed = "UPDATE access.audit_entries SET actor_name = 'mallory' WHERE sequence = 5";
    let removed = "DELETE FROM access.audit_entries WHERE sequence = 7";
    for (name, statements, finding) in [
        ("changed", changed, "entry 5 was changed"),
        ("removed", removed, "entry 7 was removed"),
        ("inserted", &copied, "entry 6 was inserted"),
        ("reordered", swapped, "entry 4 was reordered"),
        (
            "truncated",
            cut,
            &format!("entries 10 to {last} were truncated"),
        ),
    ] {
        let copy = other(url, name);
        sql(
            &other(url, "postgres"),
            &format!("CREATE DATABASE {name} TEMPLATE pts"),
        )
        .await;
        owner_does(&copy, statements).await;
        let found = verify(dir.path(), &["--database-url", &copy]).await;
        assert_eq!(found.status.code(), Some(1), "{name}: {found:?}");
        assert!(said(&found).contains(finding), "{name}: {found:?}");
    }
    // Nothing was changed yet, and it could be.
    let maintenance = other(url, "postgres");
    sql(&maintenance, "CREATE DATABASE unguarded TEMPLATE pts").await;
    let copy = other(url, "unguarded");
    let drop = "DROP TRIGGER audit_entries_are_kept ON access.audit_entries";
    sql(&copy, drop).await;
    let found = verify(dir.path(), &["--database-url", &copy]).await;
    assert_eq!(found.status.code(), Some(1), "{found:?}");
    let missing = "the trigger audit_entries_are_kept on access.audit_entries is missing";
    for part in [
        missing,
        "nothing is wrong with them, and they could be changed",
    ] {
        assert!(said(&found).contains(part), "{found:?}");
    }
    database.stop().await;
}

#[tokio::test]
async fn commands_are_told_as_the_consoles_and_nothing_is_done_without_the_audit() {
    let dir = data_dir();
    let server = Server::start(dir.path(), &[]).await;
    let create = ["token", "create", "--name", "ci", "--scope", "events:write"];
    let made = run(dir.path(), &create).await;
    assert!(made.status.success(), "{made:?}");
    let (_, found) = server.get("/v1/audit?principal=console").await;
    let told: Vec<_> = (found["data"].as_array().unwrap().iter())
        .map(|one| (one["action"].clone(), one["outcome"].clone()))
        .collect();
    let create_token = json!("platform.tokens.create");
    let expected = ["allowed", "intended"].map(|end| (create_token.clone(), json!(end)));
    assert_eq!(told, expected);
    let subject = found["data"][0]["principal"]["subject"].as_str().unwrap();
    assert!(subject.starts_with("uid:"), "{subject}");
    // The first token of all was made by the service itself.
    let (_, first) = server
        .get("/v1/audit?principal=itself&outcome=allowed")
        .await;
    assert_eq!(first["data"][0]["action"], create_token);

    let url = Cluster::url_of_running(dir.path()).unwrap();
    owner_does(&url, "ALTER TABLE access.audit_entries RENAME TO gone").await;
    let refused = run(dir.path(), &create).await;
    assert!(
        !refused.status.success() && refused.stdout.is_empty(),
        "{refused:?}"
    );
    let input = json!({ "source": "s", "every_s": 60 });
    let declaring = server.ask(Method::POST, "/v1/expectations", Some(&input));
    let (status, body) = declaring.await;
    assert_eq!(
        (status, &body["code"]),
        (StatusCode::SERVICE_UNAVAILABLE, &json!("audit_unavailable"))
    );
    let (status, ready) = server.get("/readyz").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(ready["degraded"], json!(["audit_unavailable"]));
    let (_, declared) = server.get("/v1/expectations").await;
    assert_eq!(declared["data"], Value::Array(Vec::new()));
    owner_does_again(&url).await;
    let input = json!({ "source": "s", "every_s": 60 });
    let (status, _) = server
        .ask(Method::POST, "/v1/expectations", Some(&input))
        .await;
    assert_eq!(status, StatusCode::OK);
    let (_, ready) = server.get("/readyz").await;
    assert_eq!(ready, json!({ "status": "ready" }));
}

async fn owner_does_again(url: &str) {
    sql(url, "ALTER TABLE access.gone RENAME TO audit_entries").await;
}

#[tokio::test]
async fn a_key_and_a_file_of_ones_own_are_used_and_believed_elsewhere() {
    let (dir, keys, desk) = (data_dir(), data_dir(), data_dir());
    let path = |name: &str| keys.path().join(name).display().to_string();
    let environment = [
        ("PTS__AUDIT__CHECKPOINT_S", "1"),
        ("PTS__AUDIT__KEY_FILE", &path("key.pem")),
        ("PTS__AUDIT__CHECKPOINT_FILE", &path("checkpoints")),
    ];
    let server = Server::start_with(dir.path(), &[], &environment).await;
    declare(&server, "s").await;
    signed(&server).await;
    let (_, head) = server.get("/v1/audit/head").await;
    let key = head["data"]["key"]["public_key"].as_str().unwrap();
    assert!(!dir.path().join("audit-key.pem").exists());

    // Somebody else, with a directory of their own.
    let url = Cluster::url_of_running(dir.path()).unwrap();
    let given = ["--checkpoints", &path("checkpoints"), "--public-key", key];
    let arguments = [&["--database-url", &url], &given[..]].concat();
    let sound = verify(desk.path(), &arguments).await;
    assert!(sound.status.success(), "{sound:?}");
    let without = verify(desk.path(), &["--database-url", &url]).await;
    let why = String::from_utf8_lossy(&without.stderr).into_owned();
    assert!(
        !without.status.success() && why.contains("--public-key"),
        "{why}"
    );
    let stranger = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
    let arguments = [
        "--database-url",
        &url,
        "--checkpoints",
        &path("checkpoints"),
    ];
    let arguments = [&arguments[..], &["--public-key", stranger]].concat();
    let doubted = verify(desk.path(), &arguments).await;
    assert!(
        said(&doubted).contains("which is not trusted"),
        "{doubted:?}"
    );
    assert_eq!(doubted.status.code(), Some(1));
}
