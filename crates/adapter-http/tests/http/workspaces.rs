//! In which workspace a request is, and that it reaches no other: by its token, its header, its session,
//! what it sends and what it may read of the service itself.

use pts_domain::access::{BUILT_IN_ROLES, Scope};
use reqwest::Method;

use super::support::{Server, foreign, form};
use super::tenants::{Caller, MARKS, Reach, hear, shared_by_two};

#[tokio::test]
async fn a_request_names_its_workspace_in_a_header_and_whoever_is_bound_names_no_other() {
    let server = shared_by_two().await;
    let admin = BUILT_IN_ROLES[3];
    assert_eq!(admin.0, "admin");
    let free = Caller::new(&server, admin, Reach::Usual).await;
    let bound = Caller::new(&server, admin, Reach::Bound("a")).await;
    let names = async |caller: &Caller, name: &str| {
        let request = caller.asks(&server, Method::GET, "/v1/events");
        hear(request.header("PTS-Workspace", name)).await
    };
    for (name, mark) in MARKS {
        let heard = names(&free, name).await;
        assert!(
            heard.status == 200 && heard.everything.contains(mark),
            "{name}"
        );
    }
    let heard = names(&bound, "a").await;
    assert!(heard.status == 200 && heard.everything.contains("canary-of-a"));
    for other in ["b", "default", "nowhere"] {
        let heard = names(&bound, other).await;
        assert_eq!(heard.status, 403, "{other}");
        assert!(heard.everything.contains("workspace_denied"), "{other}");
    }
    for bad in ["", "A", "-a", "a b", "a,b", &"x".repeat(64)] {
        for caller in [&free, &bound] {
            let heard = names(caller, bad).await;
            assert_eq!(heard.status, 400, "{bad}");
            for part in ["PTS-Workspace", "invalid_input"] {
                assert!(
                    heard.everything.contains(part),
                    "{bad}: {}",
                    heard.everything
                );
            }
        }
    }
    let twice = free.asks(&server, Method::GET, "/v1/events");
    let twice = twice.header("PTS-Workspace", "a");
    assert_eq!(hear(twice.header("PTS-Workspace", "b")).await.status, 400);
}

#[tokio::test]
async fn a_session_reaches_no_further_than_the_token_that_it_was_made_with() {
    let server = shared_by_two().await;
    let bound = Caller::new(&server, BUILT_IN_ROLES[0], Reach::Bound("a")).await;
    let signing_in = server.bare(Method::POST, "/signin");
    let signed_in = form(signing_in, &format!("token={}", bound.token)).await;
    assert_eq!(signed_in.status(), 303);
    let cookie = signed_in.headers()["set-cookie"].to_str().unwrap();
    let cookie = cookie.split(';').next().unwrap();
    let asks = || {
        let request = server.bare(Method::GET, "/v1/events");
        request.header("cookie", cookie)
    };
    let heard = hear(asks()).await;
    assert!(heard.status == 200 && heard.everything.contains("canary-of-a"));
    assert!(!heard.everything.contains("canary-of-b"));
    let heard = hear(asks().header("PTS-Workspace", "b")).await;
    assert_eq!(heard.status, 403, "{}", heard.everything);
}

#[tokio::test]
async fn what_is_sent_to_one_workspace_is_no_repeat_of_what_another_was_sent() {
    let server = Server::start().await;
    let admin = BUILT_IN_ROLES[3];
    for reach in Reach::ALL {
        let caller = Caller::new(&server, admin, reach).await;
        let sent = caller.asks(&server, Method::POST, "/v1/events");
        let status = hear(sent.json(&foreign("one"))).await.status;
        // Both ways into a workspace lead to the same place.
        let first = !matches!(reach, Reach::Free(_));
        assert_eq!(status, if first { 201 } else { 200 }, "{reach:?}");
    }
}

#[tokio::test]
async fn the_figures_of_the_service_are_for_nobody_who_is_bound() {
    let server = shared_by_two().await;
    let operator = BUILT_IN_ROLES[2];
    assert!(operator.1.contains(&Scope::MetricsRead));
    for (reach, status) in [(Reach::Bound("a"), 403), (Reach::Usual, 200)] {
        let caller = Caller::new(&server, operator, reach).await;
        let heard = hear(caller.asks(&server, Method::GET, "/metrics")).await;
        assert_eq!(heard.status, status, "{reach:?}");
    }
}
