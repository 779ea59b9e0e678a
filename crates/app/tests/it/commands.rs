//! The commands beside the server.

use reqwest::StatusCode;

use crate::harness::{Server, data_dir, deployment, run};

#[tokio::test]
async fn tokens_are_made_listed_and_revoked_while_the_server_runs() {
    let dir = data_dir();
    let server = Server::start(dir.path(), &[]).await;
    let made = run(
        dir.path(),
        &["token", "create", "--name", "ci", "--scope", "events:write"],
    )
    .await;
    assert!(made.status.success(), "{made:?}");
    let token = String::from_utf8(made.stdout).unwrap().trim().to_owned();
    let ask = |method, path: &str| {
        let request = server
            .client
            .request(method, format!("{}{path}", server.url));
        let [event, _] = deployment("d-1", "1");
        request.bearer_auth(&token).json(&event).send()
    };
    let sent = ask(reqwest::Method::POST, "/v1/events").await.unwrap();
    assert_eq!(sent.status(), StatusCode::CREATED);
    let denied = ask(reqwest::Method::GET, "/v1/events").await.unwrap();
    assert_eq!(denied.status(), StatusCode::FORBIDDEN);

    let listed = run(dir.path(), &["token", "list", "--format", "json"]).await;
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert!(!listed.contains(&token), "a list shows no secrets");
    let ci = listed.lines().find(|line| line.contains("\"ci\"")).unwrap();
    let ci: serde_json::Value = serde_json::from_str(ci).unwrap();
    let revoked = run(dir.path(), &["token", "revoke", ci["id"].as_str().unwrap()]).await;
    assert!(revoked.status.success(), "{revoked:?}");
    let refused = async |_: &Server| {
        let answer = ask(reqwest::Method::POST, "/v1/events").await.unwrap();
        answer.status() == StatusCode::UNAUTHORIZED
    };
    let took = server.until("the revoked token is refused", refused).await;
    assert!(took < std::time::Duration::from_secs(2), "took {took:?}");
}

#[tokio::test]
async fn the_log_verifies_and_the_projections_are_what_it_gives() {
    let dir = data_dir();
    let server = Server::start(dir.path(), &[]).await;
    for n in 0..5 {
        for event in deployment(&format!("d-{n}"), &format!("1.{n}")) {
            assert_eq!(server.post(&event).await.0, StatusCode::CREATED);
        }
    }
    assert!(server.end("TERM").await.success());
    for (arguments, says) in [
        (&["rebuild", "--check"][..], "0 differences"),
        (&["rebuild"], "replayed 10 events"),
        (&["rebuild", "--check"], "0 differences"),
        (
            &["verify"],
            "looked at 10 events up to position 10: 0 faults",
        ),
        (&["migrate"], "has the shape"),
    ] {
        let ran = run(dir.path(), arguments).await;
        let said = String::from_utf8_lossy(&ran.stdout).into_owned();
        assert!(
            ran.status.success() && said.contains(says),
            "{arguments:?}: {ran:?}"
        );
    }
}

#[tokio::test]
async fn configuration_is_printed_without_secrets_and_unknown_keys_are_refused() {
    let dir = data_dir();
    let url = "postgres://pts:s3cret@db.example.com/pts";
    let shown = run(dir.path(), &["config", "print", "--database-url", url]).await;
    let said = String::from_utf8(shown.stdout).unwrap();
    assert!(
        said.contains("db.example.com") && !said.contains("s3cret"),
        "{said}"
    );

    std::fs::write(dir.path().join("pts.toml"), "listne = \"127.0.0.1:1\"\n").unwrap();
    let refused = run(dir.path(), &["config", "check"]).await;
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(
        !refused.status.success() && said.contains("listne"),
        "{said}"
    );
}

#[tokio::test]
async fn the_health_check_tells_a_living_server_from_none() {
    let dir = data_dir();
    let server = Server::start(dir.path(), &[]).await;
    let address = server.url.trim_start_matches("http://").to_owned();
    assert!(
        run(dir.path(), &["healthcheck", "--listen", &address])
            .await
            .status
            .success()
    );
    assert!(server.end("TERM").await.success());
    assert!(
        !run(dir.path(), &["healthcheck", "--listen", &address])
            .await
            .status
            .success()
    );
}

#[tokio::test]
async fn two_servers_do_not_share_a_data_directory() {
    let dir = data_dir();
    let _server = Server::start(dir.path(), &[]).await;
    let second = run(dir.path(), &["--listen", "127.0.0.1:0"]).await;
    let said = String::from_utf8(second.stderr).unwrap();
    assert!(
        !second.status.success() && said.contains("in use"),
        "{said}"
    );
}
