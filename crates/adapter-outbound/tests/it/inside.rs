//! No name and no spelling leads inside.

use pts_adapter_outbound::{HttpOutbound, OutboundSettings};
use pts_ports::{Outbound as _, OutboundError};

use crate::support::{OK, Scripted, Server, client};

#[track_caller]
fn refused(outcome: Result<u16, OutboundError>, what: &str) {
    match outcome {
        Err(OutboundError::Refused(why)) => assert!(why.contains("outbound.allow"), "{why}"),
        other => panic!("{what}: {other:?}"),
    }
}

#[tokio::test]
async fn an_address_inside_is_refused_however_it_is_written() {
    let server = Server::answering(OK).await;
    let port = server.port();
    let client = HttpOutbound::new(OutboundSettings::default()).unwrap();
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "0x7f.0.0x0.1",
        "127.0.0.1.",
        "0.0.0.0",
        "0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "good.example@127.0.0.1",
        "\u{ff11}\u{ff12}\u{ff17}.\u{ff10}.\u{ff10}.\u{ff11}",
        // As the system resolves it.
        "localhost",
        "localhost.",
    ] {
        let url = format!("http://{host}:{port}/");
        refused(client.post(&url, "text/plain", vec![]).await, &url);
    }
    for url in [
        "http://169.254.169.254/latest/meta-data/",
        "http://[fd00:ec2::254]/",
        "http://100.100.100.200/",
        "http://10.0.0.1/",
        "http://[fe80::1]/",
        "http://2852039166/",
    ] {
        refused(client.post(url, "text/plain", vec![]).await, url);
        assert!(client.check(url).is_err(), "{url}");
    }
    assert_eq!(server.asked(), []);
}

#[tokio::test]
async fn a_name_that_leads_inside_is_refused_even_among_good_addresses() {
    let resolver = Scripted::new(&[
        ("inside.example", &[&["10.0.0.1"]]),
        ("mixed.example", &[&["93.184.216.34", "127.0.0.1"]]),
        ("mapped.example", &[&["::ffff:169.254.169.254"]]),
    ]);
    let client = client(&resolver, &[]);
    for host in [
        "inside.example",
        "mixed.example",
        "mapped.example",
        "Mixed.Example.",
    ] {
        let url = format!("http://{host}/");
        refused(client.post(&url, "text/plain", vec![]).await, &url);
    }
}

#[tokio::test]
async fn a_name_is_resolved_once_and_what_was_checked_is_connected_to() {
    let server = Server::answering(OK).await;
    let port = server.port();
    // Whoever asked a second time would be led elsewhere.
    let rebinding: &[&[&str]] = &[&["127.0.0.1"], &["127.0.0.2"]];
    let resolver = Scripted::new(&[("rebinding.example", rebinding)]);
    let client = client(&resolver, &[format!("127.0.0.1:{port}")]);
    let url = format!("http://rebinding.example:{port}/hook?k=v");
    assert_eq!(
        client.post(&url, "text/plain", b"hello".to_vec()).await,
        Ok(200)
    );
    assert_eq!(resolver.resolved(), ["rebinding.example"]);
    let asked = server.asked();
    assert!(
        asked[0].0.starts_with("post /hook?k=v http/1.1\r\n"),
        "{asked:?}"
    );
    assert!(
        asked[0]
            .0
            .contains(&format!("host: rebinding.example:{port}\r\n")),
        "{asked:?}"
    );
    assert_eq!(asked[0].1, "hello");
    // The next call asks again, and checks what it is told then.
    refused(client.post(&url, "text/plain", vec![]).await, &url);
}

#[tokio::test]
async fn what_is_allowed_is_called_at_its_port_alone() {
    let server = Server::answering(OK).await;
    let port = server.port();
    let resolver = Scripted::new(&[
        ("hooks.internal", &[&["127.0.0.1"]]),
        ("other.internal", &[&["127.0.0.1"]]),
    ]);
    let client = client(&resolver, &[format!("hooks.internal:{port}")]);
    let url = |host: &str, port| format!("http://{host}:{port}/");
    let good = url("hooks.internal", port);
    assert_eq!(
        client.post(&good, "application/json", b"{}".to_vec()).await,
        Ok(200)
    );
    for other in [
        url("hooks.internal", 1),
        url("other.internal", port),
        url("127.0.0.1", port),
    ] {
        refused(client.post(&other, "text/plain", vec![]).await, &other);
    }
    let unknown = client
        .post("http://nobody.example/", "text/plain", vec![])
        .await;
    assert!(
        matches!(unknown, Err(OutboundError::Failed(_))),
        "{unknown:?}"
    );
}
