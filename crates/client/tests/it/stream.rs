//! Streams: each event once and in order, whatever happens to the connection.

use std::time::Duration;

use pts_api::Action as _;
use pts_api::actions::events::{SearchEvents, StreamEvents, StreamInput};
use pts_client::{Client, ClientError};
use serde_json::json;
use tokio::time::timeout;

use crate::scripted::{Act, Scripted};
use crate::support::{PATIENCE, Server, notice, options};

const HEAD: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";

fn record(position: i64) -> String {
    let record = json!({
        "id": "019caa3c-5e80-7000-8000-000000000001", "event_id": "e", "position": position,
        "source": "s", "type": "t", "subject": null, "time": "2026-03-01T00:00:00Z",
        "received_at": "2026-03-01T00:00:00Z", "data": {},
    });
    format!("id: {position}\ndata: {record}\n\n")
}

fn say(text: &str) -> Act {
    Act::Say(format!("{HEAD}{text}"))
}

#[tokio::test]
async fn what_happens_after_it_is_open_is_in_it() {
    let server = Server::start().await;
    let client = server.client();
    let input = StreamInput {
        source: Some("client".into()),
        ..StreamInput::default()
    };
    let mut stream = client.stream::<StreamEvents>(input).await.unwrap();
    let events: Vec<_> = (0..50).map(notice).collect();
    client.append(&events).await.unwrap();
    for id in 0..50 {
        let event = timeout(PATIENCE, stream.next())
            .await
            .unwrap()
            .unwrap()
            .unwrap();
        assert_eq!(event.event_id, id.to_string());
    }
    assert!(client.act(SearchEvents::NAME, json!({})).await.is_ok());
}

#[tokio::test]
async fn a_stream_that_is_cut_goes_on_without_loss_or_repeat() {
    let half = record(3);
    let server = Scripted::start(vec![
        say(&format!("retry: 2000\n\n{}{}", record(1), record(2))),
        Act::Cut,
        // In the middle of an event: it comes again as a whole.
        say(&half[..half.len() / 2]),
        say(&format!(": alive\n\n{}{}", record(3), record(4))),
        Act::Silence,
    ])
    .await;
    let client = Client::new(options(server.address, "t")).unwrap();
    let mut stream = client
        .stream::<StreamEvents>(StreamInput::default())
        .await
        .unwrap();
    let mut positions = Vec::new();
    while positions.len() < 4 {
        let event = timeout(PATIENCE, stream.next())
            .await
            .unwrap()
            .unwrap()
            .unwrap();
        positions.push(event.position);
    }
    assert_eq!(positions, [1, 2, 3, 4]);
    let resumed: Vec<_> = server
        .asked()
        .iter()
        .map(|head| head.contains("last-event-id: 2"))
        .collect();
    assert_eq!(resumed, [false, true, true, true]);
}

#[tokio::test]
async fn a_stream_that_is_cut_before_anything_came_goes_on_where_it_began() {
    let hello = say("retry: 2000\nid: 41\n\n");
    let server = Scripted::start(vec![hello, say(&record(42)), Act::Silence]).await;
    let client = Client::new(options(server.address, "t")).unwrap();
    let mut stream = client
        .stream::<StreamEvents>(StreamInput::default())
        .await
        .unwrap();
    let event = timeout(PATIENCE, stream.next()).await.unwrap();
    assert_eq!(event.unwrap().unwrap().position, 42);
    let asked = server.asked();
    assert!(!asked[0].contains("last-event-id"), "{}", asked[0]);
    assert!(asked[1].contains("last-event-id: 41"), "{}", asked[1]);
}

#[tokio::test]
async fn a_stream_ends_when_it_may_not_go_on_or_nobody_comes_back() {
    let problem =
        json!({"type": "x", "title": "x", "status": 401, "code": "token_refused", "detail": "x"});
    let refused = format!("{}event: problem\ndata: {problem}\n\n", record(1));
    let server = Scripted::start(vec![say(&refused)]).await;
    let client = Client::new(options(server.address, "t")).unwrap();
    let mut stream = client
        .stream::<StreamEvents>(StreamInput::default())
        .await
        .unwrap();
    assert!(stream.next().await.unwrap().is_ok());
    let error = stream.next().await.unwrap().unwrap_err();
    assert_eq!(error.code(), Some("token_refused"));
    assert!(stream.next().await.is_none());

    let server = Scripted::start(vec![say(&record(1)), Act::Cut]).await;
    let mut brief = options(server.address, "t");
    brief.resume_timeout = Duration::from_millis(100);
    let client = Client::new(brief).unwrap();
    let mut stream = client
        .stream::<StreamEvents>(StreamInput::default())
        .await
        .unwrap();
    assert!(stream.next().await.unwrap().is_ok());
    let error = timeout(PATIENCE, stream.next())
        .await
        .unwrap()
        .unwrap()
        .unwrap_err();
    assert!(matches!(error, ClientError::Broken(_)), "{error}");
}

#[tokio::test]
async fn silence_counts_as_a_cut_and_an_event_without_an_end_as_an_error() {
    let silent = Act::Say(format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 9999\r\n\r\n{}",
        record(1)
    ));
    let server = Scripted::start(vec![silent, say(&record(2)), Act::Silence]).await;
    let mut quick = options(server.address, "t");
    quick.silence_timeout = Duration::from_millis(100);
    let client = Client::new(quick).unwrap();
    let mut stream = client
        .stream::<StreamEvents>(StreamInput::default())
        .await
        .unwrap();
    for position in [1, 2] {
        let event = timeout(PATIENCE, stream.next())
            .await
            .unwrap()
            .unwrap()
            .unwrap();
        assert_eq!(event.position, position);
    }
    let endless = say(&format!("data: {}", "x".repeat(50_000)));
    let server = Scripted::start(vec![endless]).await;
    let mut short = options(server.address, "t");
    short.most_answer_bytes = 10_000;
    let client = Client::new(short).unwrap();
    let mut stream = client
        .stream::<StreamEvents>(StreamInput::default())
        .await
        .unwrap();
    let error = stream.next().await.unwrap().unwrap_err();
    assert!(matches!(error, ClientError::TooLarge { .. }), "{error}");
}
