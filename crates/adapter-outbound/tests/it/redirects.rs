//! An answer that leads on is followed as carefully as the first address.

use pts_ports::{Outbound as _, OutboundError};

use crate::support::{OK, Scripted, Server, client, redirect};

fn resolver() -> std::sync::Arc<Scripted> {
    Scripted::new(&[("a.test", &[&["127.0.0.1"]]), ("b.test", &[&["127.0.0.1"]])])
}

#[tokio::test]
async fn a_redirect_inside_is_refused() {
    let inside = Server::answering(OK).await;
    for location in [
        format!("http://127.0.0.1:{}/", inside.port()),
        format!("http://[::ffff:127.0.0.1]:{}/", inside.port()),
        format!("http://b.test:{}/", inside.port()),
        "http://169.254.169.254/".to_owned(),
        "file:///etc/passwd".to_owned(),
        format!("http://eve:x@a.test:{}/", inside.port()),
    ] {
        let server = Server::answering(&redirect(307, &location)).await;
        let client = client(&resolver(), &[format!("a.test:{}", server.port())]);
        let url = format!("http://a.test:{}/", server.port());
        let outcome = client.post(&url, "text/plain", vec![]).await;
        assert!(
            matches!(outcome, Err(OutboundError::Refused(_))),
            "{location}: {outcome:?}"
        );
        assert_eq!(server.asked().len(), 1);
    }
    assert_eq!(inside.asked(), []);
}

#[tokio::test]
async fn a_redirect_takes_the_body_along_and_credentials_to_their_host_alone() {
    let last = Server::answering(OK).await;
    let location = format!("http://b.test:{}/end", last.port());
    let first = Server::answering(&redirect(308, &location)).await;
    let allow = [
        format!("a.test:{}", first.port()),
        format!("b.test:{}", last.port()),
    ];
    let client = client(&resolver(), &allow);
    let url = format!("http://ada:s3cret@a.test:{}/begin", first.port());
    let sent = client
        .post(&url, "application/json", b"{\"n\":1}".to_vec())
        .await;
    assert_eq!(sent, Ok(200));
    let (first, last) = (first.asked(), last.asked());
    assert!(
        first[0]
            .0
            .contains("authorization: basic ywrhonmzy3jlda==\r\n"),
        "{first:?}"
    );
    assert!(last[0].0.starts_with("post /end http/1.1\r\n"), "{last:?}");
    assert!(!last[0].0.contains("authorization"), "{last:?}");
    assert_eq!(last[0].1, "{\"n\":1}");
}

#[tokio::test]
async fn redirects_end_and_those_that_lose_the_body_are_not_followed() {
    let round = Server::answering(&redirect(307, "/again")).await;
    let see_other = Server::answering(&redirect(303, "/elsewhere")).await;
    let allow = [round.port(), see_other.port()].map(|port| format!("a.test:{port}"));
    let client = client(&resolver(), &allow);
    let url = |server: &Server| format!("http://a.test:{}/", server.port());
    let outcome = client.post(&url(&round), "text/plain", vec![]).await;
    assert!(
        matches!(outcome, Err(OutboundError::Failed(_))),
        "{outcome:?}"
    );
    assert_eq!(round.asked().len(), 4);
    assert_eq!(
        client.post(&url(&see_other), "text/plain", vec![]).await,
        Ok(303)
    );
    assert_eq!(see_other.asked().len(), 1);
}
