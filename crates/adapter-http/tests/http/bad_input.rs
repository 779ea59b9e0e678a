//! Bad input, of every kind anybody thought of: a precise 4xx, nothing stored, and the server goes
//! on.

use std::time::Duration;

use pts_adapter_http::HttpSettings;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::support::{Reply, Server, foreign};

const MIB: usize = 1024 * 1024;

async fn nothing_was_stored(server: &Server) {
    assert_eq!(server.ask("/v1/events").await["data"], json!([]));
}

#[expect(clippy::too_many_lines, reason = "a table")]
#[tokio::test]
async fn bodies_that_are_no_events_are_refused_precisely() {
    let server = Server::start().await;
    let deep = format!(
        r#"{{"type":"x","source":"s","data":{}1{}}}"#,
        "[".repeat(129),
        "]".repeat(129)
    );
    let in_limits = format!(
        r#"{{"type":"x","source":"s","data":{}1{}}}"#,
        "[".repeat(100),
        "]".repeat(100)
    );
    let long = format!(
        r#"{{"type":"x","source":"s","data":"{}"}}"#,
        "x".repeat(300 * 1024)
    );
    let json = "application/json";
    let table: Vec<(&str, Vec<u8>, u16, &str, &str)> = vec![
        (json, b"".into(), 400, "empty_body", "expected an event"),
        (json, b"[]".into(), 400, "empty_batch", "at least one event"),
        (json, b"{".into(), 400, "malformed_json", "line 1, column 1"),
        (
            json,
            b"{\"type\":\"x\",\n}".into(),
            400,
            "malformed_json",
            "line 2, column 1",
        ),
        (
            json,
            b"not json".into(),
            400,
            "malformed_json",
            "line 1, column 2",
        ),
        (
            json,
            b"{\"a\":\"\\ud83d\"}".into(),
            400,
            "malformed_json",
            "hex escape",
        ),
        (
            json,
            b"{\"a\":\"\xff\xfe\"}".into(),
            400,
            "malformed_json",
            "not UTF-8",
        ),
        (
            json,
            b"{\"a\":\"\x01\"}".into(),
            400,
            "malformed_json",
            "control character",
        ),
        (
            json,
            b"{\"a\":1e999}".into(),
            400,
            "malformed_json",
            "out of range",
        ),
        (json, b"{\"a\":NaN}".into(), 400, "malformed_json", "line 1"),
        (json, deep.clone().into(), 400, "too_deep", "nesting"),
        (json, in_limits.into(), 400, "invalid_event", "64 levels"),
        (json, long.into(), 400, "invalid_event", "262144 bytes"),
        (json, b"42".into(), 400, "invalid_event", "a number"),
        (json, b"null".into(), 400, "invalid_event", "null"),
        (json, b"\"text\"".into(), 400, "invalid_event", "a text"),
        (json, b"{}".into(), 400, "invalid_event", "type"),
        (
            json,
            br#"{"type":"x","source":"s","data":"a\u0000b"}"#.into(),
            400,
            "invalid_event",
            "NUL",
        ),
        (
            json,
            br#"{"type":"x","source":"s","id":7}"#.into(),
            400,
            "invalid_event",
            "a number",
        ),
        (
            json,
            br#"{"type":"x","source":"s","time":"2026-02-30T00:00:00Z"}"#.into(),
            400,
            "invalid_event",
            "RFC 3339",
        ),
        (
            json,
            br#"{"type":"x","source":"s","time":"9999-01-01T00:00:00Z"}"#.into(),
            400,
            "invalid_event",
            "24 h ahead",
        ),
        (
            json,
            br#"{"type":"deployment.strated","source":"s"}"#.into(),
            400,
            "invalid_event",
            "deployment.started",
        ),
        (
            "application/x-ndjson",
            b"\n\n".into(),
            400,
            "empty_body",
            "",
        ),
        (
            "application/cloudevents+json",
            b"[{}]".into(),
            400,
            "invalid_event",
            "batch",
        ),
        (
            "application/cloudevents-batch+json",
            b"{}".into(),
            400,
            "invalid_event",
            "array",
        ),
        (
            "application/cloudevents-batch+json",
            b"[]".into(),
            400,
            "empty_batch",
            "",
        ),
        (
            "application/json; charset=iso-8859-1",
            b"{}".into(),
            415,
            "unsupported_charset",
            "utf-8",
        ),
        (
            "application/x-www-form-urlencoded",
            b"{}".into(),
            415,
            "unsupported_media_type",
            "curl",
        ),
        (
            "application/protobuf",
            b"{}".into(),
            415,
            "unsupported_media_type",
            "application/json",
        ),
    ];
    for (content_type, body, status, code, word) in table {
        let shown = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
        let reply = server.send(content_type, body).await;
        assert_eq!(reply.body["code"], code, "{shown}: {}", reply.body);
        reply.is_problem(status, code);
        assert!(
            reply.body["detail"].as_str().unwrap().contains(word),
            "{shown}: {}",
            reply.body
        );
    }
    let batch = format!("[{},{deep}]", foreign("ok"));
    let reply = server.send(json, batch).await;
    assert_eq!(
        (reply.status, &reply.body["created"]),
        (207, &json!(1)),
        "{}",
        reply.body
    );
    assert_eq!(
        reply.body["items"][1]["problem"]["errors"][0]["code"],
        "too_deep"
    );
}

#[tokio::test]
async fn more_than_a_body_may_hold_is_refused_before_it_fills_the_memory() {
    let server = Server::start().await;
    let reply = server.send("application/json", vec![b' '; 17 * MIB]).await;
    reply.is_problem(413, "body_too_large");
    assert!(reply.body["detail"].as_str().unwrap().contains("16 MiB"));

    let bomb = zstd::stream::encode_all(vec![b' '; 64 * MIB].as_slice(), 3).unwrap();
    let request = server
        .post("/v1/events")
        .header("content-encoding", "zstd")
        .body(bomb);
    let reply = Reply::of(request).await;
    reply.is_problem(413, "body_too_large");
    assert!(
        reply.body["detail"]
            .as_str()
            .unwrap()
            .contains("after decompression")
    );

    let chunks = futures::stream::iter((0..17).map(|_| Ok::<_, std::io::Error>(vec![b' '; MIB])));
    let request = server
        .post("/v1/events")
        .body(reqwest::Body::wrap_stream(chunks));
    Reply::of(request).await.is_problem(413, "body_too_large");
    nothing_was_stored(&server).await;
}

#[tokio::test]
async fn a_batch_may_hold_ten_thousand_events_and_not_one_more() {
    let server = Server::start().await;
    let batch = |count: usize| format!("[{}{{}}]", "{},".repeat(count - 1));
    let reply = server.send("application/json", batch(10_000)).await;
    assert_eq!(
        (reply.status, &reply.body["rejected"]),
        (207, &json!(10_000))
    );
    let reply = server.send("application/json", batch(10_001)).await;
    reply.is_problem(413, "batch_too_large");
    assert!(reply.body["detail"].as_str().unwrap().contains("10000"));
    nothing_was_stored(&server).await;
}

#[tokio::test]
async fn encodings_that_lie_or_are_unknown_are_refused() {
    let server = Server::start().await;
    for (encoding, status, code) in [
        ("gzip", 400, "bad_compression"),
        ("zstd", 400, "bad_compression"),
        ("br", 415, "unsupported_encoding"),
        ("gzip, gzip", 415, "unsupported_encoding"),
    ] {
        let request = server
            .post("/v1/events")
            .header("content-encoding", encoding);
        Reply::of(request.body("{}")).await.is_problem(status, code);
    }
    nothing_was_stored(&server).await;
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for_for_ever() {
    let settings = HttpSettings {
        body_timeout: Duration::from_millis(100),
        ..HttpSettings::default()
    };
    let server = Server::with(settings).await;
    let mut socket = TcpStream::connect(server.running.local_addr())
        .await
        .unwrap();
    let head = format!(
        "POST /v1/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-length: 100\r\n\r\n{{",
        server.admin
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains("\"code\":\"body_timeout\""), "{answer}");
    nothing_was_stored(&server).await;
}

#[tokio::test]
async fn a_body_that_breaks_off_stores_nothing() {
    let server = Server::start().await;
    let mut socket = TcpStream::connect(server.running.local_addr())
        .await
        .unwrap();
    let event = foreign("a").to_string();
    let head = format!(
        "POST /v1/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-length: {}\r\n\r\n{event}",
        server.admin,
        event.len() + 1
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    socket.shutdown().await.unwrap();
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).await.unwrap();
    nothing_was_stored(&server).await;
}

#[tokio::test]
async fn all_bodies_together_have_a_bound() {
    let settings = HttpSettings {
        max_bodies_bytes: MIB,
        ..HttpSettings::default()
    };
    let server = Server::with(settings).await;
    let reply = server.send("application/json", vec![b' '; 2 * MIB]).await;
    reply.is_problem(503, "overloaded");
    assert_eq!(reply.headers["retry-after"], "1");
    server.stored(&foreign("a")).await;
}
