//! Signing in with an identity provider, and what browsers and proxies may have us believe.

use std::sync::Arc;

use pts_adapter_http::HttpSettings;
use pts_domain::forwarded::{Header, Proxies};
use pts_domain::signin::{Person, RoleMapping, Rule};
use pts_ports::{DevicePoll, Doubt, ProviderError};
use pts_services::SignIn;
use pts_testkit::fakes::FakeProvider;
use reqwest::{Method, Response};
use serde_json::{Value, json};

use super::support::{Reply, Server};

async fn server(settings: HttpSettings) -> (Server, Arc<FakeProvider>) {
    let provider = Arc::new(FakeProvider::new());
    let rule = |group: &str, role: &str, workspace: Option<&str>| Rule {
        group: group.into(),
        roles: [role.to_owned()].into(),
        workspace: workspace.map(|name| name.parse().unwrap()),
    };
    let rules = vec![
        rule("sre", "operator", None),
        rule("team-a", "viewer", Some("a")),
        rule("team-b", "viewer", Some("b")),
    ];
    let sign_in = SignIn::new(
        provider.clone(),
        "Acme <SSO>".into(),
        RoleMapping::new(rules),
    );
    let server = Server::letting(settings, |gateway| gateway.signing_in(sign_in)).await;
    (server, provider)
}

/// A browser that has gone to the provider.
struct Gone {
    cookie: String,
    state: String,
}

async fn gone(server: &Server, query: &str) -> Gone {
    let path = format!("/signin/provider{query}");
    let response = server.bare(Method::GET, &path).send().await.unwrap();
    assert_eq!(response.status(), 303);
    let location = response.headers()["location"].to_str().unwrap().to_owned();
    assert!(location.starts_with(FakeProvider::ISSUER), "{location}");
    let [cookie] = &cookies(&response)[..] else {
        panic!("one cookie");
    };
    for part in [
        "pts_attempt=",
        "; HttpOnly",
        "; SameSite=Lax",
        "; Path=/",
        "; Max-Age=600",
    ] {
        assert!(cookie.contains(part), "{part} is not in {cookie}");
    }
    Gone {
        cookie: cookie.split(';').next().unwrap().to_owned(),
        state: location.split("state=").nth(1).unwrap().to_owned(),
    }
}

fn cookies(response: &Response) -> Vec<String> {
    let all = response.headers().get_all("set-cookie").iter();
    all.map(|value| value.to_str().unwrap().to_owned())
        .collect()
}

async fn back(server: &Server, cookie: &str, query: &str) -> Response {
    let path = format!("/signin/callback?{query}");
    let request = server.bare(Method::GET, &path).header("cookie", cookie);
    // As a browser that another site has sent here.
    let request = request
        .header("accept", "text/html")
        .header("sec-fetch-site", "cross-site");
    request.send().await.unwrap()
}

/// Somebody who has gone to the provider and come back.
async fn returned(
    server: &Server,
    provider: &FakeProvider,
    query: &str,
    person: Person,
) -> Response {
    let gone = gone(server, query).await;
    provider.will_redeem("c", Ok(person));
    let query = format!("code=c&state={}", gone.state);
    back(server, &gone.cookie, &query).await
}

/// The session that asks, of all that are listed.
fn current(listed: &Value) -> &Value {
    let mut sessions = listed["data"].as_array().unwrap().iter();
    sessions
        .find(|it| it["current"] == true)
        .expect("the one that asks")
}

#[tokio::test]
async fn a_browser_goes_to_the_provider_and_comes_back_with_a_session() {
    let (server, provider) = server(HttpSettings::default()).await;
    let page = server.bare(Method::GET, "/signin?next=/docs").send().await;
    let page = page.unwrap().text().await.unwrap();
    assert!(page.contains("Sign in with Acme &lt;SSO&gt;"), "{page}");
    assert!(
        page.contains("href=\"/signin/provider?next=/docs\""),
        "{page}"
    );

    let gone = gone(&server, "?next=/docs").await;
    provider.will_redeem("c-1", Ok(FakeProvider::person("ada", &["sre"])));
    let query = format!("code=c-1&state={}&iss={}", gone.state, FakeProvider::ISSUER);
    let response = back(&server, &gone.cookie, &query).await;
    assert_eq!(response.status(), 200);
    let set = cookies(&response);
    let session = set.iter().find(|it| it.starts_with("pts_session=pts_"));
    let session = session.expect("a session").clone();
    assert!(session.contains("; HttpOnly") && session.contains("; SameSite=Strict"));
    assert!(
        set.iter()
            .any(|it| it.starts_with("pts_attempt=;") && it.contains("Max-Age=0"))
    );
    // The page goes on by itself, so that the session's cookie is sent along.
    let page = response.text().await.unwrap();
    assert!(page.contains("content=\"0; url=/docs\""), "{page}");

    let session = session.split(';').next().unwrap().to_owned();
    let asked = server
        .bare(Method::GET, "/v1/sessions")
        .header("cookie", &session);
    let sessions = Reply::of(asked).await.body;
    let mine = &sessions["data"][0];
    assert_eq!(
        (
            &mine["name"],
            &mine["roles"],
            &mine["current"],
            &mine["subject"]
        ),
        (
            &json!("ada"),
            &json!(["operator"]),
            &json!(true),
            &json!("https://login.acme.example#u-ada")
        )
    );
    // The code was good once, and so was the attempt's cookie.
    let again = back(&server, &gone.cookie, &query).await;
    assert_eq!(again.status(), 400);
}

#[tokio::test]
async fn what_comes_back_must_fit_what_this_browser_asked() {
    let (server, provider) = server(HttpSettings::default()).await;
    let mine = gone(&server, "").await;
    let theirs = gone(&server, "").await;
    provider.will_redeem("c-1", Ok(FakeProvider::person("ada", &["sre"])));
    let check = async |cookie: &str, query: String, status: u16, words: &str| {
        let response = back(&server, cookie, &query).await;
        assert_eq!(response.status(), status, "{query}");
        assert!(
            cookies(&response)
                .iter()
                .all(|it| !it.contains("pts_session"))
        );
        let page = response.text().await.unwrap();
        assert!(page.contains(words), "{words} is not in {page}");
    };
    let begun = "a sign-in that this browser began";
    let (own, other) = (&mine.cookie, &theirs.state);
    check(own, format!("code=c-1&state={other}"), 400, begun).await;
    check(own, "code=c-1".into(), 400, begun).await;
    check("theme=dark", format!("code=c-1&state={other}"), 400, begun).await;
    check(
        "pts_attempt=zz~~",
        format!("code=c-1&state={other}"),
        400,
        begun,
    )
    .await;
    let elsewhere = format!("code=c-1&state={}&iss=https://evil.example", mine.state);
    check(own, elsewhere, 400, begun).await;
    check(own, format!("state={}", mine.state), 400, begun).await;
    let denied = format!("error=access_denied&state={}", mine.state);
    check(own, denied, 403, "did not let you in").await;

    let answer = |code: &str| format!("code={code}&state={}", mine.state);
    provider.will_redeem("eve", Ok(FakeProvider::person("eve", &["sales"])));
    check(own, answer("eve"), 403, "none of your groups has a role").await;
    for doubt in [Doubt::Nonce, Doubt::Audience, Doubt::Time, Doubt::Signature] {
        provider.will_redeem("odd", Err(ProviderError::Untrusted(doubt)));
        let words = "statement cannot be believed";
        check(own, answer("odd"), 401, words).await;
    }
    check(own, answer("used"), 400, "used already").await;
}

#[tokio::test]
async fn a_person_is_bound_to_the_workspace_that_they_ask_for() {
    let (server, provider) = server(HttpSettings::default()).await;
    let check = async |query: &str, groups: &[&str], expected: Option<Value>| {
        let person = FakeProvider::person("ada", groups);
        let response = returned(&server, &provider, query, person).await;
        let set = cookies(&response);
        let session = set.iter().find(|it| it.starts_with("pts_session="));
        let Some(expected) = expected else {
            assert_eq!((response.status().as_u16(), session), (403, None));
            return;
        };
        let session = session.expect("a session").split(';').next().unwrap();
        let asked = server
            .bare(Method::GET, "/v1/sessions")
            .header("cookie", session);
        let reply = Reply::of(asked).await;
        let mine = current(&reply.body);
        assert_eq!(mine["workspace"], expected, "{}", reply.body);
    };
    let both = ["team-a", "team-b"];
    check("", &both, Some(json!("a"))).await;
    check("?workspace=b", &both, Some(json!("b"))).await;
    check("?workspace=c", &both, None).await;
    check("", &["sre"], Some(Value::Null)).await;
    check("?workspace=c", &["sre"], Some(json!("c"))).await;
    let odd = server.bare(Method::GET, "/signin/provider?workspace=A");
    Reply::of(odd).await.is_problem(400, "invalid_input");
}

#[tokio::test]
async fn a_provider_that_is_away_is_said_and_leaves_the_other_ways_open() {
    let (server, provider) = server(HttpSettings::default()).await;
    let ready = async || Reply::of(server.bare(Method::GET, "/readyz")).await;
    assert_eq!(ready().await.body, json!({ "status": "ready" }));
    provider.goes_away(true);
    let leave = || server.bare(Method::GET, "/signin/provider");
    Reply::of(leave()).await.is_problem(503, "provider_away");
    let start = server.bare(Method::POST, "/v1/device/start");
    let refused = Reply::of(start).await;
    refused.is_problem(503, "provider_away");
    assert!(refused.headers.contains_key("retry-after"));
    let page = leave().header("accept", "text/html").send().await.unwrap();
    assert_eq!(page.status(), 503);
    assert!(page.text().await.unwrap().contains("sign in with a token"));
    let degraded = ready().await;
    let expected = json!({ "status": "ready", "degraded": ["sign_in_provider"] });
    assert_eq!((degraded.status, degraded.body), (200, expected));
    server.session().await;
    provider.goes_away(false);
    assert_eq!(leave().send().await.unwrap().status(), 303);
    assert_eq!(ready().await.body, json!({ "status": "ready" }));
}

#[tokio::test]
async fn a_command_line_asks_until_somebody_has_signed_in() {
    let (server, provider) = server(HttpSettings::default()).await;
    let post = async |path: &str, body: &Value| {
        Reply::of(server.bare(Method::POST, path).json(body)).await
    };
    let started = post("/v1/device/start", &json!({})).await;
    assert_eq!(
        (started.status, &started.body["user_code"]),
        (200, &json!("WDJB-MJHT"))
    );
    let ada = FakeProvider::person("ada", &["team-a", "team-b"]);
    provider.will_poll(vec![
        Ok(DevicePoll::Pending),
        Ok(DevicePoll::SlowDown),
        Ok(DevicePoll::Granted(ada)),
    ]);
    let asked = json!({ "device_code": started.body["device_code"], "workspace": "b" });
    let poll = async || post("/v1/device/poll", &asked).await;
    let pending = |slow_down| json!({ "status": "pending", "slow_down": slow_down });
    assert_eq!(poll().await.body, pending(false));
    assert_eq!(poll().await.body, pending(true));
    let signed_in = poll().await.body;
    assert_eq!(
        (&signed_in["status"], &signed_in["workspace"]),
        (&json!("signed_in"), &json!("b"))
    );
    let token = signed_in["token"].as_str().unwrap();
    let mine = server.bare(Method::GET, "/v1/sessions").bearer_auth(token);
    assert_eq!(
        Reply::of(mine).await.body["data"][0]["place"],
        "command_line"
    );
    // It is no browser's session, and makes none.
    let cookie = format!("pts_session={token}");
    let as_cookie = server
        .bare(Method::GET, "/v1/sessions")
        .header("cookie", cookie);
    Reply::of(as_cookie).await.is_problem(401, "token_refused");
    poll().await.is_problem(400, "sign_in_expired");
}

#[tokio::test]
async fn bad_input_to_a_sign_in_is_named() {
    let (server, _provider) = server(HttpSettings::default()).await;
    let check = async |body: &str, status: u16, code: &str| {
        let request = server.bare(Method::POST, "/v1/device/poll");
        let request = request.header("content-type", "application/json");
        let reply = Reply::of(request.body(body.to_owned())).await;
        reply.is_problem(status, code);
        reply.body["errors"][0]["field"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    assert_eq!(check("{}", 400, "invalid_input").await, "device_code");
    let odd = "{\"device_code\": \"x\", \"workspace\": \"A b\"}";
    assert_eq!(check(odd, 400, "invalid_input").await, "workspace");
    let unknown = "{\"device_code\": \"x\", \"code\": \"y\"}";
    assert_eq!(check(unknown, 400, "invalid_input").await, "code");
    check("nonsense", 400, "malformed_json").await;
    let long = format!("{{\"device_code\": \"{}\"}}", "x".repeat(9_000));
    check(&long, 413, "body_too_large").await;
    let other = server.bare(Method::POST, "/v1/device/start").body("{}");
    Reply::of(other)
        .await
        .is_problem(415, "unsupported_media_type");
}

#[tokio::test]
async fn without_a_provider_there_is_no_way_to_it() {
    let server = Server::start().await;
    let page = server.bare(Method::GET, "/signin").send().await.unwrap();
    assert!(page.text().await.unwrap().contains("<p hidden>"));
    let leave = server.bare(Method::GET, "/signin/provider");
    Reply::of(leave).await.is_problem(404, "sign_in_off");
    let start = server.bare(Method::POST, "/v1/device/start");
    Reply::of(start).await.is_problem(404, "sign_in_off");
}

#[tokio::test]
async fn a_session_that_rests_is_over_and_one_that_is_used_goes_on_to_its_end() {
    let server = Server::start().await;
    let cookie = server.session().await;
    let used = async || {
        let request = server
            .bare(Method::GET, "/v1/events")
            .header("cookie", &cookie);
        Reply::of(request).await
    };
    for _ in 0..13 {
        server.clock.advance(chrono::Duration::minutes(50));
        assert_eq!(used().await.status, 200);
    }
    let resting = server.session().await;
    server.clock.advance(chrono::Duration::minutes(60));
    let rested = server
        .bare(Method::GET, "/v1/events")
        .header("cookie", resting);
    let refused = Reply::of(rested).await;
    refused.is_problem(401, "token_refused");
    assert!(
        refused.body["detail"]
            .as_str()
            .unwrap()
            .contains("not used for too long")
    );
    server.clock.advance(chrono::Duration::minutes(10));
    used().await.is_problem(401, "token_refused");
}

#[tokio::test]
async fn own_sessions_are_seen_and_ended_and_others_are_not_even_known() {
    let (server, provider) = server(HttpSettings::default()).await;
    let sign_in = async |name: &str, groups: &[&str]| {
        let person = FakeProvider::person(name, groups);
        let response = returned(&server, &provider, "", person).await;
        let set = cookies(&response);
        let session = set
            .iter()
            .find(|it| it.starts_with("pts_session="))
            .unwrap();
        session.split(';').next().unwrap().to_owned()
    };
    let (ada, again, eve) = (
        sign_in("ada", &["sre"]).await,
        sign_in("ada", &["team-a"]).await,
        sign_in("eve", &["sre"]).await,
    );
    let list = async |cookie: &str| {
        let request = server
            .bare(Method::GET, "/v1/sessions")
            .header("cookie", cookie);
        let body = Reply::of(request).await.body;
        let ids = body["data"].as_array().unwrap().iter();
        ids.map(|it| it["id"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let end = async |cookie: &str, id: &str| {
        let request = server.bare(Method::POST, "/v1/sessions/revoke");
        let request = request
            .header("cookie", cookie)
            .header("sec-fetch-site", "same-origin");
        Reply::of(request.json(&json!({ "id": id }))).await
    };
    let (of_ada, of_eve) = (list(&ada).await, list(&eve).await);
    assert_eq!((of_ada.len(), of_eve.len()), (2, 1));
    assert_eq!(list(&again).await, of_ada, "the same person, wherever");
    end(&ada, &of_eve[0]).await.is_problem(403, "denied");
    end(&ada, "nonsense").await.is_problem(403, "denied");
    let odd = server
        .post("/v1/sessions/revoke")
        .json(&json!({ "id": "nonsense" }));
    Reply::of(odd).await.is_problem(400, "invalid_input");
    let listed = server
        .bare(Method::GET, "/v1/sessions")
        .header("cookie", &again);
    let of_again = current(&Reply::of(listed).await.body)["id"].clone();
    assert_eq!(end(&ada, of_again.as_str().unwrap()).await.status, 200);
    assert_eq!(list(&ada).await.len(), 1);
    let over = server
        .bare(Method::GET, "/v1/sessions")
        .header("cookie", &again);
    Reply::of(over).await.is_problem(401, "token_refused");

    let all = server.ask("/v1/sessions").await;
    assert_eq!(all["data"].as_array().unwrap().len(), 2);
    let page = server.ask("/v1/sessions?limit=1").await;
    let cursor = page["next_cursor"].as_str().unwrap();
    let rest = server
        .ask(&format!("/v1/sessions?limit=1&cursor={cursor}"))
        .await;
    assert_ne!(page["data"][0]["id"], rest["data"][0]["id"]);
    assert_eq!(rest["next_cursor"], Value::Null);
    assert_eq!(
        server.ask("/v1/sessions?mine=true").await["data"],
        json!([])
    );
    let ended = server
        .call("platform.sessions.revoke", &json!({ "id": of_eve[0] }))
        .await;
    assert_eq!(ended.status, 200, "{}", ended.body);
}

#[tokio::test]
async fn behind_a_trusted_proxy_its_word_decides_and_nobody_elses() {
    let behind = |trusted: &str| HttpSettings {
        proxies: Proxies {
            networks: vec![trusted.parse().unwrap()],
            header: Header::XForwarded,
        },
        ..HttpSettings::default()
    };
    let cookie = async |settings, headers: &[(&str, &str)]| {
        let server = Server::with(settings).await;
        let mut request = server.bare(Method::POST, "/signin");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = format!("token={}", server.admin);
        let response = super::support::form(request, &body).await;
        let strict = response.headers().contains_key("strict-transport-security");
        let cookie = cookies(&response).remove(0);
        assert_eq!(cookie.contains("; Secure"), strict, "{cookie}");
        cookie.split('=').next().unwrap().to_owned()
    };
    let https = [
        ("x-forwarded-for", "203.0.113.9"),
        ("x-forwarded-proto", "https"),
    ];
    assert_eq!(
        cookie(behind("127.0.0.0/8"), &https).await,
        "__Host-pts_session"
    );
    assert_eq!(cookie(behind("10.0.0.0/8"), &https).await, "pts_session");
    assert_eq!(cookie(HttpSettings::default(), &https).await, "pts_session");
    let other = [("forwarded", "for=203.0.113.9;proto=https")];
    assert_eq!(cookie(behind("127.0.0.0/8"), &other).await, "pts_session");
}

#[tokio::test]
async fn our_own_pages_are_at_the_public_address_too() {
    let settings = HttpSettings {
        public_url: Some("https://pts.acme.example".into()),
        ..HttpSettings::default()
    };
    let server = Server::with(settings).await;
    let cookie = server.session().await;
    let sign_out = async |origin: &str| {
        let request = server.bare(Method::POST, "/signout");
        let request = request.header("cookie", &cookie).header("origin", origin);
        Reply::of(request).await.status
    };
    assert_eq!(sign_out("https://evil.example").await, 403);
    assert_eq!(sign_out("http://pts.acme.example").await, 403);
    assert_eq!(sign_out("https://pts.acme.example").await, 303);
}
