//! People sign in with a real OpenID Connect provider. `cargo xtask oidc` fetches it and runs these.

mod browser;
mod provider;

use std::path::Path;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{Server, data_dir};
use browser::Browser;
use provider::{PUBLIC, Provider};

/// A server that works with this provider.
async fn server(dir: &Path, issuer: &str) -> Server {
    let config = format!(
        "public_url = \"{PUBLIC}\"\n\
         [oidc]\n\
         issuer = \"{issuer}\"\n\
         client_id = \"pts\"\n\
         client_secret_file = \"secret\"\n\
         name = \"Acme\"\n\
         scopes = \"openid profile email groups\"\n\
         [[oidc.roles]]\n\
         group = \"sre\"\n\
         roles = [\"operator\"]\n\
         [[oidc.roles]]\n\
         group = \"team-a\"\n\
         roles = [\"viewer\"]\n\
         workspace = \"team-a\"\n"
    );
    std::fs::write(dir.join("pts.toml"), config).unwrap();
    std::fs::write(dir.join("secret"), "a secret that both sides know of\n").unwrap();
    Server::start(dir, &["--config", "pts.toml"]).await
}

/// What the server says of the session that a browser has.
async fn session(browser: &Browser<'_>) -> Value {
    let answer = browser.at("/v1/sessions?mine=true").await;
    assert_eq!(answer.status(), StatusCode::OK);
    let mut answer: Value = answer.json().await.unwrap();
    answer["data"][0].take()
}

/// Signs somebody in who must not get in; tells what the page says.
async fn turned_away(server: &Server, who: &str, status: u16) -> String {
    let browser = Browser::of(server, who);
    let answer = browser.sign_in().await;
    assert_eq!(answer.status().as_u16(), status);
    let page = answer.text().await.unwrap();
    let closed = browser.at("/v1/sessions").await.status();
    assert_eq!(closed, StatusCode::UNAUTHORIZED, "there is no session");
    page
}

#[tokio::test]
#[ignore = "needs a provider: cargo xtask oidc"]
async fn a_person_signs_in_with_a_browser_and_their_groups_give_their_roles() {
    // Once with the groups in the ID token, once asked for with the access token.
    for claims in ["all", "few"] {
        let provider = Provider::start_with(&[("ID_TOKEN_CLAIMS", claims)]).await;
        let dir = data_dir();
        let server = server(dir.path(), &provider.issuer).await;
        let browser = Browser::of(&server, "ada+sre+dev");
        let page = browser.sign_in().await;
        assert_eq!(page.status(), StatusCode::OK);
        assert!(page.text().await.unwrap().contains("url=/docs"));
        let mine = session(&browser).await;
        let subject = format!("{}#ada+sre+dev", provider.issuer);
        assert_eq!(
            (
                &mine["name"],
                &mine["roles"],
                &mine["workspace"],
                &mine["subject"]
            ),
            (
                &json!("ada"),
                &json!(["operator"]),
                &Value::Null,
                &json!(subject)
            )
        );
        assert_eq!(browser.at("/v1/events").await.status(), StatusCode::OK);
        assert_eq!(browser.at("/admin").await.status(), StatusCode::OK);

        let bound = Browser::of(&server, "bob+team-a");
        assert_eq!(bound.sign_in().await.status(), StatusCode::OK);
        assert_eq!(session(&bound).await["workspace"], "team-a");

        let page = turned_away(&server, "eve+sales", 403).await;
        assert!(page.contains("none of your groups has a role"), "{page}");
        turned_away(&server, "mallory", 403).await;
    }
}

#[tokio::test]
#[ignore = "needs a provider: cargo xtask oidc"]
async fn a_code_is_good_for_the_browser_that_asked_for_it_and_once() {
    let provider = Provider::start().await;
    let dir = data_dir();
    let server = server(dir.path(), &provider.issuer).await;
    let (ada, eve) = (
        Browser::of(&server, "ada+sre"),
        Browser::of(&server, "eve+sre"),
    );
    let of_ada = ada.answered("/signin/provider").await;
    eve.answered("/signin/provider").await;
    assert_eq!(eve.at(&of_ada).await.status(), StatusCode::BAD_REQUEST);

    // With a state that fits, it is the provider that sees that the code is another's (PKCE).
    let of_eve = eve.answered("/signin/provider").await;
    let stolen = of_ada.split("code=").nth(1).unwrap();
    let stolen = stolen.split('&').next().unwrap();
    let (before, rest) = of_eve.split_once("code=").unwrap();
    let (_, after) = rest.split_once('&').unwrap();
    let mixed = format!("{before}code={stolen}&{after}");
    assert_eq!(eve.at(&mixed).await.status(), StatusCode::BAD_REQUEST);
    assert_eq!(
        eve.at("/v1/sessions").await.status(),
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
#[ignore = "needs a provider: cargo xtask oidc"]
async fn a_statement_that_does_not_hold_lets_nobody_in() {
    let provider = Provider::start().await;
    let dir = data_dir();
    let server = server(dir.path(), &provider.issuer).await;
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    for (forgery, words) in [
        (json!({ "nonce": "another" }), "nonce"),
        (json!({ "nonce": null }), "nonce"),
        (json!({ "aud": "another" }), "not made for this service"),
        (
            json!({ "aud": ["pts", "another"] }),
            "not made for this service",
        ),
        (
            json!({ "iss": "https://evil.example" }),
            "not made by this provider",
        ),
        (json!({ "exp": now - 90 }), "clocks"),
        (json!({ "iat": now + 90 }), "clocks"),
        (json!({ "nbf": now + 90 }), "clocks"),
        (json!({ "key": "other" }), "signature"),
        (json!({ "alg": "HS256" }), "signature"),
        (json!({ "alg": "none" }), "signature"),
        (json!({ "sub": "another" }), "two different persons"),
        (json!({ "sub": null }), "cannot be believed"),
    ] {
        provider.told("forge", &forgery).await;
        let page = turned_away(&server, "ada+sre", 401).await;
        assert!(page.contains(words), "{forgery}: {words} is not in {page}");
    }
    // The provider is as good as before.
    let honest = Browser::of(&server, "ada+sre");
    assert_eq!(honest.sign_in().await.status(), StatusCode::OK);
}

#[tokio::test]
#[ignore = "needs a provider: cargo xtask oidc"]
async fn clocks_may_differ_by_a_minute_and_no_more() {
    let provider = Provider::start().await;
    let dir = data_dir();
    let server = server(dir.path(), &provider.issuer).await;
    // Its ID tokens are good for ten minutes.
    for (ahead_s, status) in [(45, 200), (90, 401), (-640, 200), (-690, 401), (0, 200)] {
        provider.told("clock", &json!({ "ahead_s": ahead_s })).await;
        let answer = Browser::of(&server, "ada+sre").sign_in().await;
        assert_eq!(answer.status().as_u16(), status, "{ahead_s} s ahead");
    }
}

#[tokio::test]
#[ignore = "needs a provider: cargo xtask oidc"]
async fn a_person_signs_in_for_a_command_line() {
    let provider = Provider::start().await;
    let dir = data_dir();
    let server = server(dir.path(), &provider.issuer).await;
    let post = async |path: &str, body: &Value| {
        let request = server.client.post(format!("{}{path}", server.url));
        let answer = request.json(body).send().await.unwrap();
        (answer.status(), answer.json::<Value>().await.unwrap())
    };
    let signed_in = async |who: &str| {
        let (_, started) = post("/v1/device/start", &json!({})).await;
        let asked = json!({ "device_code": started["device_code"] });
        let (status, pending) = post("/v1/device/poll", &asked).await;
        assert_eq!(
            (status, &pending["status"]),
            (StatusCode::OK, &json!("pending"))
        );
        let page = started["verification_uri_complete"].as_str().unwrap();
        let last = Browser::of(&server, who).fill_in(page).await.unwrap_err();
        assert!(last.contains("successful"), "{last}");
        let answer = post("/v1/device/poll", &asked).await;
        let (again, _) = post("/v1/device/poll", &asked).await;
        assert_eq!(again, StatusCode::BAD_REQUEST, "the code is used");
        answer
    };
    let (status, answer) = signed_in("ada+sre").await;
    assert_eq!(
        (status, &answer["roles"]),
        (StatusCode::OK, &json!(["operator"]))
    );
    let token = answer["token"].as_str().unwrap();
    let ask = async |path: &str| {
        let url = format!("{}{path}", server.url);
        let request = server.client.request(Method::GET, url);
        request.bearer_auth(token).send().await.unwrap()
    };
    assert_eq!(ask("/v1/events").await.status(), StatusCode::OK);
    let mine: Value = ask("/v1/sessions").await.json().await.unwrap();
    assert_eq!(mine["data"][0]["place"], "command_line");

    let (status, refused) = signed_in("eve+sales").await;
    assert_eq!(
        (status, &refused["code"]),
        (StatusCode::FORBIDDEN, &json!("no_role"))
    );
    provider.told("forge", &json!({ "aud": "another" })).await;
    let (status, refused) = signed_in("ada+sre").await;
    let code = json!("sign_in_untrusted");
    assert_eq!(
        (status, &refused["code"]),
        (StatusCode::UNAUTHORIZED, &code)
    );
    let unknown = json!({ "device_code": "nonsense" });
    assert_eq!(
        post("/v1/device/poll", &unknown).await.1["code"],
        "sign_in_expired"
    );
}

#[tokio::test]
#[ignore = "needs a provider: cargo xtask oidc"]
async fn new_keys_of_the_provider_are_taken_when_they_are_needed() {
    let provider = Provider::start().await;
    let dir = data_dir();
    let server = server(dir.path(), &provider.issuer).await;
    let before = Browser::of(&server, "ada+sre");
    assert_eq!(before.sign_in().await.status(), StatusCode::OK);
    provider.told("rotate", &json!({})).await;
    let after = Browser::of(&server, "ada+sre");
    assert_eq!(after.sign_in().await.status(), StatusCode::OK);
    assert_eq!(before.at("/v1/events").await.status(), StatusCode::OK);
}

#[tokio::test]
#[ignore = "needs a provider: cargo xtask oidc"]
async fn a_provider_that_is_gone_is_said_and_comes_back_without_a_restart() {
    let provider = Provider::start().await;
    let dir = data_dir();
    let server = server(dir.path(), &provider.issuer).await;
    let browser = Browser::of(&server, "ada+sre");
    let back = browser.answered("/signin/provider").await;
    let port = provider.stop().await;

    let page = browser.at(&back).await;
    assert_eq!(page.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(page.text().await.unwrap().contains("sign in with a token"));
    let start = async || {
        let request = server
            .client
            .post(format!("{}/v1/device/start", server.url));
        request.send().await.unwrap()
    };
    let away = start().await;
    assert_eq!(away.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(away.headers().contains_key("retry-after"));
    let away: Value = away.json().await.unwrap();
    assert_eq!(away["code"], "provider_away");
    let (status, ready) = server.get("/readyz").await;
    assert_eq!(
        (status, ready),
        (
            StatusCode::OK,
            json!({ "status": "ready", "degraded": ["sign_in_provider"] })
        )
    );
    // Who has a token signs in as ever.
    let form = [("token", server.token.as_str())];
    let local = server.client.post(format!("{}/signin", server.url));
    let local = local.form(&form).send().await.unwrap();
    assert_eq!(local.status(), StatusCode::SEE_OTHER);

    let _again = Provider::start_with(&[("PORT", &port)]).await;
    assert_eq!(start().await.status(), StatusCode::OK);
    let (_, ready) = server.get("/readyz").await;
    assert_eq!(ready, json!({ "status": "ready" }));
    let browser = Browser::of(&server, "ada+sre");
    assert_eq!(browser.sign_in().await.status(), StatusCode::OK);
}
