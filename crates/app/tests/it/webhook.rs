//! Checkpoints of the audit on their way to a webhook, which may be away, and what they are good for
//! there when somebody has meddled with the database.

use std::path::Path;

use pts_adapter_postgres::cluster::Cluster;
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::audit::{declare, owner_does, said, signed, verify};
use crate::harness::{Server, data_dir, run};
use crate::receiver::{Receiver, sequences};

const TOKEN: &str = "s3cret-of-the-webhook";
const PATH: &str = "/s3cret/path";

/// A directory whose configuration names a webhook.
fn configured(dir: &Path, port: u16, allow: &str) {
    let config = format!(
        "[audit]\ncheckpoint_s = 1\nwebhook = \"http://127.0.0.1:{port}{PATH}\"\n\
         webhook_token = \"{TOKEN}\"\n[outbound]\nallow = [{allow}]\n"
    );
    std::fs::write(dir.join("pts.toml"), config).unwrap();
}

/// Somebody is refused: that is written down even while the audit is closed.
async fn guess(server: &Server) {
    let request = server.client.get(format!("{}/v1/events", server.url));
    let refused = request.bearer_auth("pts_nonsense").send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
}

/// What is in the file of checkpoints.
fn in_file(dir: &Path) -> Vec<i64> {
    let file = dir.join("audit-checkpoints.ndjson");
    sequences(&std::fs::read_to_string(file).unwrap_or_default())
}

/// Waits until the file has more checkpoints than it had.
async fn something_is_signed(server: &Server, dir: &Path) {
    let before = in_file(dir).len();
    guess(server).await;
    let more = async |_: &Server| in_file(dir).len() > before;
    server.until("something new is signed", more).await;
}

async fn all_is_told(server: &Server, receiver: &Receiver, dir: &Path) {
    let told = async |_: &Server| receiver.sequences().last() == in_file(dir).last();
    server.until("the webhook is told", told).await;
    let ready = async |server: &Server| server.get("/readyz").await.1 == json!({"status": "ready"});
    server.until("the audit is open", ready).await;
    // Nothing was missed, and nothing came before what it follows.
    assert_eq!(receiver.sequences(), in_file(dir));
}

#[tokio::test]
async fn checkpoints_reach_a_webhook_that_was_away_and_show_what_the_owner_cut_off() {
    let dir = data_dir();
    let receiver = Receiver::start().await;
    configured(
        dir.path(),
        receiver.port,
        &format!("\"127.0.0.1:{}\"", receiver.port),
    );
    let log_file = dir.path().join("server.log");
    let log = || {
        std::fs::File::options()
            .create(true)
            .append(true)
            .open(&log_file)
            .unwrap()
    };
    let start = async || Server::start_watched(dir.path(), &[], &[], log().into()).await;
    let server = start().await;
    declare(&server, "one").await;
    signed(&server).await;
    all_is_told(&server, &receiver, dir.path()).await;
    let (head, _) = receiver.taken().remove(0);
    assert!(
        head.starts_with(&format!("POST {PATH} HTTP/1.1\r\n")),
        "{head}"
    );
    assert!(
        head.contains(&format!("authorization: Bearer {TOKEN}\r\n")),
        "{head}"
    );
    assert!(
        head.contains("content-type: application/x-ndjson\r\n"),
        "{head}"
    );

    receiver.answer(500);
    for _ in 0..3 {
        something_is_signed(&server, dir.path()).await;
    }
    let (_, ready) = server.get("/readyz").await;
    assert_eq!(ready["degraded"], json!(["audit_unavailable"]));
    let input = json!({ "source": "two", "every_s": 60 });
    let (status, body) = server
        .ask(Method::POST, "/v1/expectations", Some(&input))
        .await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{body}");
    assert_eq!(body["code"], "audit_unavailable");
    let (_, figures) = server.get("/metrics").await;
    let figures = figures.as_str().unwrap();
    let failures = figures.lines().find_map(|line| {
        line.strip_prefix("pts_audit_checkpoint_failures_total ")?
            .parse::<u64>()
            .ok()
    });
    assert!(failures.is_some_and(|failures| failures >= 3), "{figures}");
    receiver.answer(200);
    all_is_told(&server, &receiver, dir.path()).await;
    declare(&server, "two").await;

    // What was missed when the process ended is told by the next one.
    signed(&server).await;
    all_is_told(&server, &receiver, dir.path()).await;
    receiver.answer(503);
    for _ in 0..2 {
        something_is_signed(&server, dir.path()).await;
    }
    assert!(receiver.sequences().len() + 2 <= in_file(dir.path()).len());
    assert!(server.end("TERM").await.success());
    receiver.answer(200);
    let server = start().await;
    all_is_told(&server, &receiver, dir.path()).await;

    let kept = dir.path().join("kept.ndjson");
    std::fs::write(&kept, receiver.lines()).unwrap();
    let given = ["--checkpoints", kept.to_str().unwrap()];
    let sound = verify(dir.path(), &given).await;
    assert!(sound.status.success(), "{sound:?}");
    let url = Cluster::url_of_running(dir.path()).unwrap();
    let cut = "DELETE FROM access.audit_entries WHERE sequence > 3; \
         UPDATE access.audit_end AS a SET sequence = e.sequence, hash = e.hash \
         FROM access.audit_entries AS e WHERE e.sequence = 3; \
         DELETE FROM access.audit_checkpoints WHERE sequence > 3";
    owner_does(&url, cut).await;
    let found = verify(dir.path(), &given).await;
    assert_eq!(found.status.code(), Some(1), "{found:?}");
    assert!(said(&found).contains("entries 4 to "), "{found:?}");
    assert!(said(&found).contains("were truncated"), "{found:?}");
    assert!(server.end("TERM").await.success());

    let log = std::fs::read_to_string(&log_file).unwrap();
    assert!(
        log.contains("it answered 500") && log.contains("told again"),
        "{log}"
    );
    let printed = run(dir.path(), &["config", "print"]).await;
    assert!(said(&printed).contains(&format!("http://127.0.0.1:{}/***", receiver.port)));
    for text in [log, format!("{printed:?}")] {
        assert!(!text.contains("s3cret"), "{text}");
    }
}

#[tokio::test]
async fn a_webhook_that_leads_inside_refuses_the_start_unless_it_is_named() {
    let dir = data_dir();
    configured(dir.path(), 9, "");
    for command in [&["config", "check"][..], &["--listen", "127.0.0.1:0"]] {
        let refused = run(dir.path(), command).await;
        let why = String::from_utf8(refused.stderr).unwrap();
        assert!(!refused.status.success(), "{command:?}");
        assert!(
            why.contains("audit.webhook") && why.contains("loopback"),
            "{why}"
        );
        assert!(!why.contains("s3cret"), "{why}");
    }
    configured(dir.path(), 9, "\"127.0.0.1:9\"");
    let good = run(dir.path(), &["config", "check"]).await;
    assert!(good.status.success(), "{good:?}");
}
