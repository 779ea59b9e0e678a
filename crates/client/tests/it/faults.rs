//! Servers that are away, slow, busy, cut off or too talkative: a call ends in time, is tried again
//! exactly where that is safe, and says what happened.

use std::time::{Duration, Instant};

use pts_api::actions::events::{SearchEvents, SearchInput};
use pts_api::actions::quarantine::{DiscardQuarantined, DiscardQuarantinedInput};
use pts_client::{Client, ClientError, ClientOptions};
use serde_json::json;

use crate::scripted::{Act, Scripted, answer};
use crate::support::{notice, options};

const EMPTY: &str = r#"{"data":[],"coverage":{"complete":true,"sources":[],"gaps":[]}}"#;

fn busy(status: &str, headers: &str) -> Act {
    let code = &status[..3];
    let body = json!({"type": "x", "title": "x", "status": code.parse::<u16>().unwrap(), "code": "overloaded", "detail": "x"});
    answer(status, headers, &body.to_string())
}

async fn search(options: ClientOptions) -> Result<usize, ClientError> {
    let client = Client::new(options).unwrap();
    let answer = client.call::<SearchEvents>(SearchInput::default()).await?;
    Ok(answer.data.len())
}

async fn discard(options: ClientOptions) -> Result<(), ClientError> {
    let input = DiscardQuarantinedInput {
        ids: Vec::new(),
        reason: "r".into(),
    };
    let client = Client::new(options).unwrap();
    client.call::<DiscardQuarantined>(input).await.map(drop)
}

#[tokio::test]
async fn a_question_is_asked_again_until_it_is_answered() {
    let acts = vec![
        Act::Cut,
        busy("503 Unavailable", ""),
        busy("502 Bad", ""),
        answer("200 OK", "", EMPTY),
    ];
    let server = Scripted::start(acts).await;
    assert_eq!(search(options(server.address, "t")).await.unwrap(), 0);
    assert_eq!(server.asked().len(), 4);
    let server = Scripted::start(vec![Act::Cut]).await;
    let error = search(options(server.address, "t")).await.unwrap_err();
    assert!(matches!(error, ClientError::Broken(_)), "{error}");
    assert_eq!(server.asked().len(), 4, "tries end");
}

#[tokio::test]
async fn a_command_that_may_have_been_done_is_not_sent_twice() {
    for act in [Act::Cut, busy("503 Unavailable", ""), busy("504 Late", "")] {
        let server = Scripted::start(vec![act]).await;
        let error = discard(options(server.address, "t")).await.unwrap_err();
        assert!(error.may_have_been_done());
        assert_eq!(server.asked().len(), 1);
    }
    let done = r#"{"data":{"discarded":0,"others":[]},"coverage":{"complete":true,"sources":[],"gaps":[]}}"#;
    let server = Scripted::start(vec![busy("429 Slow", ""), answer("200 OK", "", done)]).await;
    discard(options(server.address, "t")).await.unwrap();
    assert_eq!(server.asked().len(), 2, "what was not let in was not done");
}

#[tokio::test]
async fn events_are_sent_again_under_the_same_ids() {
    let receipt = r#"{"id":null,"received_at":null,"duplicate":true}"#;
    let server = Scripted::start(vec![Act::Cut, answer("200 OK", "", receipt)]).await;
    let client = Client::new(options(server.address, "t")).unwrap();
    assert!(client.append_one(notice(7)).await.unwrap().duplicate);
    let asked = server.asked();
    assert_eq!(asked.len(), 2);
    assert!(
        asked[0].contains(r#""id":"7""#) && asked[0] == asked[1],
        "{asked:?}"
    );
}

#[tokio::test]
async fn the_server_says_when_to_come_back() {
    for headers in ["retry-after: 1\r\n", "ratelimit: \"rows\";r=0;t=1\r\n"] {
        let server =
            Scripted::start(vec![busy("429 Slow", headers), answer("200 OK", "", EMPTY)]).await;
        let begun = Instant::now();
        search(options(server.address, "t")).await.unwrap();
        assert!(begun.elapsed() >= Duration::from_secs(1), "{headers}");
    }
    let server = Scripted::start(vec![busy("503 Unavailable", "retry-after: 600\r\n")]).await;
    let error = search(options(server.address, "t")).await.unwrap_err();
    assert_eq!(
        error.refused().unwrap().retry_after,
        Some(Duration::from_mins(10))
    );
    assert_eq!(
        server.asked().len(),
        1,
        "a wait that outlasts the call is no wait"
    );
}

#[tokio::test]
async fn nobody_there_and_nobody_answering_are_told_apart_in_time() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let error = search(options(address, "t")).await.unwrap_err();
    assert!(matches!(error, ClientError::Unreachable(_)), "{error}");

    let server = Scripted::start(vec![Act::Silence]).await;
    let mut slow = options(server.address, "t");
    slow.answer_timeout = Duration::from_millis(50);
    slow.most_tries = 2;
    let error = search(slow).await.unwrap_err();
    assert!(matches!(error, ClientError::TimedOut { .. }), "{error}");
    assert_eq!(server.asked().len(), 2);
}

#[tokio::test]
async fn an_answer_that_is_too_long_cut_short_or_of_another_kind_is_an_error() {
    let long = format!("{{\"data\":[],\"x\":\"{}\"}}", "y".repeat(100_000));
    let server = Scripted::start(vec![answer("200 OK", "", &long)]).await;
    let mut short = options(server.address, "t");
    short.most_answer_bytes = 10_000;
    let error = search(short).await.unwrap_err();
    assert!(
        matches!(error, ClientError::TooLarge { limit: 10_000 }),
        "{error}"
    );
    assert_eq!(server.asked().len(), 1);

    let cut =
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{\"da";
    let server = Scripted::start(vec![Act::Say(cut.into())]).await;
    let error = search(options(server.address, "t")).await.unwrap_err();
    assert!(matches!(error, ClientError::Broken(_)), "{error}");

    let page = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
    for act in [
        Act::Say(page.into()),
        answer("200 OK", "", "{}"),
        answer("200 OK", "", "nonsense"),
    ] {
        let server = Scripted::start(vec![act]).await;
        let error = search(options(server.address, "t")).await.unwrap_err();
        assert!(matches!(error, ClientError::Unreadable(_)), "{error}");
        assert_eq!(server.asked().len(), 1);
    }
}

#[tokio::test]
async fn a_token_is_sent_and_never_shown() {
    let server = Scripted::start(vec![answer("200 OK", "", EMPTY)]).await;
    let client = Client::new(options(server.address, "pts_secret")).unwrap();
    client
        .call::<SearchEvents>(SearchInput::default())
        .await
        .unwrap();
    assert!(
        server.asked()[0]
            .to_lowercase()
            .contains("authorization: bearer pts_secret")
    );
    assert!(!format!("{client:?}").contains("secret"));
}
