//! Secrets in events: masked before anybody keeps them, and repeats stay repeats whatever the rules are.

use std::sync::Arc;

use pts_domain::access::Scope;
use pts_domain::accounting::Outcome;
use pts_domain::event::Form;
use pts_domain::filter::EventFilter;
use pts_domain::masking::{Masker, Rules};
use pts_ports::{EventLog, Quarantine, QuarantineQuery};
use pts_services::{Gateway, Item, ItemOutcome, Mode};
use pts_testkit::fakes::{FixedClock, MemoryStore};
use serde_json::{Value, json};

use crate::support::{in_memory, noon, over_store, principal};

async fn send(gateway: &Gateway, event: &Value, mode: Mode) -> ItemOutcome {
    let writer = principal(&[Scope::EventsWrite]);
    let items = vec![Item::from(event.clone())];
    let outcomes = gateway.ingest(&writer, items, Form::Lenient, mode).await;
    outcomes.unwrap().remove(0)
}

async fn stored(store: &MemoryStore) -> Vec<Value> {
    let everything = EventFilter::default();
    let page = EventLog::search(store, &everything, None, 100);
    let page = page.await.unwrap();
    page.items
        .into_iter()
        .map(|stored| stored.event.data)
        .collect()
}

fn event(id: &str, data: &Value) -> Value {
    json!({"type": "com.acme.x", "source": "app", "id": id, "data": data})
}

/// Gateways over one store: with the usual rules, and with others.
fn two(rules: Option<Arc<Masker>>) -> (Gateway, Gateway, Arc<MemoryStore>) {
    let (one, store) = in_memory();
    let other = over_store(&store, Arc::new(FixedClock::at(noon()))).masking(rules);
    (one, other, store)
}

#[tokio::test]
async fn a_secret_is_masked_before_it_is_stored_and_its_sender_is_told() {
    let (gateway, store) = in_memory();
    let sent = event("1", &json!({"user": "ada", "password": "hunter2"}));
    let ItemOutcome::Created(receipt) = send(&gateway, &sent, Mode::Store).await else {
        panic!("it was not stored");
    };
    assert!(
        receipt.warnings[0].contains("1 by the rule `password`"),
        "{:?}",
        receipt.warnings
    );
    let expected = json!({"user": "ada", "password": "[masked:password]"});
    assert_eq!(stored(&store).await, [expected]);
    let counted = |rule: &str, source: &str| {
        let all = gateway.masked().all().into_iter();
        all.filter(|(by, of, _)| &**by == rule && of == source)
            .map(|(.., n)| n)
            .sum::<u64>()
    };
    assert_eq!(
        (counted("password", "app"), counted("token", "app")),
        (1, 0)
    );
    // Nothing is kept of what is only checked, so nothing is counted.
    assert!(matches!(
        send(&gateway, &sent, Mode::Validate).await,
        ItemOutcome::Valid(_)
    ));
    assert_eq!(counted("password", "app"), 1);
}

#[tokio::test]
async fn what_is_no_event_is_masked_before_it_is_put_aside() {
    let (gateway, store) = in_memory();
    let mut bad = event("1", &json!({"password": "hunter2"}));
    bad["time"] = "Bearer 0123456789abcdefXYZ".into();
    let ItemOutcome::Invalid { errors, .. } = send(&gateway, &bad, Mode::Store).await else {
        panic!("it was accepted");
    };
    assert!(
        !format!("{errors:?}").contains("0123456789abcdefXYZ"),
        "{errors:?}"
    );
    let body = Arc::new(b"{\"token\": \"hunter2\", oh".to_vec());
    let broken = pts_domain::FieldError::invalid("the body", "oh", "JSON");
    let items = vec![Item::part(Err(broken), &body, 0..body.len())];
    let writer = principal(&[Scope::EventsWrite]);
    gateway
        .ingest(&writer, items, Form::Lenient, Mode::Store)
        .await
        .unwrap();

    let page = store
        .items(&QuarantineQuery::default(), None, 10)
        .await
        .unwrap();
    let ids: Vec<_> = page.items.iter().map(|item| item.id).collect();
    let texts = Quarantine::get(&*store, &ids).await.unwrap().into_iter();
    let texts: Vec<_> = texts.map(|item| item.text.unwrap().text).collect();
    assert_eq!(texts.len(), 2);
    for text in texts {
        assert!(
            text.contains("[masked:") && !text.contains("hunter2"),
            "{text}"
        );
        assert!(!text.contains("0123456789abcdefXYZ"), "{text}");
    }
}

#[tokio::test]
async fn an_event_that_has_a_secret_for_a_name_is_put_aside_and_can_be_replayed() {
    let (gateway, store) = in_memory();
    let mut named = event("1", &json!({}));
    named["source"] = "https://ci:hunter2@ci.example".into();
    let ItemOutcome::Invalid {
        errors,
        quarantine_id,
    } = send(&gateway, &named, Mode::Store).await
    else {
        panic!("it was accepted");
    };
    assert_eq!(
        (errors[0].field.as_str(), errors[0].code.as_str()),
        ("source", "secret")
    );
    let items = Quarantine::get(&*store, &[quarantine_id.unwrap()]).await;
    let item = items.unwrap().remove(0);
    let text = item.text.unwrap().text;
    assert!(
        text.contains("https://ci:[masked:url_password]@ci.example"),
        "{text}"
    );
}

#[tokio::test]
async fn the_same_event_is_a_repeat_whether_rules_came_or_went_meanwhile() {
    let data = json!({"password": "hunter2", "note": "see postgres://u:pw@h/db", "n": 1});
    for come in [true, false] {
        let (masking, plain, store) = two(None);
        let (first, second) = if come {
            (&plain, &masking)
        } else {
            (&masking, &plain)
        };
        let sent = event("1", &data);
        assert!(matches!(
            send(first, &sent, Mode::Store).await,
            ItemOutcome::Created(_)
        ));
        let again = send(second, &sent, Mode::Store).await;
        assert!(
            matches!(&again, ItemOutcome::Duplicate(receipt) if receipt.duplicate),
            "{again:?}"
        );
        let mut other = data.clone();
        other["n"] = 2.into();
        let conflict = send(second, &event("1", &other), Mode::Store).await;
        assert!(
            matches!(conflict, ItemOutcome::Conflict { .. }),
            "{conflict:?}"
        );
        assert_eq!(stored(&store).await.len(), 1);
    }
}

#[tokio::test]
async fn a_repeat_under_other_rules_is_counted_as_one() {
    let rules = Rules {
        fields: [("own".to_owned(), vec!["badge".to_owned()])].into(),
        ..Rules::default()
    };
    let (one, other, store) = two(Some(Arc::new(Masker::new(&rules).unwrap())));
    let sent = event("1", &json!({"badge": "B-7", "password": "p"}));
    assert!(matches!(
        send(&one, &sent, Mode::Store).await,
        ItemOutcome::Created(_)
    ));
    assert!(matches!(
        send(&other, &sent, Mode::Store).await,
        ItemOutcome::Duplicate(_)
    ));
    let masked = json!({"badge": "B-7", "password": "[masked:password]"});
    assert_eq!(stored(&store).await, [masked]);
    let counts = other.tallies().totals();
    let of = |outcome| counts.get(outcome);
    assert_eq!((of(Outcome::Repeated), of(Outcome::Refused)), (1, 0));
}
