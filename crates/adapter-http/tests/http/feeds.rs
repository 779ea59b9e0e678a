//! Feeds and calendars, as programs made by others read them.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use feed_rs::model::{Feed, FeedType};
use icalendar::{Calendar, CalendarComponent, Component};
use pts_domain::access::Scope;
use reqwest::{Method, Response};
use serde_json::{Value, json};

use super::support::{Reply, Server, deployment};

const FEEDS: [&str; 4] = [
    "/v1/deployments/feed.atom",
    "/v1/deployments/calendar.ics",
    "/v1/incidents/feed.atom",
    "/v1/incidents/calendar.ics",
];

/// Words that would end an element, a property or a line if they could.
const NASTY: &str = "a <b>&amp; \"c\"; d, e\\f\nEND:VEVENT ]]> üé\u{1f600}";

async fn get(server: &Server, path: &str) -> Response {
    let response = server.get(path).send().await.unwrap();
    assert_eq!(response.status(), 200, "{path}");
    response
}

async fn atom(server: &Server, path: &str) -> Feed {
    let response = get(server, path).await;
    let content_type = response.headers()["content-type"].to_str().unwrap();
    assert_eq!(content_type, "application/atom+xml; charset=utf-8");
    let text = response.text().await.unwrap();
    let feed = feed_rs::parser::parse(text.as_bytes()).unwrap();
    assert_eq!(feed.feed_type, FeedType::Atom);
    feed
}

async fn calendar(server: &Server, path: &str) -> (Calendar, String) {
    let response = get(server, path).await;
    let content_type = response.headers()["content-type"].to_str().unwrap();
    assert_eq!(content_type, "text/calendar; charset=utf-8");
    let text = response.text().await.unwrap();
    assert!(
        text.split("\r\n")
            .all(|line| line.len() <= 75 && !line.contains('\n'))
    );
    (text.parse().unwrap(), text)
}

fn events(calendar: &Calendar) -> Vec<&icalendar::Event> {
    let events = calendar.components.iter().filter_map(|one| match one {
        CalendarComponent::Event(event) => Some(event),
        _ => None,
    });
    events.collect()
}

fn at(mut event: Value, time: &str) -> Value {
    event["time"] = time.into();
    event
}

fn incident(verb: &str, id: &str, more: &Value) -> Value {
    let mut data = json!({ "incident_id": id });
    if verb == "opened" {
        (data["severity"], data["title"]) = ("minor".into(), "Slow".into());
    }
    for (key, value) in more.as_object().unwrap() {
        data[key] = value.clone();
    }
    json!({ "type": format!("incident.{verb}"), "source": "pager", "id": format!("{id}-{verb}"), "data": data })
}

async fn filled() -> Server {
    let server = Server::start().await;
    let mut done = at(
        deployment("succeeded", "d-1", "payments"),
        "2026-01-02T10:05:00Z",
    );
    done["data"]["pipeline_url"] = "https://ci.acme/run/1?a=b&c=d".into();
    done["data"]["reason"] = NASTY.into();
    let opened = json!({ "severity": "critical", "title": NASTY, "service": "payments", "environment": "production" });
    server
        .stored(&json!([
            at(
                deployment("started", "d-1", "payments"),
                "2026-01-02T10:00:00Z"
            ),
            done,
            at(
                deployment("requested", "d-2", "orders"),
                "2026-01-02T11:00:00Z"
            ),
            at(incident("opened", "i-1", &opened), "2026-01-02T10:10:00Z"),
            at(
                incident("resolved", "i-1", &json!({})),
                "2026-01-02T10:40:30Z"
            ),
            at(
                incident("opened", "i-2", &json!({})),
                "2026-01-02T12:00:00Z"
            ),
        ]))
        .await;
    server
}

#[tokio::test]
async fn a_feed_is_valid_atom_whatever_the_words_are() {
    let server = filled().await;
    let feed = atom(&server, "/v1/deployments/feed.atom").await;
    assert_eq!(feed.title.unwrap().content, "Deployments");
    assert_eq!(
        feed.updated.unwrap().to_rfc3339(),
        "2026-01-02T11:00:00+00:00"
    );
    assert_eq!(feed.entries.len(), 2);
    let entry = &feed.entries[1];
    assert_eq!(entry.id, "urn:pts:deployment:payments:production:d%2D1");
    assert_eq!(
        entry.title.as_ref().unwrap().content,
        "payments 1.2.3 in production: succeeded"
    );
    assert_eq!(
        entry.updated.unwrap().to_rfc3339(),
        "2026-01-02T10:05:00+00:00"
    );
    assert_eq!(entry.links[0].href, "https://ci.acme/run/1?a=b&c=d");
    let text = entry.content.as_ref().unwrap().body.as_ref().unwrap();
    assert!(text.contains(&format!("Reason: {NASTY}")), "{text}");

    let feed = atom(&server, "/v1/incidents/feed.atom?service=payments").await;
    assert_eq!(feed.entries.len(), 1);
    let title = &feed.entries[0].title.as_ref().unwrap().content;
    assert_eq!(
        *title,
        format!("Incident (payments in production): {NASTY}: resolved")
    );
    assert_ne!(feed.id, atom(&server, "/v1/incidents/feed.atom").await.id);
}

#[tokio::test]
async fn a_calendar_is_valid_whatever_the_words_are() {
    let server = filled().await;
    let (calendar, _) = calendar(&server, "/v1/deployments/calendar.ics").await;
    let events = events(&calendar);
    assert_eq!(events.len(), 2);
    let event = events[1];
    assert_eq!(
        event.get_uid(),
        Some("urn:pts:deployment:payments:production:d%2D1")
    );
    let value = |name| event.property_value(name);
    assert_eq!(value("DTSTART"), Some("20260102T100000Z"));
    assert_eq!(value("DTEND"), Some("20260102T100500Z"));
    assert_eq!(value("SEQUENCE"), Some("2"));
    assert_eq!(value("STATUS"), Some("CONFIRMED"));
    assert_eq!(value("URL"), Some("https://ci.acme/run/1?a=b&c=d"));
    assert!(
        event
            .get_description()
            .unwrap()
            .contains(&format!("Reason: {NASTY}"))
    );
    assert_eq!(events[0].property_value("STATUS"), Some("TENTATIVE"));
    assert_eq!(events[0].property_value("DTEND"), None);
}

#[tokio::test]
async fn an_incident_that_goes_on_has_no_end_yet_and_the_same_name_later() {
    let server = filled().await;
    let path = "/v1/incidents/calendar.ics";
    let (before, text) = calendar(&server, path).await;
    let (again, same) = calendar(&server, path).await;
    assert_eq!(text, same);
    drop(again);
    let open = events(&before)[0];
    assert_eq!(open.property_value("DTEND"), None);
    let sequence = |event: &icalendar::Event| {
        event
            .property_value("SEQUENCE")
            .unwrap()
            .parse::<i64>()
            .unwrap()
    };
    server
        .stored(&at(
            incident("resolved", "i-2", &json!({})),
            "2026-01-02T12:30:00Z",
        ))
        .await;
    let (after, _) = calendar(&server, path).await;
    let closed = events(&after)[0];
    assert_eq!(closed.get_uid(), open.get_uid());
    assert_eq!(closed.property_value("DTEND"), Some("20260102T123000Z"));
    assert!(sequence(closed) > sequence(open));
    let of_i_1 = |calendar: &Calendar| sequence(events(calendar)[1]);
    assert_eq!(of_i_1(&before), of_i_1(&after));
}

#[tokio::test]
async fn what_has_nothing_in_it_is_valid_too() {
    let server = Server::start().await;
    assert!(
        atom(&server, "/v1/incidents/feed.atom")
            .await
            .entries
            .is_empty()
    );
    let (calendar, text) = calendar(&server, "/v1/incidents/calendar.ics").await;
    assert!(events(&calendar).is_empty());
    assert!(text.contains("BEGIN:VTIMEZONE"));
}

#[tokio::test]
async fn who_has_the_newest_version_is_told_so_and_nothing_else() {
    let server = filled().await;
    server.clock.advance(chrono::Duration::minutes(1));
    for path in FEEDS {
        let first = get(&server, path).await;
        let tag = first.headers()["etag"].clone();
        let modified = first.headers()["last-modified"].clone();
        assert_eq!(first.headers()["cache-control"], "private, no-cache");
        for (name, value) in [("if-none-match", &tag), ("if-modified-since", &modified)] {
            let again = server.get(path).header(name, value).send().await.unwrap();
            assert_eq!(again.status(), 304, "{path} {name}");
            assert_eq!(again.headers()["etag"], tag);
            assert!(again.bytes().await.unwrap().is_empty());
        }
        server
            .stored(&json!([
                deployment("failed", &format!("n{}", path.len()), "new"),
                incident("opened", &format!("n{}", path.len()), &json!({})),
            ]))
            .await;
        server.clock.advance(chrono::Duration::minutes(1));
        for (name, value) in [("if-none-match", &tag), ("if-modified-since", &modified)] {
            let again = server.get(path).header(name, value).send().await.unwrap();
            assert_eq!(again.status(), 200, "{path} {name}");
        }
        // What can leave the list makes its last change uncertain.
        let filtered = format!(
            "{path}?status={}",
            if path.contains("inc") {
                "open"
            } else {
                "failed"
            }
        );
        let filtered = get(&server, &filtered).await;
        assert!(!filtered.headers().contains_key("last-modified"));
    }
}

#[tokio::test]
async fn feeds_alone_take_a_token_as_a_password() {
    let server = filled().await;
    let reader = server.token(&[Scope::EventsRead]).await;
    let writer = server.token(&[Scope::EventsWrite]).await;
    let basic = |path: &str, token: &str| {
        let request = server.bare(Method::GET, path);
        request.basic_auth("whoever", Some(token))
    };
    for path in FEEDS {
        let good = basic(path, &reader).send().await.unwrap();
        assert_eq!(good.status(), 200, "{path}");
        Reply::of(basic(path, &writer))
            .await
            .is_problem(403, "denied");
        let wrong = Reply::of(basic(path, "pts_wrong")).await;
        wrong.is_problem(401, "token_refused");
        let bare = Reply::of(server.bare(Method::GET, path)).await;
        bare.is_problem(401, "token_missing");
        for refused in [wrong, bare] {
            let challenge = refused.headers["www-authenticate"].to_str().unwrap();
            assert!(challenge.starts_with("Basic realm=\"pts\""), "{challenge}");
        }
        // A session's text is good in its cookie alone.
        let session = server.session().await;
        let (_, session) = session.split_once('=').unwrap();
        Reply::of(basic(path, session))
            .await
            .is_problem(401, "token_refused");
        let in_url = format!("{path}?token={reader}");
        Reply::of(server.bare(Method::GET, &in_url))
            .await
            .is_problem(401, "token_missing");
    }
    for path in [
        "/v1/deployments",
        "/v1/events",
        "/v1/events/export",
        "/metrics",
    ] {
        let reply = Reply::of(basic(path, &server.admin)).await;
        assert_eq!(reply.status, 401, "{path}");
        let challenge = reply.headers["www-authenticate"].to_str().unwrap();
        assert!(challenge.starts_with("Bearer"), "{challenge}");
    }
    let odd = server.bare(Method::GET, FEEDS[0]).header(
        "authorization",
        format!("Basic {}", BASE64_STANDARD.encode("no colon")),
    );
    Reply::of(odd).await.is_problem(401, "token_missing");
}
