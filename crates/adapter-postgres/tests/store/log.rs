//! What of the log depends on how PostgreSQL keeps it: months, partitions, fields of JSON.

use std::collections::BTreeMap;

use pts_domain::event::{Form, NewEvent, read};
use pts_domain::filter::EventFilter;
use pts_domain::time::parse;
use pts_ports::{Appended, EventLog};
use pts_testkit::generate::Sender;
use pts_testkit::postgres::TestDb;
use serde_json::{Value, json};
use uuid::Uuid;

use super::support::{log, outside, pool, sql};

fn received(id: &str, at: &str) -> NewEvent {
    let at = parse(at).unwrap();
    let micros = u128::try_from(at.timestamp_micros()).unwrap();
    let event = json!({"type": "t", "source": "s", "id": id, "time": "1970-01-01T00:00:00Z"});
    read(event, Form::Lenient, Uuid::from_u128(micros), at)
        .unwrap()
        .event
}

#[tokio::test]
async fn an_identity_is_known_for_eight_days_at_least() {
    let database = TestDb::fresh().await;
    let log = log(&pool(&database));
    let appended = |at: &'static str| {
        let log = &log;
        async move {
            log.append(vec![received("one", at)])
                .await
                .unwrap()
                .remove(0)
        }
    };
    let first = appended("2026-01-31T23:59:59Z").await;
    assert!(
        matches!(first, Appended::Stored { position: 1, .. }),
        "{first:?}"
    );
    for later in ["2026-02-01T00:00:01Z", "2026-02-08T23:59:58Z"] {
        let repeat = appended(later).await;
        assert!(
            matches!(repeat, Appended::Repeat { .. }),
            "{later}: {repeat:?}"
        );
    }
    // Later nobody remembers, and the log is intact all the same.
    let again = appended("2026-02-10T00:00:00Z").await;
    assert!(
        matches!(again, Appended::Stored { position: 2, .. }),
        "{again:?}"
    );
    let upkeep = super::support::maintenance(&pool(&database));
    let report = pts_ports::Maintenance::verify(&upkeep).await.unwrap();
    assert_eq!(report.faults, Vec::<String>::new());
}

#[tokio::test]
async fn no_event_fails_for_lack_of_a_partition() {
    let database = TestDb::fresh().await;
    let log = log(&pool(&database));
    let batch = vec![
        received("a", "1971-06-01T00:00:00Z"),
        received("b", "2026-02-28T23:59:59.999999Z"),
        received("c", "2026-03-01T00:00:00Z"),
        received("d", "9998-12-31T23:59:59Z"),
    ];
    log.append(batch).await.unwrap();
    // Somebody removes a partition that this process has seen.
    let client = outside(&database).await;
    sql(&client, "DROP TABLE platform.events_2026_03").await;
    let appended = log
        .append(vec![received("e", "2026-03-02T00:00:00Z")])
        .await
        .unwrap();
    assert!(
        matches!(appended[0], Appended::Stored { position: 5, .. }),
        "{appended:?}"
    );
}

#[tokio::test]
async fn fields_of_the_data_are_compared_as_the_domain_does() {
    let database = TestDb::fresh().await;
    let log = log(&pool(&database));
    let mut sender = Sender::named("s");
    let time = parse("2026-01-01T00:00:00Z").unwrap();
    let values = [
        json!("7"),
        json!(7),
        json!(7.5),
        json!(1e30),
        json!(true),
        json!(null),
        json!([1, {"b": "x"}]),
        json!({"b": [2, 3], "a": "A"}),
        json!("{\"a\": 1}"),
        json!(""),
        json!("1e30"),
    ];
    let batch: Vec<_> = values
        .iter()
        .map(|value| sender.event("t", time, json!({"field": value, "": {"": "empty"}})))
        .collect();
    log.append(batch).await.unwrap();
    let all = log
        .search(&EventFilter::default(), None, 100)
        .await
        .unwrap()
        .items;
    let mut asked: Vec<(String, String)> = values
        .iter()
        .map(|value| match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        })
        .map(|text| ("field".to_owned(), text))
        .collect();
    for (path, wanted) in [
        ("field.0", "1"),
        ("field.-1", "1"),
        ("field.+0", "1"),
        ("field.1.b", "x"),
        ("field.b.1", "3"),
        ("field", "[1, {\"b\": \"x\"}]"),
        ("field", "7.0"),
        ("field", "1000000000000000000000000000000"),
        ("field", "[\"\\u0000\"]"),
        ("field", "a\0b"),
        (".", "empty"),
        ("nobody", ""),
    ] {
        asked.push((path.to_owned(), wanted.to_owned()));
    }
    for (path, wanted) in asked {
        let filter = EventFilter {
            data: BTreeMap::from([(path, wanted)]),
            ..EventFilter::default()
        };
        let want: Vec<_> = all.iter().filter(|event| filter.fits(event)).collect();
        // A limit of one: what SQL lets through and the domain does not must not end a page.
        let mut found = Vec::new();
        let mut cursor = None;
        loop {
            let page = log.search(&filter, cursor, 1).await.unwrap();
            found.extend(page.items);
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(found.iter().collect::<Vec<_>>(), want, "{:?}", filter.data);
        let tail = log.after(0, &filter, 100).await.unwrap();
        assert_eq!(tail.events.len(), want.len(), "{:?}", filter.data);
    }
}

#[tokio::test]
async fn a_page_of_large_events_is_shorter_and_goes_on_at_its_cursor() {
    const EVENTS: usize = 140;
    let database = TestDb::fresh().await;
    let log = log(&pool(&database));
    let mut sender = Sender::named("s");
    let large = json!({ "text": "x".repeat(256 * 1024) });
    for _ in 0..EVENTS / 20 {
        let batch = (0..20).map(|_| {
            sender.event(
                "com.acme.large",
                parse("2026-01-01T00:00:00Z").unwrap(),
                large.clone(),
            )
        });
        log.append(batch.collect()).await.unwrap();
    }
    let everything = EventFilter::default();
    let first = log.search(&everything, None, 1_000).await.unwrap();
    assert!(
        first.items.len() < EVENTS,
        "{} in one page",
        first.items.len()
    );
    let mut positions: Vec<_> = first.items.iter().map(|event| event.position).collect();
    let mut next = first.next;
    while let Some(cursor) = next {
        let page = log.search(&everything, Some(cursor), 1_000).await.unwrap();
        positions.extend(page.items.iter().map(|event| event.position));
        next = page.next;
    }
    let all: Vec<_> = (1..=i64::try_from(EVENTS).unwrap()).rev().collect();
    assert_eq!(positions, all);
}
