//! What a newcomer does, and what must still be there afterwards.

use std::os::unix::fs::PermissionsExt as _;

use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::harness::{Server, data_dir, deployment};

#[tokio::test]
async fn events_become_projections_and_outlive_a_stop_and_a_kill() {
    let dir = data_dir();
    let server = Server::start(dir.path(), &[]).await;
    assert!(
        server.banner.contains(&server.token),
        "the first start shows the token"
    );
    assert!(server.banner.contains("/signin?code=pts_"));
    let mode = std::fs::metadata(dir.path().join("admin-token"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);

    let mut first_id = Value::Null;
    for event in deployment("d-1", "1.0.0") {
        let (status, receipt) = server.post(&event).await;
        assert_eq!(
            (status, &receipt["duplicate"]),
            (StatusCode::CREATED, &Value::Bool(false))
        );
        first_id = receipt["id"].clone();
    }
    let token = server.token.clone();
    assert!(
        server.end("TERM").await.success(),
        "SIGTERM is an orderly end"
    );

    let server = Server::start(dir.path(), &[]).await;
    assert!(!server.banner.contains(&token), "the token is shown once");
    let (status, answer) = server.get("/v1/deployments/d-1").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(answer["data"]["deployment"]["status"], "succeeded");
    assert_eq!(answer["data"]["events"].as_array().unwrap().len(), 2);
    let [_, succeeded] = deployment("d-1", "1.0.0");
    let (status, receipt) = server.post(&succeeded).await;
    assert_eq!(
        (status, &receipt["id"]),
        (StatusCode::OK, &first_id),
        "a repeat has the first id"
    );
    for event in deployment("d-2", "2.0.0") {
        assert_eq!(server.post(&event).await.0, StatusCode::CREATED);
    }
    assert!(!server.end("KILL").await.success());

    let server = Server::start(dir.path(), &[]).await;
    let (_, service) = server.get("/v1/services/payments").await;
    assert_eq!(
        service["data"]["environments"][0]["declared"]["version"],
        "2.0.0"
    );
    let (_, events) = server.get("/v1/events?limit=1000").await;
    assert_eq!(
        events["data"].as_array().unwrap().len(),
        4,
        "nothing acknowledged is lost"
    );
    assert!(
        server.end("INT").await.success(),
        "SIGINT is an orderly end"
    );
}

#[tokio::test]
async fn nothing_but_health_and_the_sign_in_page_answers_without_a_token() {
    let dir = data_dir();
    let server = Server::start(dir.path(), &[]).await;
    let bare = |method: Method, path: &str| {
        let request = server
            .client
            .request(method, format!("{}{path}", server.url));
        async move { request.send().await.unwrap().status() }
    };
    for path in ["/healthz", "/readyz", "/signin"] {
        assert_eq!(bare(Method::GET, path).await, StatusCode::OK, "{path}");
    }
    let closed = ["/metrics", "/openapi.json", "/docs", "/admin", "/events"];
    let pages = closed.map(|path| (Method::GET, path)).into_iter();
    let actions = pts_api::actions::all().into_iter().map(|action| {
        let method = match action.method {
            pts_api::Method::Get => Method::GET,
            pts_api::Method::Post => Method::POST,
        };
        (method, action.path)
    });
    for (method, path) in pages.chain(actions) {
        let status = bare(method, path).await;
        let to_sign_in = status == StatusCode::SEE_OTHER;
        assert!(
            status == StatusCode::UNAUTHORIZED || to_sign_in,
            "{path} answers {status}"
        );
    }
}

#[tokio::test]
async fn the_one_time_link_signs_a_browser_in_once() {
    let dir = data_dir();
    let server = Server::start(dir.path(), &[]).await;
    let link = server
        .banner
        .lines()
        .find(|line| line.contains("/signin?code="))
        .unwrap();
    let code = link.rsplit("code=").next().unwrap();
    let redeem = || {
        server
            .client
            .post(format!("{}/signin", server.url))
            .header("Origin", &server.url)
            .form(&[("code", code)])
            .send()
    };
    let response = redeem().await.unwrap();
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
    let cookie = response.headers()["set-cookie"]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(
        cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"),
        "{cookie}"
    );
    let session = cookie.split(';').next().unwrap();
    let page = server
        .client
        .get(format!("{}/admin", server.url))
        .header("Cookie", session)
        .send();
    assert_eq!(page.await.unwrap().status(), StatusCode::OK);
    assert_ne!(
        redeem().await.unwrap().status(),
        StatusCode::SEE_OTHER,
        "the code is used up"
    );
}
