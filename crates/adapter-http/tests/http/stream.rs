//! Live streams: every event once and in order, resumed where they broke off, and ended when they
//! must end.

use std::time::Duration;

use pts_adapter_http::HttpSettings;
use pts_domain::access::Scope;
use reqwest::{RequestBuilder, Response};
use serde_json::{Value, json};

use super::support::{Reply, Server, deployment, foreign};

/// Reads a stream message by message.
struct Listener {
    response: Response,
    buffer: String,
    /// Where the stream began.
    behind: i64,
}

impl Listener {
    async fn open(request: RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["x-accel-buffering"], "no");
        let mut listener = Self {
            response,
            buffer: String::new(),
            behind: 0,
        };
        let hello = listener.block().await.unwrap();
        let behind = hello.strip_prefix("retry: 2000\nid: ").unwrap();
        listener.behind = behind.parse().unwrap();
        listener
    }

    /// The next block of lines; `None` when the stream has ended.
    async fn block(&mut self) -> Option<String> {
        loop {
            if let Some((block, rest)) = self.buffer.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.buffer = rest;
                return Some(block);
            }
            let chunk = self.response.chunk().await.unwrap()?;
            self.buffer.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    /// The next event: its id and its data.
    async fn event(&mut self) -> (i64, Value) {
        loop {
            let block = self.block().await.expect("an event");
            if block.starts_with(':') {
                continue;
            }
            let (id, data) = block.split_once('\n').unwrap();
            let id = id.strip_prefix("id: ").unwrap().parse().unwrap();
            return (
                id,
                serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap(),
            );
        }
    }
}

#[tokio::test]
async fn events_arrive_as_they_are_committed_and_a_stream_resumes_without_loss() {
    let server = Server::start().await;
    server.stored(&foreign("before")).await;
    let mut listener = Listener::open(server.get("/v1/events/stream")).await;
    server.stored(&foreign("a")).await;
    let (id, event) = listener.event().await;
    assert_eq!(
        (id, &event["event_id"], &event["position"]),
        (2, &json!("a"), &json!(2))
    );
    drop(listener);

    server.stored(&json!([foreign("b"), foreign("c")])).await;
    let request = server.get("/v1/events/stream").header("last-event-id", "2");
    let mut listener = Listener::open(request).await;
    assert_eq!(listener.event().await.1["event_id"], "b");
    assert_eq!(listener.event().await.1["event_id"], "c");
    server.stored(&foreign("d")).await;
    assert_eq!(listener.event().await.0, 5);
}

#[tokio::test]
async fn a_stream_that_is_cut_before_its_first_event_resumes_where_it_began() {
    let server = Server::start().await;
    server.stored(&foreign("before")).await;
    let listener = Listener::open(server.get("/v1/events/stream")).await;
    let behind = listener.behind;
    assert_eq!(behind, 1);
    drop(listener);
    server.stored(&foreign("missed")).await;
    let request = server.get("/v1/events/stream");
    let request = request.header("last-event-id", behind.to_string());
    let mut listener = Listener::open(request).await;
    assert_eq!(listener.behind, behind);
    assert_eq!(listener.event().await.1["event_id"], "missed");
}

#[tokio::test]
async fn a_stream_ends_when_its_reader_wants_it_to() {
    let server = Server::start().await;
    server.stored(&foreign("a")).await;
    let brief = server.get("/v1/events/stream").header("prefer", "wait=0");
    let response = brief.send().await.unwrap();
    assert_eq!(response.headers()["preference-applied"], "wait=0");
    assert_eq!(response.text().await.unwrap(), "retry: 2000\nid: 1\n\n");
    let some = server.get("/v1/events/stream?after=0");
    let mut listener = Listener::open(some.header("prefer", "wait=1")).await;
    assert_eq!(listener.event().await.1["event_id"], "a");
    while listener.block().await.is_some() {}
}

#[tokio::test]
async fn a_stream_is_filtered_as_a_search_is() {
    let server = Server::start().await;
    let path = "/v1/events/stream?type=deployment.*&service=payments&after=0";
    let mut listener = Listener::open(server.get(path)).await;
    server
        .stored(&json!([
            foreign("x"),
            deployment("started", "d-1", "orders"),
            deployment("started", "d-2", "payments"),
        ]))
        .await;
    assert_eq!(listener.event().await.1["event_id"], "d-2-started");
}

#[tokio::test]
async fn what_cannot_be_followed_is_refused_before_the_first_byte() {
    let server = Server::start().await;
    for path in [
        "?since=1h",
        "?after=-1",
        "?after=99",
        "?after=x",
        "?limit=5",
    ] {
        let reply = Reply::of(server.get(&format!("/v1/events/stream{path}"))).await;
        reply.is_problem(400, "invalid_input");
    }
    for id in ["abc", "-5", "99"] {
        let request = server.get("/v1/events/stream").header("last-event-id", id);
        let reply = Reply::of(request).await;
        reply.is_problem(400, "invalid_input");
        assert_eq!(reply.body["errors"][0]["field"], "Last-Event-ID");
    }
}

#[tokio::test]
async fn asking_for_the_head_of_a_stream_opens_none() {
    let server = Server::start().await;
    let request = server.bare(reqwest::Method::HEAD, "/v1/events/stream");
    let response = request.bearer_auth(&server.admin).send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let figures = server
        .get("/metrics")
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(figures.contains("pts_streams_open 0"), "{figures}");
}

#[tokio::test]
async fn an_idle_stream_says_that_it_is_alive() {
    let settings = HttpSettings {
        stream_heartbeat: Duration::from_millis(20),
        ..HttpSettings::default()
    };
    let server = Server::with(settings).await;
    let mut listener = Listener::open(server.get("/v1/events/stream")).await;
    assert_eq!(listener.block().await.unwrap(), ": alive");
    assert_eq!(listener.block().await.unwrap(), ": alive");
}

#[tokio::test]
async fn a_stream_ends_soon_after_its_token_was_revoked() {
    let server = Server::start().await;
    let (text, token) = server.token_and_id(&[Scope::EventsRead]).await;
    let request = server
        .bare(reqwest::Method::GET, "/v1/events/stream")
        .bearer_auth(text);
    let mut listener = Listener::open(request).await;
    server.gateway.access().revoke(token.id).await.unwrap();
    let last = listener.block().await.unwrap();
    assert!(last.starts_with("event: problem\ndata: "), "{last}");
    assert!(last.contains("\"code\":\"token_refused\""), "{last}");
    assert_eq!(listener.block().await, None);
}

#[tokio::test]
async fn there_are_only_so_many_streams() {
    let settings = HttpSettings {
        max_streams: 1,
        ..HttpSettings::default()
    };
    let server = Server::with(settings).await;
    let listener = Listener::open(server.get("/v1/events/stream")).await;
    let reply = Reply::of(server.get("/v1/events/stream")).await;
    reply.is_problem(503, "too_many_streams");
    assert!(reply.headers.contains_key("retry-after"));
    drop(listener);
    // The server notices when it next writes: an event makes it.
    let mut n = 0;
    let mut listener = loop {
        n += 1;
        server.stored(&foreign(&n.to_string())).await;
        let response = server.get("/v1/events/stream").send().await.unwrap();
        if response.status() == 200 {
            break Listener {
                response,
                buffer: String::new(),
                behind: 0,
            };
        }
        tokio::task::yield_now().await;
    };
    let hello = listener.block().await.unwrap();
    assert_eq!(hello, format!("retry: 2000\nid: {n}"));
}

#[tokio::test]
async fn streams_end_at_once_when_the_server_stops() {
    let server = Server::start().await;
    let mut listener = Listener::open(server.get("/v1/events/stream")).await;
    let stop = tokio::time::timeout(Duration::from_secs(5), server.running.stop());
    stop.await.expect("the stream held up the stop");
    assert_eq!(listener.block().await, None);
    server.running.ended().await.unwrap();
}

#[tokio::test]
async fn a_stream_says_why_it_cannot_go_on() {
    let server = Server::start().await;
    let mut listener = Listener::open(server.get("/v1/events/stream")).await;
    server.store.set_available(false);
    let last = listener.block().await.unwrap();
    assert!(last.contains("\"code\":\"unavailable\""), "{last}");
    assert_eq!(listener.block().await, None);
}
