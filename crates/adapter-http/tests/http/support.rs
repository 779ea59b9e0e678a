//! A server for each test, and short ways to speak to it.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::sync::Arc;

use chrono::Duration;
use pts_adapter_http::{HttpSettings, Running};
use pts_domain::access::{Scope, Token};
use pts_services::{EventBus, Gateway, Limits, NewToken, Parts};
use pts_testkit::fakes::{FixedClock, MemoryStore, SeededEntropy};
use pts_testkit::generate::now;
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::{Value, json};

pub(crate) struct Server {
    pub(crate) running: Running,
    pub(crate) base: String,
    pub(crate) client: Client,
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) clock: Arc<FixedClock>,
    /// May do everything.
    pub(crate) admin: String,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::with(HttpSettings::default()).await
    }

    pub(crate) async fn with(settings: HttpSettings) -> Self {
        Self::with_both(settings, Limits::default()).await
    }

    /// With limits that a test can reach.
    pub(crate) async fn limited(limits: Limits) -> Self {
        Self::with_both(HttpSettings::default(), limits).await
    }

    /// In front of a gateway that was changed.
    pub(crate) async fn made(change: impl FnOnce(Gateway) -> Gateway) -> Self {
        Self::letting(HttpSettings::default(), change).await
    }

    async fn with_both(settings: HttpSettings, limits: Limits) -> Self {
        Self::letting(settings, |gateway| gateway.limited(limits)).await
    }

    /// With a gateway that is not the usual one.
    pub(crate) async fn letting(
        settings: HttpSettings,
        change: impl FnOnce(Gateway) -> Gateway,
    ) -> Self {
        let store = Arc::new(MemoryStore::new(Arc::new(EventBus::with_domain_handlers())));
        let clock = Arc::new(FixedClock::at(now()));
        let entropy = Arc::new(SeededEntropy::new(7));
        let gateway = Gateway::new(Parts::of(store.clone(), clock.clone(), entropy));
        let gateway = Arc::new(change(gateway));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let settings = HttpSettings {
            workers: Some(1),
            ..settings
        };
        let running = pts_adapter_http::bind(Arc::clone(&gateway), settings, listener).unwrap();
        let base = format!("http://{}", running.local_addr());
        let client = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(std::time::Duration::from_secs(30))
            .build()
            .unwrap();
        let (admin, _) = token(&gateway, &[Scope::Admin]).await;
        Self {
            running,
            base,
            client,
            gateway,
            store,
            clock,
            admin,
        }
    }

    /// The text of a new token with these scopes.
    pub(crate) async fn token(&self, scopes: &[Scope]) -> String {
        token(&self.gateway, scopes).await.0
    }

    pub(crate) async fn token_and_id(&self, scopes: &[Scope]) -> (String, Token) {
        token(&self.gateway, scopes).await
    }

    /// A request without a token.
    pub(crate) fn bare(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base))
    }

    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.bare(Method::GET, path).bearer_auth(&self.admin)
    }

    pub(crate) fn post(&self, path: &str) -> RequestBuilder {
        self.bare(Method::POST, path).bearer_auth(&self.admin)
    }

    /// Posts a body of a type to `/v1/events`.
    pub(crate) async fn send(&self, content_type: &str, body: impl Into<reqwest::Body>) -> Reply {
        let request = self
            .post("/v1/events")
            .header("content-type", content_type)
            .body(body);
        Reply::of(request).await
    }

    /// Posts events that must be accepted; returns what was answered.
    pub(crate) async fn stored(&self, events: &Value) -> Value {
        let reply = self.send("application/json", events.to_string()).await;
        assert!(
            matches!(reply.status, 200 | 201),
            "{} {}",
            reply.status,
            reply.body
        );
        reply.body
    }

    /// Asks a question that must be answered.
    pub(crate) async fn ask(&self, path: &str) -> Value {
        let reply = Reply::of(self.get(path)).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.body);
        reply.body
    }

    /// Calls an action by its name.
    pub(crate) async fn call(&self, key: &str, payload: &Value) -> Reply {
        let call = json!({ "actionKey": key, "payload": payload });
        Reply::of(self.post("/v1/actions").json(&call)).await
    }

    /// A browser's session.
    pub(crate) async fn session(&self) -> String {
        let request = self.bare(Method::POST, "/signin");
        let response = form(request, &format!("token={}", self.admin)).await;
        assert_eq!(response.status(), 303);
        let cookie = response.headers()["set-cookie"].to_str().unwrap();
        cookie.split(';').next().unwrap().to_owned()
    }
}

async fn token(gateway: &Gateway, scopes: &[Scope]) -> (String, Token) {
    let scopes: BTreeSet<_> = scopes.iter().copied().collect();
    let new = NewToken {
        name: "test".into(),
        scopes,
        lasts: Some(Duration::days(1)),
        ..NewToken::default()
    };
    let (text, token) = gateway.access().create(new).await.unwrap();
    (text.reveal().to_owned(), token)
}

/// Sends a form, as a browser does.
pub(crate) async fn form(request: RequestBuilder, body: &str) -> Response {
    request
        .header("content-type", "application/x-www-form-urlencoded")
        .header("accept", "text/html")
        .body(body.to_owned())
        .send()
        .await
        .unwrap()
}

/// An answer that was read to its end.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    /// The body as JSON; null if it is none.
    pub(crate) body: Value,
}

impl Reply {
    pub(crate) async fn of(request: RequestBuilder) -> Self {
        let response = request.send().await.expect("an answer");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.expect("a body");
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Self {
            status,
            headers,
            body,
        }
    }

    /// Checks that this is a whole problem document of this status and code.
    #[track_caller]
    pub(crate) fn is_problem(&self, status: u16, code: &str) {
        assert_eq!(
            (self.status, &self.body["code"]),
            (status, &json!(code)),
            "{}",
            self.body
        );
        assert_eq!(self.headers["content-type"], "application/problem+json");
        assert_eq!(self.body["status"], status);
        assert_eq!(self.body["type"], format!("urn:pts:problem:{code}"));
        assert_eq!(
            self.body["request_id"].as_str(),
            Some(self.headers["x-request-id"].to_str().unwrap())
        );
        for part in ["title", "detail"] {
            assert!(
                !self.body[part].as_str().unwrap().is_empty(),
                "{part} is empty"
            );
        }
    }
}

impl Reply {
    /// Checks that this is a whole answer of a call that failed with this status and code.
    #[track_caller]
    pub(crate) fn is_failure(&self, status: u16, code: &str) {
        let error = &self.body["error"];
        assert_eq!(
            (self.status, &self.body["ok"], &error["code"]),
            (status, &json!(false), &json!(code)),
            "{}",
            self.body
        );
        assert_eq!(self.headers["content-type"], "application/json");
        assert_eq!(error["details"]["status"], status);
        assert!(!error["message"].as_str().unwrap().is_empty());
        let id = self.headers["x-request-id"].to_str().unwrap();
        assert_eq!(self.body["meta"], json!({ "requestId": id }));
    }
}

/// An event of a foreign type, which needs nothing.
pub(crate) fn foreign(id: &str) -> Value {
    json!({ "type": "com.acme.tested", "source": "tests", "id": id, "data": { "n": 1 } })
}

pub(crate) fn deployment(verb: &str, id: &str, service: &str) -> Value {
    json!({
        "type": format!("deployment.{verb}"),
        "source": "ci",
        "id": format!("{id}-{verb}"),
        "data": {
            "service": service,
            "environment": "production",
            "deployment_id": id,
            "version": "1.2.3",
        },
    })
}
