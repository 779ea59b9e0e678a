//! A call ends: whoever answers without an end, or not at all, is given up.

use std::time::Duration;

use pts_adapter_outbound::{HttpOutbound, OutboundSettings};
use pts_ports::{Outbound as _, OutboundError};
use tokio::net::TcpListener;

use crate::support::{Scripted, Server, client};

#[tokio::test]
async fn a_large_answer_is_not_read_to_its_end() {
    let answer = format!(
        "HTTP/1.1 202 Accepted\r\n\r\n{}",
        "x".repeat(8 * 1024 * 1024)
    );
    let server = Server::answering(&answer).await;
    let client = client(&Scripted::new(&[]), &["127.0.0.0/8".to_owned()]);
    let url = format!("http://127.0.0.1:{}/", server.port());
    assert_eq!(client.post(&url, "text/plain", vec![]).await, Ok(202));
}

#[tokio::test]
async fn a_head_without_an_end_is_given_up() {
    let answer = format!("HTTP/1.1 200 OK\r\nx: {}", "x".repeat(1024 * 1024));
    let server = Server::answering(&answer).await;
    let client = client(&Scripted::new(&[]), &["127.0.0.0/8".to_owned()]);
    let url = format!("http://127.0.0.1:{}/", server.port());
    let outcome = client.post(&url, "text/plain", vec![]).await;
    assert!(
        matches!(outcome, Err(OutboundError::Failed(_))),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn silence_is_not_waited_for_beyond_the_deadline() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let settings = OutboundSettings {
        allow: vec!["127.0.0.1".parse().unwrap()],
        deadline: Duration::from_millis(200),
        ..OutboundSettings::default()
    };
    let client = HttpOutbound::new(settings).unwrap();
    let url = format!("http://user:s3cret@127.0.0.1:{port}/path?key=s3cret");
    let error = client.post(&url, "text/plain", vec![]).await.unwrap_err();
    assert_eq!(
        error,
        OutboundError::Failed("no answer within 200 ms".to_owned())
    );
    drop(listener);
    let error = client.post(&url, "text/plain", vec![]).await.unwrap_err();
    let said = format!("{error} {error:?}");
    assert!(said.contains(&format!("http://127.0.0.1:{port}")), "{said}");
    assert!(!said.contains("s3cret") && !said.contains("path"), "{said}");
}
