//! Who gets in, with what, and who does not.

use pts_adapter_http::HttpSettings;
use pts_api::Method as ApiMethod;
use pts_domain::access::Scope;
use reqwest::Method;

use super::support::{Reply, Server, foreign, form};

#[tokio::test]
async fn nothing_but_health_and_signing_in_answers_without_a_token() {
    let server = Server::start().await;
    let mut routes: Vec<(Method, String)> = Vec::new();
    for action in pts_api::actions::all() {
        let method = match action.method {
            ApiMethod::Get => Method::GET,
            ApiMethod::Post => Method::POST,
        };
        for path in [&[action.path], action.aliases].concat() {
            routes.push((method.clone(), path.replace(['{', '}'], "")));
        }
    }
    for path in [
        "/metrics",
        "/openapi.json",
        "/docs",
        "/docs/docs.js",
        "/admin",
        "/admin/app.js",
    ] {
        routes.push((Method::GET, path.to_owned()));
    }
    routes.push((Method::POST, "/mcp".to_owned()));
    let call = Reply::of(server.bare(Method::POST, "/v1/actions")).await;
    call.is_failure(401, "token_missing");
    for (method, path) in routes {
        let reply = Reply::of(server.bare(method, &path)).await;
        reply.is_problem(401, "token_missing");
        let challenge = reply.headers["www-authenticate"].to_str().unwrap();
        // Feeds invite programs that know nothing but passwords, too.
        let feed = path.contains("/feed.") || path.contains("/calendar.");
        let expected = if feed {
            "Basic realm=\"pts\", charset=\"UTF-8\", Bearer realm=\"pts\""
        } else {
            "Bearer realm=\"pts\""
        };
        assert_eq!(challenge, expected, "{path}");
    }
    for path in [
        "/healthz",
        "/readyz",
        "/signin",
        "/signin/pts.css",
        "/signin/icon.svg",
    ] {
        assert_eq!(
            Reply::of(server.bare(Method::GET, path)).await.status,
            200,
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_token_that_is_not_good_is_told_what_is_wrong_with_it() {
    let server = Server::start().await;
    let check = async |authorization: &str, code: &str, word: &str| {
        let request = server
            .bare(Method::GET, "/v1/events")
            .header("authorization", authorization);
        let reply = Reply::of(request).await;
        reply.is_problem(401, code);
        assert!(
            reply.body["detail"].as_str().unwrap().contains(word),
            "{}",
            reply.body
        );
        assert!(reply.headers.contains_key("www-authenticate"));
    };
    let cut = &server.admin[..server.admin.len() - 2];
    check("Bearer hello", "token_refused", "not a PTS token").await;
    check(&format!("Bearer {cut}"), "token_refused", "cut off").await;
    let unknown = pts_domain::access::TokenText::from_random([9; 20]);
    check(
        &format!("Bearer {}", unknown.reveal()),
        "token_refused",
        "not known",
    )
    .await;
    check("Basic cHRz", "token_missing", "Bearer").await;

    let (text, token) = server.token_and_id(&[Scope::EventsRead]).await;
    let get = || server.bare(Method::GET, "/v1/events").bearer_auth(&text);
    assert_eq!(Reply::of(get()).await.status, 200);
    server.gateway.access().revoke(token.id).await.unwrap();
    Reply::of(get()).await.is_problem(401, "token_refused");

    let text = server.token(&[Scope::EventsRead]).await;
    server.clock.advance(chrono::Duration::days(2));
    check(&format!("Bearer {text}"), "token_refused", "expired").await;
}

#[tokio::test]
async fn a_token_does_what_its_scopes_say_and_no_more() {
    let server = Server::start().await;
    let table = [
        (Scope::EventsRead, "/v1/events", 200),
        (Scope::EventsRead, "/metrics", 403),
        (Scope::EventsWrite, "/v1/events", 403),
        (Scope::EventsWrite, "/openapi.json", 200),
        (Scope::MetricsRead, "/metrics", 200),
        (Scope::MetricsRead, "/v1/deployments", 403),
        (Scope::EventsWrite, "/v1/events/stream", 403),
    ];
    for (scope, path, status) in table {
        let token = server.token(&[scope]).await;
        let reply = Reply::of(server.bare(Method::GET, path).bearer_auth(token)).await;
        assert_eq!(reply.status, status, "{scope} {path}: {}", reply.body);
    }
}

#[tokio::test]
async fn a_browser_is_shown_the_way_in_and_comes_back() {
    let server = Server::start().await;
    for path in ["/admin", "/docs"] {
        let request = server
            .bare(Method::GET, path)
            .header("accept", "text/html,*/*;q=0.8");
        let reply = Reply::of(request).await;
        assert_eq!(reply.status, 303);
        assert_eq!(
            reply.headers["location"].to_str().unwrap(),
            format!("/signin?next={path}")
        );
    }
    let page = server
        .bare(Method::GET, "/signin?next=/docs")
        .send()
        .await
        .unwrap();
    assert!(
        page.text()
            .await
            .unwrap()
            .contains("name=\"next\" value=\"/docs\"")
    );

    let sign_in = async |body: String| form(server.bare(Method::POST, "/signin"), &body).await;
    let response = sign_in(format!("token={}&next=%2Fdocs", server.admin)).await;
    assert_eq!(
        (response.status().as_u16(), &response.headers()["location"]),
        (303, &"/docs".parse().unwrap())
    );
    let cookie = response.headers()["set-cookie"]
        .to_str()
        .unwrap()
        .to_owned();
    for part in [
        "pts_session=pts_",
        "; Path=/",
        "; HttpOnly",
        "; SameSite=Strict",
        "; Expires=",
    ] {
        assert!(cookie.contains(part), "{part} is not in {cookie}");
    }
    assert!(!cookie.contains("Secure"));

    let elsewhere = sign_in(format!("token={}&next=//evil.example", server.admin)).await;
    assert_eq!(elsewhere.headers()["location"], "/admin");
    let wrong = sign_in("token=nonsense".to_owned()).await;
    assert_eq!(wrong.status(), 401);
    assert!(wrong.text().await.unwrap().contains("not a PTS token"));
    assert_eq!(sign_in(String::new()).await.status(), 401);
}

#[tokio::test]
async fn a_link_with_a_code_is_not_used_up_by_looking_at_it() {
    let server = Server::start().await;
    let code = server.gateway.access().new_code();
    let link = format!("/signin?code={}", code.reveal());
    for _ in 0..3 {
        let page = server.bare(Method::GET, &link).send().await.unwrap();
        assert!(page.headers().get("set-cookie").is_none());
        assert!(page.text().await.unwrap().contains(code.reveal()));
    }
    let body = format!("code={}", code.reveal());
    let response = form(server.bare(Method::POST, "/signin"), &body).await;
    assert_eq!(response.status(), 303);
    assert!(response.headers().contains_key("set-cookie"));
    let again = form(server.bare(Method::POST, "/signin"), &body).await;
    assert_eq!(again.status(), 401);
    assert!(again.text().await.unwrap().contains("used already"));
}

#[tokio::test]
async fn a_session_reads_everywhere_and_writes_only_from_our_own_pages() {
    let server = Server::start().await;
    let cookie = server.session().await;
    let host = server.base.strip_prefix("http://").unwrap().to_owned();
    let ours = format!("http://{host}");
    let get = Reply::of(
        server
            .bare(Method::GET, "/v1/events")
            .header("cookie", &cookie),
    )
    .await;
    assert_eq!(get.status, 200);
    let post = async |id: &str, headers: &[(&str, &str)]| {
        let mut request = server
            .bare(Method::POST, "/v1/events")
            .header("cookie", &cookie);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Reply::of(request.body(foreign(id).to_string())).await
    };
    post("1", &[]).await.is_problem(403, "cross_site");
    post("2", &[("sec-fetch-site", "cross-site")])
        .await
        .is_problem(403, "cross_site");
    post("3", &[("sec-fetch-site", "same-site")])
        .await
        .is_problem(403, "cross_site");
    post("4", &[("origin", "http://evil.example")])
        .await
        .is_problem(403, "cross_site");
    assert_eq!(
        post("5", &[("sec-fetch-site", "same-origin")]).await.status,
        201
    );
    assert_eq!(post("6", &[("origin", &ours)]).await.status, 201);

    let request = server
        .bare(Method::POST, "/signin")
        .header("sec-fetch-site", "cross-site");
    let forced = form(request, &format!("token={}", server.admin)).await;
    assert_eq!(forced.status(), 403);
}

#[tokio::test]
async fn a_session_is_no_token_and_a_token_no_session() {
    let server = Server::start().await;
    let cookie = server.session().await;
    let session = cookie.strip_prefix("pts_session=").unwrap();
    let as_token = server.bare(Method::GET, "/v1/events").bearer_auth(session);
    Reply::of(as_token).await.is_problem(401, "token_refused");
    let as_cookie = format!("pts_session={}", server.admin);
    let as_cookie = server
        .bare(Method::GET, "/v1/events")
        .header("cookie", as_cookie);
    Reply::of(as_cookie).await.is_problem(401, "token_refused");
}

#[tokio::test]
async fn signing_out_ends_the_session_and_takes_the_cookie_back() {
    let server = Server::start().await;
    let cookie = server.session().await;
    let sign_out = |site: &'static str| {
        server
            .bare(Method::POST, "/signout")
            .header("cookie", &cookie)
            .header("sec-fetch-site", site)
    };
    Reply::of(sign_out("cross-site"))
        .await
        .is_problem(403, "cross_site");
    let reply = Reply::of(sign_out("same-origin")).await;
    assert_eq!(
        (reply.status, reply.headers["location"].to_str().unwrap()),
        (303, "/signin")
    );
    assert!(
        reply.headers["set-cookie"]
            .to_str()
            .unwrap()
            .contains("Max-Age=0")
    );
    let request = server
        .bare(Method::GET, "/v1/events")
        .header("cookie", &cookie);
    Reply::of(request).await.is_problem(401, "token_refused");
    assert_eq!(
        Reply::of(sign_out("same-origin")).await.status,
        303,
        "twice does no harm"
    );
}

#[tokio::test]
async fn behind_tls_the_cookie_is_bound_to_the_host() {
    let settings = HttpSettings {
        secure_cookies: true,
        ..HttpSettings::default()
    };
    let server = Server::with(settings).await;
    let cookie = server.session().await;
    assert!(cookie.starts_with("__Host-pts_session="), "{cookie}");
    let request = server
        .bare(Method::GET, "/v1/events")
        .header("cookie", &cookie);
    assert_eq!(Reply::of(request).await.status, 200);
}
