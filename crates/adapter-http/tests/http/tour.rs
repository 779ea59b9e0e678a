//! `docs/api.md` shows what the API really answers. `UPDATE_DOCS=1` rewrites what it shows.

use std::fmt::Write as _;
use std::path::Path;

use chrono::Duration;
use pts_testkit::generate::platform;
use reqwest::Method;
use serde_json::{Value, json};

use super::support::Server;

const BEGIN: &str = "<!-- tour: ";
const END: &str = "<!-- tour end -->";
/// Headers that say more than that there is an answer.
const SHOWN: [&str; 8] = [
    "content-type",
    "content-disposition",
    "x-pts-up-to",
    "x-pts-coverage",
    "etag",
    "retry-after",
    "ratelimit",
    "ratelimit-policy",
];
/// Longer texts of tools are cut: they repeat what stands beside them.
const LONGEST_TEXT: usize = 60;

/// A request of the tour.
struct Step {
    name: &'static str,
    method: Method,
    path: &'static str,
    headers: &'static [(&'static str, &'static str)],
    body: Option<Value>,
    /// How much time goes by before it.
    later: Duration,
    /// The status of its answer.
    status: u16,
}

fn get(name: &'static str, path: &'static str) -> Step {
    Step {
        name,
        method: Method::GET,
        path,
        headers: &[],
        body: None,
        later: Duration::zero(),
        status: 200,
    }
}

fn post(name: &'static str, path: &'static str, body: Value) -> Step {
    Step {
        name,
        method: Method::POST,
        path,
        headers: &[],
        body: Some(body),
        later: Duration::zero(),
        status: 200,
    }
}

impl Step {
    /// One that is answered with another status.
    fn with(self, status: u16) -> Self {
        Self { status, ..self }
    }

    /// As somebody would type it.
    fn typed(&self) -> String {
        let mut typed = format!("$ curl -i \"$PTS{}\" -H \"$AUTH\"", self.path);
        for (name, value) in self.headers {
            write!(typed, " -H '{name}: {value}'").unwrap();
        }
        if let Some(body) = &self.body {
            write!(typed, " --json '{body}'").unwrap();
        }
        typed
    }

    /// What is typed and what is answered.
    async fn shown(&self, server: &Server) -> String {
        let mut request = server.bare(self.method.clone(), self.path);
        request = request
            .bearer_auth(&server.admin)
            .header("x-request-id", "tour");
        for (name, value) in self.headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = &self.body {
            request = request.json(body);
        }
        let response = request.send().await.unwrap();
        let mut shown = format!("```console\n{}\n", self.typed());
        let status = response.status();
        assert_eq!(status, self.status, "{}", self.name);
        writeln!(shown, "HTTP/1.1 {status}").unwrap();
        for name in SHOWN {
            if let Some(value) = response.headers().get(name) {
                writeln!(shown, "{name}: {}", value.to_str().unwrap()).unwrap();
            }
        }
        let is_json = response.headers().get("content-type").is_some_and(|value| {
            let value = value.to_str().unwrap();
            value.ends_with("/json") || value.ends_with("+json")
        });
        let text = response.text().await.unwrap();
        let text = if is_json {
            pretty(&cut(&text))
        } else {
            text.replace('\r', "")
        };
        write!(shown, "\n{}\n```\n", text.trim_end()).unwrap();
        shown
    }
}

/// JSON with the text of a tool's result cut.
fn cut(json: &str) -> String {
    let Some((before, rest)) = json.split_once(r#""content":[{"text":""#) else {
        return json.to_owned();
    };
    let (_, after) = rest
        .split_once(r#"","type":"text"}]"#)
        .expect("the text's end");
    let text: String = rest.chars().take(LONGEST_TEXT).collect();
    let text = text.trim_end_matches('\\');
    format!(r#"{before}"content":[{{"text":"{text}…","type":"text"}}]{after}"#)
}

/// JSON in lines, its fields in the order in which they came.
fn pretty(json: &str) -> String {
    let (mut pretty, mut depth, mut quoted, mut escaped) = (String::new(), 0, false, false);
    let mut letters = json.chars().peekable();
    while let Some(letter) = letters.next() {
        pretty.push(letter);
        let next = letters.peek().copied();
        if quoted {
            quoted = escaped || letter != '"';
            escaped = !escaped && letter == '\\';
        } else {
            match letter {
                '"' => quoted = true,
                ':' => pretty.push(' '),
                ',' => line(&mut pretty, depth),
                '{' | '[' if !matches!(next, Some('}' | ']')) => {
                    depth += 1;
                    line(&mut pretty, depth);
                }
                _ => {}
            }
        }
        let ends = matches!(next, Some('}' | ']')) && !matches!(letter, '{' | '[') && !quoted;
        if ends {
            depth -= 1;
            line(&mut pretty, depth);
        }
    }
    pretty
}

fn line(text: &mut String, depth: usize) {
    text.push('\n');
    text.push_str(&"  ".repeat(depth));
}

/// The tour, in the order in which it is gone.
fn steps() -> Vec<Step> {
    let started = json!({
        "type": "deployment.started", "source": "ci", "id": "run-77",
        "time": "2026-03-01T12:30:00Z",
        "data": {
            "service": "payments", "environment": "production",
            "deployment_id": "d-43", "version": "1.4.3",
        },
    });
    let full = json!({
        "type": "state.changed", "source": "db", "id": "full",
        "data": {
            "service": "payments", "environment": "production", "component": "payments-db",
            "from": "primary", "to": "read-only", "reason": "disk full",
        },
    });
    let mut wrong = started.clone();
    wrong["id"] = "run-78".into();
    wrong["data"].as_object_mut().unwrap().remove("environment");
    let call = json!({
        "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {
            "name": "platform_incidents_search",
            "arguments": { "service": "payments", "limit": 1 },
        },
    });
    let greeting = json!({
        "jsonrpc": "2.0", "id": 1, "method": "initialize",
        "params": {
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": { "name": "tour", "version": "1" },
        },
    });
    vec![
        post("ingest", "/v1/events", started.clone()).with(201),
        post("repeat", "/v1/events", started),
        post("invalid", "/v1/events?validate=only", wrong).with(400),
        get(
            "search",
            "/v1/events?type=deployment.*&service=payments&limit=1",
        ),
        get("misspelt", "/v1/events?servise=payments&limit=0").with(400),
        post(
            "expect",
            "/v1/expectations",
            json!({ "source": "db", "every_s": 300 }),
        ),
        Step {
            later: Duration::minutes(20),
            ..get("silent", "/v1/events?source=db&since=1h&limit=1")
        },
        get("deny", "/v1/events?source=db&since=1h&partial=deny").with(503),
        Step {
            later: Duration::minutes(5),
            ..post("back", "/v1/events", full).with(201)
        },
        get("gap", "/v1/state?component=payments-db"),
        post(
            "act",
            "/v1/actions",
            json!({
                "actionKey": "platform.at.compare",
                "payload": { "from": "2026-03-01T08:00:00Z", "to": "2026-03-01T12:30:00Z" },
            }),
        ),
        post(
            "preview",
            "/v1/quarantine/purge",
            json!({ "source": "ci", "reason": "a test that ran wild" }),
        )
        .with(428),
        post(
            "elevate",
            "/v1/elevations",
            json!({ "scopes": ["tokens:manage"], "reason": "INC-7: a token leaked", "minutes": 15 }),
        ),
        get("export", "/v1/events/export?format=csv&type=incident.*"),
        get("feed", "/v1/incidents/feed.atom?limit=1"),
        get(
            "annotations",
            "/v1/annotations?from=2026-03-01T12:00:00Z&to=2026-03-01T12:30:00Z&kind=incident",
        ),
        post("greet", "/mcp", greeting),
        post("tool", "/mcp", call),
    ]
}

/// The platform that examples speak of, received by a server that listens to it.
async fn on_the_platform() -> Server {
    let server = Server::start().await;
    let began = platform::now() - Duration::hours(5);
    server.clock.set(began);
    server.gateway.read_record().await.unwrap();
    server.gateway.begin_receiving();
    platform::seed_all(&*server.store).await;
    server.clock.set(platform::now());
    let again = json!({
        "type": "state.changed", "source": "db", "id": "again",
        "data": {
            "service": "payments", "environment": "production", "component": "payments-db",
            "from": "read-only", "to": "primary", "reason": "space again",
        },
    });
    server.stored(&again).await;
    server
}

#[tokio::test]
async fn the_tour_shows_what_is_really_answered() {
    let server = on_the_platform().await;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/api.md");
    let page = std::fs::read_to_string(&path).expect("docs/api.md is there");
    let mut shown = page.clone();
    for step in steps() {
        let mark = format!("{BEGIN}{} -->\n", step.name);
        let (before, rest) = shown.split_once(&mark).expect(step.name);
        let (_, after) = rest
            .split_once(END)
            .expect("each stop of the tour has its end");
        server.clock.advance(step.later);
        let real = step.shown(&server).await;
        shown = format!("{before}{mark}{real}{END}{after}");
    }
    assert_eq!(
        page.matches(BEGIN).count(),
        steps().len(),
        "the page has other stops"
    );
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, shown).unwrap();
    } else {
        assert_eq!(page, shown, "run this test with UPDATE_DOCS=1");
    }
}

#[test]
fn json_is_shown_in_the_order_in_which_it_came() {
    let json = r#"{"b":[1,{"a":"x,{\"}"}],"c":{},"d":[]}"#;
    let lines = "{\n  \"b\": [\n    1,\n    {\n      \"a\": \"x,{\\\"}\"\n    }\n  ],\n  \"c\": {},\n  \"d\": []\n}";
    assert_eq!(pretty(json), lines);
}
