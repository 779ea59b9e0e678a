//! What the server tells of itself: in its own answers, and to a collector of spans.

use std::time::Duration;

use tokio::net::TcpListener;

use crate::collector::Collector;
use crate::harness::{Server, data_dir};

#[tokio::test]
async fn the_server_stands_in_its_own_answers_until_it_stops() {
    let dir = data_dir();
    let settings = "[itself]\nreport = true\nenvironment = \"test\"\ninstance = \"one\"\n";
    let file = dir.path().join("own.toml");
    std::fs::write(&file, settings).unwrap();
    let arguments = ["--config", file.to_str().unwrap()];
    // The environment wins over the file.
    let server =
        Server::start_with(dir.path(), &arguments, &[("PTS__ITSELF__REPORT", "true")]).await;
    server
        .until("it is ready in its own answers", async |server| {
            let (status, body) = server.get("/v1/services/pts").await;
            let text = body.to_string();
            status == 200 && text.contains("\"one\"") && text.contains("\"ready\"")
        })
        .await;
    assert!(server.end("TERM").await.success());
    let server = Server::start(dir.path(), &[]).await;
    let (_, body) = server.get("/v1/events?source=pts-server").await;
    let types: Vec<_> = body["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| &e["type"])
        .collect();
    assert_eq!(types[0], "service.stopped", "{types:?}");
    assert_eq!(body["data"][0]["data"]["reason"], "SIGTERM");
    assert_eq!(types.len(), 4, "{types:?}");
}

#[tokio::test]
async fn a_collector_gets_the_spans_of_requests_in_the_trace_they_belong_to() {
    let collector = Collector::start().await;
    let dir = data_dir();
    let endpoint = [("PTS__TRACES__OTLP_ENDPOINT", collector.address.as_str())];
    let server = Server::start_with(dir.path(), &[], &endpoint).await;
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let answer = server
        .client
        .get(format!("{}/v1/services/nobody", server.url))
        .bearer_auth(&server.token)
        .header("traceparent", format!("00-{trace}-00f067aa0ba902b7-01"))
        .send()
        .await
        .unwrap();
    let ours = answer.headers()["traceparent"].to_str().unwrap().to_owned();
    server
        .until("the collector has the span", async |_| {
            collector.find(trace).is_some()
        })
        .await;
    let (span, resource) = collector.find(trace).unwrap();
    assert_eq!(span.name, "platform.services.get");
    assert_eq!(hex::encode(&span.parent_span_id), "00f067aa0ba902b7");
    assert_eq!(
        ours,
        format!("00-{trace}-{}-01", hex::encode(&span.span_id))
    );
    assert!(span.end_time_unix_nano >= span.start_time_unix_nano && span.start_time_unix_nano > 0);
    let attributes = format!("{:?}", span.attributes);
    assert!(attributes.contains("http.response.status_code") && attributes.contains("404"));
    assert!(
        resource.contains("service.name") && resource.contains("pts"),
        "{resource}"
    );
    server
        .until("they are counted", async |server| {
            let (_, text) = server.get("/metrics").await;
            text.as_str().unwrap().contains("pts_spans_dropped_total 0")
                && !text
                    .as_str()
                    .unwrap()
                    .contains("pts_spans_exported_total 0")
        })
        .await;
}

#[tokio::test]
async fn a_collector_that_is_away_costs_spans_and_nothing_else() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", closed.local_addr().unwrap());
    drop(closed);
    let dir = data_dir();
    let endpoint = [("PTS__TRACES__OTLP_ENDPOINT", address.as_str())];
    let server = Server::start_with(dir.path(), &[], &endpoint).await;
    for _ in 0..20 {
        let asked = server.get("/v1/services");
        let (status, _) = tokio::time::timeout(Duration::from_secs(10), asked)
            .await
            .unwrap();
        assert_eq!(status, 200);
    }
    server
        .until("they are counted as dropped", async |server| {
            let (_, text) = server.get("/metrics").await;
            let text = text.as_str().unwrap();
            text.contains("pts_spans_exported_total 0")
                && !text.contains("pts_spans_dropped_total 0")
        })
        .await;
    assert!(server.end("TERM").await.success());
}
