//! What holds for every request: ids, headers, paths that lead nowhere, figures, and the stop.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::support::{Reply, Server, foreign};

#[tokio::test]
async fn a_request_keeps_its_sane_id_and_its_trace_context() {
    let server = Server::start().await;
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let request = server.get("/nowhere").header("x-request-id", "run-7.a_b");
    let reply = Reply::of(request.header("traceparent", trace)).await;
    assert_eq!(reply.headers["x-request-id"], "run-7.a_b");
    // The trace goes on, with a span of ours.
    let answered = reply.headers["traceparent"].to_str().unwrap();
    assert_eq!((&answered[..35], &answered[52..]), (&trace[..35], "-01"));
    assert_ne!(answered, trace);
    assert_eq!(reply.body["request_id"], "run-7.a_b");

    let request = server.get("/v1/events").header("x-request-id", "not sane!");
    let reply = Reply::of(request.header("traceparent", "nonsense")).await;
    let made = reply.headers["x-request-id"].to_str().unwrap();
    assert!(made.len() > 8 && made != "not sane!");
    let begun = reply.headers["traceparent"].to_str().unwrap();
    assert!(begun.starts_with("00-") && begun.len() == 55, "{begun}");
    let other = Reply::of(server.get("/v1/events")).await;
    assert_ne!(other.headers["x-request-id"].to_str().unwrap(), made);
}

#[tokio::test]
async fn every_answer_leaves_with_its_safety_headers() {
    let server = Server::start().await;
    for path in [
        "/v1/events",
        "/healthz",
        "/nowhere",
        "/admin",
        "/signin",
        "/signin/pts.css",
    ] {
        let reply = Reply::of(server.get(path)).await;
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(reply.headers[name], value, "{path} {name}");
        }
        assert!(reply.headers.contains_key("referrer-policy"), "{path}");
        let policy = reply.headers["content-security-policy"].to_str().unwrap();
        assert!(
            policy.contains("frame-ancestors 'none'"),
            "{path}: {policy}"
        );
    }
}

#[tokio::test]
async fn a_path_that_leads_nowhere_names_the_nearest() {
    let server = Server::start().await;
    let check = async |path: &str, near: &str| {
        let reply = Reply::of(server.get(path)).await;
        reply.is_problem(404, "unknown_route");
        assert!(
            reply.body["detail"].as_str().unwrap().contains(near),
            "{}",
            reply.body
        );
    };
    check("/v1/event", "did you mean /v1/events?").await;
    check("/v1/deploymens", "did you mean /v1/deployments?").await;
    check("/v1/events/", "did you mean /v1/events?").await;
    check("/v1/events/a/b", "did you mean /v1/events/{id}?").await;
    check("/v1/nothing/of/the/kind", "/docs").await;
    check("/wp-login.php", "/openapi.json").await;
}

#[tokio::test]
async fn a_method_that_is_not_served_is_told_which_are() {
    let server = Server::start().await;
    let check = async |method: Method, path: &str, allow: &str| {
        let reply = Reply::of(server.bare(method.clone(), path).bearer_auth(&server.admin)).await;
        assert_eq!(reply.status, 405, "{method} {path}");
        assert_eq!(reply.headers["allow"], allow, "{method} {path}");
        assert_eq!(reply.body["code"], "method_not_allowed");
    };
    check(Method::DELETE, "/v1/events", "GET, HEAD, POST").await;
    check(
        Method::PUT,
        "/v1/events/019caa3c-5e80-7000-8000-000000000001",
        "GET, HEAD",
    )
    .await;
    check(Method::POST, "/v1/deployments", "GET, HEAD").await;
    check(Method::GET, "/signout", "POST").await;
    check(Method::PATCH, "/events", "GET, HEAD, POST").await;
}

#[tokio::test]
async fn figures_count_requests_and_what_became_of_events() {
    let server = Server::start().await;
    server.stored(&json!([foreign("a"), foreign("a")])).await;
    server.send("application/json", "{}").await;
    Reply::of(server.get("/nowhere")).await;
    let response = server.get("/metrics").send().await.unwrap();
    assert!(
        response.headers()["content-type"]
            .to_str()
            .unwrap()
            .contains("openmetrics-text")
    );
    let text = response.text().await.unwrap();
    for line in [
        "pts_ingest_events_total{outcome=\"created\"} 1",
        "pts_ingest_events_total{outcome=\"duplicate\"} 1",
        "pts_ingest_events_total{outcome=\"invalid\"} 1",
        "pts_http_requests_total{action=\"platform.events.append\",status=\"2xx\"} 1",
        "pts_http_requests_total{action=\"platform.events.append\",status=\"4xx\"} 1",
        "pts_http_requests_total{action=\"none\",status=\"4xx\"} 1",
        "pts_http_requests_in_flight 1",
        "# EOF",
    ] {
        assert!(text.contains(line), "{line} is not in:\n{text}");
    }
    let request = server
        .get("/metrics")
        .header("accept", "text/plain;version=0.0.4");
    let plain = request.send().await.unwrap().text().await.unwrap();
    assert!(plain.contains("pts_build_info"), "{plain}");
}

#[tokio::test]
async fn the_api_describes_itself() {
    let server = Server::start().await;
    let document = Reply::of(server.get("/openapi.json")).await;
    assert_eq!(
        (document.status, &document.body["openapi"]),
        (200, &json!("3.1.0"))
    );
    assert_eq!(document.body, pts_adapter_http::openapi_document());
}

#[tokio::test]
async fn answers_are_compressed_for_those_who_ask() {
    let server = Server::start().await;
    let request = server
        .get("/openapi.json")
        .header("accept-encoding", "gzip");
    let response = request.send().await.unwrap();
    assert_eq!(response.headers()["content-encoding"], "gzip");
    let bytes = response.bytes().await.unwrap();
    let document: Value =
        serde_json::from_reader(flate2::read::GzDecoder::new(bytes.as_ref())).unwrap();
    assert_eq!(document["openapi"], "3.1.0");
}

#[tokio::test]
async fn a_running_request_is_finished_before_the_server_stops() {
    let server = Server::start().await;
    let address = server.running.local_addr();
    let mut socket = TcpStream::connect(address).await.unwrap();
    let event = foreign("a").to_string();
    let head = format!(
        "POST /v1/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\
         expect: 100-continue\r\ncontent-length: {}\r\n\r\n",
        server.admin,
        event.len()
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    // The answer to `Expect` says that the request is being worked on.
    let mut interim = [0; 25];
    socket.read_exact(&mut interim).await.unwrap();
    assert!(interim.starts_with(b"HTTP/1.1 100 Continue"));
    let stopping = server.running.stop();
    let finishing = async {
        socket.write_all(event.as_bytes()).await.unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.unwrap();
        answer
    };
    let stop = async { tokio::time::timeout(Duration::from_secs(5), stopping).await };
    let (stopped, answer) = tokio::join!(stop, finishing);
    stopped.expect("the stop took too long");
    assert!(answer.contains("HTTP/1.1 201 Created"), "{answer}");
    assert!(
        TcpStream::connect(address).await.is_err(),
        "it still takes connections"
    );
}

#[tokio::test]
async fn an_idle_connection_does_not_hold_up_the_stop() {
    let server = Server::start().await;
    server.ask("/v1/events").await;
    let stop = tokio::time::timeout(Duration::from_secs(5), server.running.stop());
    stop.await.expect("the stop took too long");
}

#[tokio::test]
async fn figures_tell_of_every_action_with_its_errors_and_an_example_of_its_time() {
    let settings = pts_adapter_http::HttpSettings {
        figures: vec![pts_adapter_http::Figure {
            name: "spans_dropped",
            help: "Spans that could not be exported",
            kind: pts_adapter_http::FigureKind::Counter,
            count: std::sync::Arc::new(|| 7),
        }],
        ..Default::default()
    };
    let server = Server::with(settings).await;
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let request = server
        .get("/v1/services/nobody")
        .header("traceparent", trace);
    Reply::of(request).await.is_problem(404, "not_found");
    Reply::of(server.get("/v1/services?limit=0"))
        .await
        .is_problem(400, "invalid_input");
    let text = server
        .get("/metrics")
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    for line in [
        "pts_http_errors_total{action=\"platform.services.get\",code=\"not_found\"} 1",
        "pts_http_errors_total{action=\"platform.services.list\",code=\"invalid_input\"} 1",
        "# {trace_id=\"4bf92f3577b34da6a3ce929d0e0e4736\"}",
        "pts_spans_dropped_total 7",
    ] {
        assert!(text.contains(line), "{line} is not in:\n{text}");
    }
}
