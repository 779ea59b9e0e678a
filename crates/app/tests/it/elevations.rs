//! Rights for a while and risky actions with real processes over a real database.

use std::path::Path;
use std::time::Duration;

use pts_adapter_postgres::cluster::{Cluster, ClusterOptions};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{Server, data_dir, deployment, run};

/// A token made on the console.
async fn token(dir: &Path, url: &str, name: &str, scope: &str) -> String {
    let made = ["token", "create", "--name", name, "--scope", scope];
    let arguments: Vec<_> = made.into_iter().chain(["--database-url", url]).collect();
    let ran = run(dir, &arguments).await;
    assert!(ran.status.success(), "{ran:?}");
    String::from_utf8(ran.stdout).unwrap().trim().to_owned()
}

async fn ask(
    server: &Server,
    token: &str,
    (method, path): (Method, &str),
    body: &Value,
) -> (StatusCode, Value) {
    let request = server
        .client
        .request(method, format!("{}{path}", server.url));
    let response = request.bearer_auth(token).json(body).send().await.unwrap();
    (response.status(), response.json().await.unwrap())
}

async fn post(server: &Server, token: &str, path: &str, body: &Value) -> (StatusCode, Value) {
    ask(server, token, (Method::POST, path), body).await
}

async fn may_operate(server: &Server, token: &str) -> bool {
    let (status, _) = ask(server, token, (Method::GET, "/v1/quarantine"), &Value::Null).await;
    status == StatusCode::OK
}

#[tokio::test]
async fn what_is_decided_at_one_process_holds_at_the_other_within_a_second() {
    let (one_dir, other_dir, elsewhere) = (data_dir(), data_dir(), data_dir());
    let database = Cluster::start(ClusterOptions::new(elsewhere.path()))
        .await
        .unwrap();
    let url = database.url();
    let arguments = ["--database-url", url];
    let one = Server::start(one_dir.path(), &arguments).await;
    let other = Server::start(other_dir.path(), &arguments).await;
    let ann = token(one_dir.path(), url, "ann", "elevations:request").await;
    let bob = token(one_dir.path(), url, "bob", "access:manage").await;
    let cat = token(one_dir.path(), url, "cat", "access:manage").await;

    let body = json!({ "scopes": ["operate"], "reason": "INC-7", "minutes": 5 });
    let (status, asked) = post(&one, &ann, "/v1/elevations", &body).await;
    assert_eq!(status, StatusCode::OK, "{asked}");
    let decide = async |token: &str, verdict: &str| {
        let body = json!({ "id": asked["data"]["id"], "verdict": verdict, "reason": "seen" });
        post(&one, token, "/v1/elevations/decide", &body).await
    };
    assert!(!may_operate(&other, &ann).await);
    let (status, decided) = decide(&bob, "approve").await;
    assert_eq!(
        (status, &decided["data"]["state"]),
        (StatusCode::OK, &json!("active"))
    );
    assert!(may_operate(&one, &ann).await);
    let ann = ann.as_str();
    let holds = other
        .until("it holds there", async |other| {
            may_operate(other, ann).await
        })
        .await;
    let (status, decided) = decide(&cat, "deny").await;
    assert_eq!(
        (status, &decided["data"]["state"]),
        (StatusCode::OK, &json!("ended"))
    );
    assert!(!may_operate(&one, ann).await);
    let ends = other
        .until("it ends there", async |other| {
            !may_operate(other, ann).await
        })
        .await;
    // A second, and what the requests themselves take on a machine that does other things.
    for took in [holds, ends] {
        assert!(took < Duration::from_secs(3), "{holds:?} {ends:?}");
    }

    one.end("TERM").await;
    other.end("TERM").await;
    database.stop().await;
}

#[tokio::test]
async fn a_confirmed_rebuild_leaves_everything_as_the_log_has_it_while_events_come() {
    let dir = data_dir();
    let server = Server::start(dir.path(), &[]).await;
    for n in 0..20 {
        let (status, body) = server
            .post(&json!(deployment(&format!("d-{n}"), "1.0")))
            .await;
        assert_eq!(status, StatusCode::OK, "{body}");
    }
    let path = "/v1/projections/rebuild";
    let (status, shown) = server.ask(Method::POST, path, Some(&json!({}))).await;
    assert_eq!(status, StatusCode::PRECONDITION_REQUIRED, "{shown}");
    assert_eq!(shown["preview"]["rows"], 40);
    let rebuild = async || {
        let request = server.client.post(format!("{}{path}", server.url));
        let request = request.bearer_auth(&server.token).json(&json!({}));
        let confirm = shown["confirm"]["token"].as_str().unwrap();
        let response = request.header("PTS-Confirm", confirm).send().await.unwrap();
        (response.status(), response.json::<Value>().await.unwrap())
    };
    let sending = async {
        for n in 20..40 {
            let (status, body) = server
                .post(&json!(deployment(&format!("d-{n}"), "1.1")))
                .await;
            assert_eq!(status, StatusCode::OK, "{body}");
        }
    };
    let ((status, rebuilt), ()) = tokio::join!(rebuild(), sending);
    assert_eq!(status, StatusCode::OK, "{rebuilt}");
    assert!(rebuilt["data"]["events"].as_u64().unwrap() >= 40);
    let (status, again) = rebuild().await;
    assert_eq!(
        (status, &again["code"]),
        (StatusCode::CONFLICT, &json!("confirmation_refused"))
    );
    let (_, found) = server.get("/v1/deployments?limit=1000").await;
    assert_eq!(found["data"].as_array().unwrap().len(), 40);
    server.end("TERM").await;
    let checked = run(dir.path(), &["rebuild", "--check"]).await;
    let said = String::from_utf8(checked.stdout).unwrap();
    assert!(said.contains("0 differences"), "{said}");
}
