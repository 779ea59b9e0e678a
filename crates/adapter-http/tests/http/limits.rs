//! A reached limit on the wire.

use pts_services::Limits;
use reqwest::{Method, StatusCode};
use serde_json::Value;

use super::support::Server;

#[tokio::test]
async fn whoever_takes_too_much_is_told_of_what_and_until_when() {
    let server = Server::limited(Limits {
        calls_per_s: 1,
        bytes_per_min: 100,
        ..Limits::default()
    })
    .await;
    let get = || {
        server
            .bare(Method::GET, "/v1/event-types")
            .bearer_auth(&server.admin)
    };
    assert_eq!(get().send().await.unwrap().status(), StatusCode::OK);
    // The catalogue is longer than a token may read in a minute.
    let refused = get().send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    let header = |name: &str| refused.headers()[name].to_str().unwrap().to_owned();
    let wait: u64 = header("retry-after").parse().unwrap();
    assert_eq!(header("ratelimit"), format!("\"bytes\";r=0;t={wait}"));
    assert_eq!(header("ratelimit-policy"), "\"bytes\";q=100;w=60");
    let problem: Value = refused.json().await.unwrap();
    assert_eq!(problem["code"], "limited");
    assert!(problem["detail"].as_str().unwrap().contains("100 in 60 s"));
    // Another token is not in its way.
    let other = server.token(&[pts_domain::access::Scope::EventsRead]).await;
    let answered = server
        .bare(Method::GET, "/v1/event-types")
        .bearer_auth(other);
    assert_eq!(answered.send().await.unwrap().status(), StatusCode::OK);
}
