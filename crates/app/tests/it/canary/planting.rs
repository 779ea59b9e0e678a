//! Where secrets go in: events in every form, what is no event, calls by assistants, every door that a
//! token or a code is presented at, and every place where somebody puts one by mistake.

use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use futures::StreamExt as _;
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};

use super::search::Canaries;
use crate::harness::{PATIENCE, Server, program};

/// The event that the stream is read up to.
const LAST: &str = "the-last-one";

/// Plants, and keeps what is answered.
pub(super) struct Planting<'w> {
    server: &'w Server,
    canaries: &'w mut Canaries,
    /// A token that may read and write, and nothing else.
    token: String,
    /// What was asked, and everything that was answered.
    pub(super) said: Vec<(String, String)>,
    count: usize,
}

impl<'w> Planting<'w> {
    pub(super) async fn new(
        server: &'w Server,
        canaries: &'w mut Canaries,
        dir: &Path,
        environment: &[(&str, &str)],
    ) -> Self {
        let arguments = [
            "token",
            "create",
            "--name",
            "app",
            "--scope",
            "events:write",
        ];
        let made = program(dir)
            .envs(environment.iter().copied())
            .args(arguments)
            .args(["--scope", "events:read"])
            .output()
            .await
            .unwrap();
        assert!(made.status.success(), "{made:?}");
        let token = String::from_utf8(made.stdout).unwrap().trim().to_owned();
        canaries.token("a token", &token);
        Self {
            server,
            canaries,
            token,
            said: Vec::new(),
            count: 0,
        }
    }

    fn word(&mut self, planted_as: &str) -> String {
        self.canaries.word(planted_as)
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.server.url);
        self.server.client.request(method, url).timeout(PATIENCE)
    }

    /// Asks with the token, and keeps what is said.
    async fn ask(&mut self, what: &str, request: RequestBuilder) -> (u16, String) {
        let request = request.bearer_auth(self.token.clone());
        self.ask_as_it_is(what, request).await
    }

    async fn ask_as_it_is(&mut self, what: &str, request: RequestBuilder) -> (u16, String) {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.text().await.unwrap();
        assert!(status < 500, "{what}: {status} {body}");
        self.said
            .push((what.to_owned(), format!("{status} {headers:?} {body}")));
        (status, body)
    }

    async fn send(
        &mut self,
        what: &str,
        content_type: &str,
        body: impl Into<reqwest::Body>,
    ) -> (u16, String) {
        let request = self.request(Method::POST, "/v1/events");
        let request = request.header("content-type", content_type).body(body);
        self.ask(what, request).await
    }

    /// An event with a secret in every kind of place.
    fn event(&mut self) -> Value {
        self.count += 1;
        let jwt_end = self.word("a JWT");
        let token = self.canaries.false_token("a token in an event");
        json!({
            "type": "com.acme.login", "source": "canary-app", "id": format!("e-{}", self.count),
            "subject": format!("Bearer {}0123456789", self.word("a subject")),
            "authorization": self.word("an attribute"),
            "data": {
                "password": self.word("a password"),
                "nested": {"apiKey": self.word("a key"), "list": [{"client_secret": self.word("a nested one")}]},
                "credentials": {"user": self.word("credentials"), "pin": [self.word("inner credentials")]},
                "env": [{"value": self.word("a variable"), "name": "DB_PASSWORD"}],
                "url": format!("postgres://app:{}@db/x", self.word("an address")),
                "message": format!("GET /?access_token={} failed for {token}", self.word("a query")),
                "jwt": format!("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.{jwt_end}"),
                "body": json!({"secret": self.word("JSON in a text")}).to_string(),
                "pem": format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----", self.word("a PEM")),
                "curl": format!("curl -H 'Authorization: Basic {}'", self.word("a command")),
                "cookie": self.word("a cookie")
            }
        })
    }

    pub(super) async fn events(&mut self) {
        for query in ["", "?validate=only", "?ack=accepted"] {
            let event = self.event();
            let request = self
                .request(Method::POST, &format!("/v1/events{query}"))
                .json(&event);
            let (status, body) = self.ask("an event", request).await;
            assert!(
                status < 300 && (query.contains("ack") || body.contains("was masked")),
                "{body}"
            );
        }
        let events: Vec<_> = (0..3).map(|_| self.event()).collect();
        let (status, _) = self
            .send("a batch", "application/json", json!(events).to_string())
            .await;
        assert_eq!(status, 200);
        let lines: Vec<_> = (0..3).map(|_| self.event().to_string()).collect();
        let (status, _) = self
            .send("lines", "application/x-ndjson", lines.join("\n"))
            .await;
        assert_eq!(status, 200);
        let mut cloud = self.event();
        cloud["specversion"] = "1.0".into();
        let (status, _) = self
            .send(
                "a CloudEvent",
                "application/cloudevents+json",
                cloud.to_string(),
            )
            .await;
        assert_eq!(status, 201);
        let (data, attribute) = (self.event()["data"].to_string(), self.word("a header"));
        let binary = self
            .request(Method::POST, "/v1/events")
            .header("ce-specversion", "1.0")
            .header("ce-type", "com.acme.login")
            .header("ce-source", "canary-app")
            .header("ce-id", "binary")
            .header("ce-authorization", attribute)
            .header("content-type", "application/json")
            .body(data);
        assert_eq!(self.ask("a CloudEvent in binary mode", binary).await.0, 201);
        self.platform_events().await;
        let again = self.event();
        for status in [201, 200] {
            let request = self.request(Method::POST, "/v1/events").json(&again);
            assert_eq!(self.ask("an event, twice", request).await.0, status);
        }
    }

    /// Types that become projections.
    async fn platform_events(&mut self) {
        let (from, to) = (self.word("an old value"), self.word("a new value"));
        let address = format!(
            "https://ci:{}@ci.example/1",
            self.word("an address of a pipeline")
        );
        let events = json!([
            {"type": "config.changed", "source": "ci", "id": "c-1", "data": {
                "service": "payments", "environment": "production", "key": "DB_PASSWORD", "from": from, "to": to
            }},
            {"type": "deployment.started", "source": "ci", "id": "d-1", "data": {
                "service": "payments", "environment": "production", "deployment_id": "d-1",
                "version": "1", "pipeline_url": address, "actor": format!("token={}", self.word("an actor"))
            }}
        ]);
        let (status, body) = self
            .send("platform events", "application/json", events.to_string())
            .await;
        assert_eq!(status, 200, "{body}");
    }

    pub(super) async fn what_is_no_event(&mut self) {
        let mut bad = self.event();
        bad["time"] = "yesterday".into();
        let (status, body) = self
            .send("a bad event", "application/json", bad.to_string())
            .await;
        assert_eq!(status, 400);
        let problem: Value = serde_json::from_str(&body).unwrap();
        let kept = problem["quarantine_id"]
            .as_str()
            .expect("it was put aside")
            .to_owned();
        let named =
            json!({"type": "x", "source": format!("https://u:{}@ci", self.word("a source"))});
        let (status, body) = self
            .send("a secret for a name", "application/json", named.to_string())
            .await;
        assert!(status == 400 && body.contains("\"secret\""), "{body}");
        for broken in [
            format!("{{\"password\": \"{}\"", self.word("broken JSON")),
            format!(
                "{{\"password\": \"{}",
                self.word("JSON that breaks off in a text")
            ),
            format!("{{'password': '{}'}}", self.word("no JSON")),
            format!("password={}&user=ada", self.word("a form")),
            format!("{{\"token\": {}, \"a\"", self.word("a bare word")),
            format!(
                "{{\"type\": 7, \"type\": \"x\", \"secret\": \"{}\", }}",
                self.word("a comma too many")
            ),
        ] {
            let (status, _) = self
                .send("what is no event", "application/json", broken)
                .await;
            assert_eq!(status, 400);
        }
        let mut bytes =
            format!("{{\"password\": \"{}", self.word("what is not UTF-8")).into_bytes();
        bytes.extend(b"\xff\"}\n{\"type\":\"x\"}");
        self.send("what is not UTF-8", "application/x-ndjson", bytes)
            .await;
        // With the admin's token: looking at it, and sending it again.
        let shown = self.server.get(&format!("/v1/quarantine/{kept}")).await.1;
        self.said.push(("an item".to_owned(), shown.to_string()));
        let again = json!({"ids": [kept]});
        let replayed = self
            .server
            .ask(Method::POST, "/v1/quarantine/replay", Some(&again))
            .await
            .1;
        self.said
            .push(("a replay".to_owned(), replayed.to_string()));
    }

    pub(super) async fn actions_and_tools(&mut self) {
        let token = self.canaries.false_token("a token in a payload");
        let calls = [
            json!({"actionKey": "platform.events.append", "payload": {"events": self.event()}}),
            json!({"actionKey": "platform.events.append", "payload": {"events": [self.event()]}}),
            json!({"actionKey": token, "payload": {}}),
            json!({"actionKey": "platform.events.search", "payload": {"limit": token}}),
            json!({"actionKey": "platform.events.search", "payload": {"password": self.word("a payload")}}),
            json!({"actionKey": "platform.events.search", "payload": {}, "token": self.word("a call")}),
        ];
        for call in calls {
            let request = self.request(Method::POST, "/v1/actions").json(&call);
            self.ask("an action", request).await;
            let tool = call["actionKey"].as_str().unwrap().replace('.', "_");
            let message = json!({
                "jsonrpc": "2.0", "id": 1, "method": "tools/call",
                "params": {"name": tool, "arguments": call["payload"]}
            });
            let request = self.request(Method::POST, "/mcp").json(&message);
            self.ask(
                "a tool",
                request.header("accept", "application/json, text/event-stream"),
            )
            .await;
        }
        let broken = [
            format!("{{\"method\": \"{}\"", self.word("a broken call")),
            json!({"jsonrpc": "2.0", "id": 1, "method": token}).to_string(),
            json!({"jsonrpc": token, "id": token, "method": 1}).to_string(),
        ];
        for body in broken {
            for path in ["/v1/actions", "/mcp"] {
                let request = self.request(Method::POST, path).body(body.clone());
                let request = request.header("content-type", "application/json");
                self.ask("a broken call", request).await;
            }
        }
    }

    /// Where tokens, codes, cookies and passwords are presented: good ones and bad ones.
    pub(super) async fn doors(&mut self) {
        let (token, bad) = (self.token.clone(), self.canaries.false_token("a bad token"));
        let word = self.word("a credential");
        let events = "/v1/events";
        let basic = |password: &str| {
            format!(
                "Basic {}",
                BASE64_STANDARD.encode(format!("reader:{password}"))
            )
        };
        for (path, header) in [
            (events, format!("Bearer {bad}")),
            (events, format!("Bearer {word}")),
            (events, word.clone()),
            (events, basic(&token)),
            (events, format!("Bearer {}", &token[..40])),
            ("/v1/deployments/feed.atom", basic(&token)),
            ("/v1/deployments/feed.atom", basic(&bad)),
            ("/v1/deployments/feed.atom", basic(&word)),
            ("/mcp", format!("Bearer {bad}")),
        ] {
            let request = self
                .request(Method::GET, path)
                .header("authorization", header);
            self.ask_as_it_is("a door", request).await;
        }
        for cookie in [&bad, &word, &token] {
            let request = self.request(Method::GET, events);
            let request = request.header("cookie", format!("pts_session={cookie}; other={word}"));
            self.ask_as_it_is("a cookie", request).await;
        }
        for form in [
            ("token", &bad),
            ("token", &word),
            ("code", &bad),
            ("code", &word),
        ] {
            let request = self.request(Method::POST, "/signin").form(&[form]);
            self.ask_as_it_is("signing in", request).await;
        }
        self.sign_in().await;
    }

    /// The cookie of a session is told to its browser, and to nobody else.
    async fn sign_in(&mut self) {
        let code = self.server.banner.split("code=").nth(1).expect("a code");
        let code = code.split_whitespace().next().unwrap().to_owned();
        self.canaries.token("a sign-in code", &code);
        let request = self
            .request(Method::POST, "/signin")
            .form(&[("code", &code)]);
        let session = cookie(&request.send().await.unwrap());
        self.canaries
            .token("a session", session.split_once('=').unwrap().1);
        let used = self
            .request(Method::POST, "/signin")
            .form(&[("code", &code)]);
        self.ask_as_it_is("a code that was used", used).await;
        for (method, path) in [
            (Method::GET, "/admin"),
            (Method::GET, "/v1/events"),
            (Method::POST, "/v1/events"),
        ] {
            let request = self.request(method, path).header("cookie", session.clone());
            self.ask_as_it_is("a session", request).await;
        }
        let request = self
            .request(Method::POST, "/signout")
            .header("cookie", session);
        self.ask_as_it_is(
            "signing out",
            request.header("sec-fetch-site", "same-origin"),
        )
        .await;
    }

    /// Tokens where none belong.
    pub(super) async fn questions(&mut self) {
        let token = self.token.clone();
        for path in [
            format!("/v1/events?access_token={token}"),
            format!("/v1/events?{token}"),
            format!("/v1/events?limit={token}"),
            format!("/v1/events?cursor={token}"),
            format!("/v1/events?since={token}"),
            format!("/v1/events?type={token}"),
            format!("/v1/events/{token}"),
            format!("/v1/services/{token}"),
            format!("/v1/deployments/{token}"),
            format!("/v1/event-types/{token}"),
            format!("/v1/quarantine/{token}"),
            format!("/{token}"),
            format!("/v1/events/stream?token={token}"),
        ] {
            let request = self.request(Method::GET, &path);
            self.ask("a question", request).await;
            let request = self.request(Method::GET, &path);
            self.ask_as_it_is("a question without a header", request)
                .await;
        }
        for header in [
            "x-request-id",
            "traceparent",
            "user-agent",
            "referer",
            "content-type",
            "content-encoding",
        ] {
            let request = self
                .request(Method::POST, "/v1/events")
                .header(header, &token)
                .body("{}");
            self.ask("a header", request).await;
        }
    }

    /// Opens a stream of everything from here on.
    pub(super) async fn follow(&mut self) -> Response {
        let request = self.request(Method::GET, "/v1/events/stream");
        request.bearer_auth(&self.token).send().await.unwrap()
    }

    /// Sends one more event, and reads the stream up to it.
    pub(super) async fn read_to_the_end(&mut self, stream: Response) -> String {
        let last = json!({"type": "com.acme.end", "source": "canary-app", "id": LAST, "data": {}});
        let (status, _) = self
            .send("the last event", "application/json", last.to_string())
            .await;
        assert_eq!(status, 201);
        let mut chunks = stream.bytes_stream();
        let mut text = String::new();
        let reading = async {
            while !text.contains(LAST) {
                let chunk = chunks.next().await.expect("the stream goes on").unwrap();
                text.push_str(&String::from_utf8_lossy(&chunk));
            }
        };
        tokio::time::timeout(PATIENCE, reading).await.unwrap();
        text
    }
}

/// The cookie that an answer sets: name and value.
fn cookie(response: &Response) -> String {
    let set = response
        .headers()
        .get("set-cookie")
        .expect("a cookie")
        .to_str()
        .unwrap();
    set.split(';').next().unwrap().to_owned()
}
