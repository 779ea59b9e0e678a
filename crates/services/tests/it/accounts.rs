//! Everything that is sent is counted, once, whatever becomes of it.

use std::sync::Arc;
use std::time::Duration;

use pts_api::actions::accounting::{AccountReport, GetAccounting, GetAccountingInput, Tally};
use pts_domain::FieldError;
use pts_domain::access::Scope;
use pts_domain::access::Workspace;
use pts_domain::accounting::Outcome;
use pts_domain::event::Form;
use pts_ports::{Accounting, Counted, MockEventLog, MockQuarantine, StoreError};
use pts_services::{ActionError, CallOptions, Gateway, Item, Mode};
use pts_testkit::generate::Dice;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{in_memory, over_both, principal};

async fn report(gateway: &Gateway, input: GetAccountingInput) -> AccountReport {
    let reader = principal(&[Scope::MetricsRead]);
    let answer = gateway
        .call::<GetAccounting>(&reader, input, CallOptions::default())
        .await
        .unwrap();
    assert!(answer.coverage.complete);
    answer.data
}

async fn totals(gateway: &Gateway) -> Tally {
    report(gateway, GetAccountingInput::default()).await.totals
}

fn event(source: &str, id: u64, n: u64) -> Value {
    json!({"type": "com.acme.x", "source": source, "id": id.to_string(), "data": {"n": n}})
}

fn unreadable(text: &str) -> Item {
    let body = Arc::new(text.as_bytes().to_vec());
    let error = FieldError::invalid("the body", "line 1", "JSON");
    Item::part(Err(error), &body, 0..text.len())
}

async fn send(gateway: &Gateway, items: Vec<Item>) -> Result<usize, ActionError> {
    let writer = principal(&[Scope::EventsWrite]);
    let outcomes = gateway
        .ingest(&writer, items, Form::Lenient, Mode::Store)
        .await?;
    Ok(outcomes.len())
}

#[tokio::test]
async fn each_outcome_is_counted_under_its_source() {
    let (gateway, _) = in_memory();
    let mut no_source = event("a", 9, 0);
    no_source.as_object_mut().unwrap().remove("source");
    let batch = vec![
        event("a", 1, 0).into(),
        event("a", 1, 0).into(),
        event("a", 1, 1).into(),
        event("b", 1, 0).into(),
        json!({"type": "deployment.started", "source": "b", "data": {}}).into(),
        no_source.into(),
        unreadable("{"),
        unreadable("{"),
    ];
    assert_eq!(send(&gateway, batch).await.unwrap(), 8);
    let report = report(&gateway, GetAccountingInput::default()).await;
    let rows: Vec<_> = report
        .rows
        .iter()
        .map(|row| {
            let Tally {
                received,
                stored,
                repeated,
                quarantined,
                refused,
            } = row.tally;
            (
                &*row.source,
                received,
                [stored, repeated, quarantined, refused],
            )
        })
        .collect();
    let expected = [
        ("(unknown)", 3, [0, 1, 2, 0]),
        ("a", 3, [1, 1, 0, 1]),
        ("b", 2, [1, 0, 1, 0]),
    ];
    assert_eq!(rows, expected);
    assert_eq!(report.totals.received, 8);
    // The figures of this process are the same.
    assert_eq!(Tally::from(gateway.tallies().totals()), report.totals);
}

/// The law, for anything at all: what was received is what was sent, at any moment.
#[tokio::test]
async fn what_was_received_is_what_was_sent() {
    for seed in 0..20 {
        let mut dice = Dice::new(seed);
        let (gateway, store) = in_memory();
        let mut sent = 0;
        for _ in 0..30 {
            let batch: Vec<Item> = (0..=dice.below(8))
                .map(|_| {
                    let source = dice.pick(&["a", "b", "c"]);
                    match dice.below(5) {
                        0 => unreadable(&format!("{{{}", dice.below(4))),
                        1 => json!({"type": "", "source": source, "n": dice.below(9)}).into(),
                        2 => json!(dice.below(3)).into(),
                        _ => event(source, dice.below(12), dice.below(2)).into(),
                    }
                })
                .collect();
            if dice.chance(15) {
                store.set_available(false);
                // Refused as a whole, or bad and refused; counted when the store is back.
                sent += batch.len() as u64;
                let _ = send(&gateway, batch).await;
                store.set_available(true);
            } else if dice.chance(10) {
                let writer = principal(&[Scope::EventsWrite]);
                let checked = gateway.ingest(&writer, batch, Form::Lenient, Mode::Validate);
                checked.await.unwrap();
            } else {
                sent += send(&gateway, batch).await.unwrap() as u64;
            }
            if dice.chance(30) {
                store.count(3).await.unwrap();
            }
            let totals = totals(&gateway).await;
            assert_eq!(totals.received, sent, "seed {seed}");
            let sum = totals.stored + totals.repeated + totals.quarantined + totals.refused;
            assert_eq!(totals.received, sum);
            let head = pts_ports::EventLog::head(&*store).await.unwrap();
            assert_eq!(i64::try_from(totals.stored).unwrap(), head, "seed {seed}");
        }
    }
}

#[tokio::test]
async fn what_may_have_been_put_aside_is_not_counted_as_refused() {
    for (maybe_done, refused) in [(true, 0), (false, 2)] {
        let mut quarantine = MockQuarantine::new();
        quarantine.expect_keep().returning(move |_, _| {
            Err(StoreError::Unavailable {
                reason: "cut".into(),
                maybe_done,
            })
        });
        let gateway = over_both(Arc::new(MockEventLog::new()), quarantine);
        let items = vec![unreadable("{"), json!(7).into()];
        assert_eq!(
            send(&gateway, items).await.unwrap(),
            2,
            "answered all the same"
        );
        let counted = gateway.tallies().totals();
        assert_eq!((counted.refused, counted.received()), (refused, refused));
    }
}

#[tokio::test]
async fn an_item_that_is_too_large_is_refused() {
    let (gateway, _) = in_memory();
    let large = format!("{{\"a\":\"{}", "x".repeat(1024 * 1024));
    send(&gateway, vec![unreadable(&large), json!(7).into()])
        .await
        .unwrap();
    let totals = totals(&gateway).await;
    assert_eq!((totals.refused, totals.quarantined), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn the_books_are_kept_every_second_and_once_more_at_the_end() {
    let (gateway, store) = in_memory();
    let gateway = Arc::new(gateway);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let keeping = tokio::spawn({
        let gateway = Arc::clone(&gateway);
        async move {
            let stopped = async {
                let _ = stopped.await;
            };
            gateway.keep_books(stopped).await;
        }
    });
    let booked = async || {
        // What the store has, without what this process would hand over to answer.
        let query = pts_ports::AccountQuery::default();
        store.account(&query, 10).await.unwrap().totals
    };
    tokio::time::sleep(Duration::from_millis(500)).await;
    gateway
        .tallies()
        .count((&Workspace::default(), None, "s"), Outcome::Refused, 3);
    assert_eq!(booked().await.refused, 0);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(booked().await.refused, 3);

    // While the store is away nothing is lost, and nothing is counted twice afterwards.
    store.set_available(false);
    gateway
        .tallies()
        .count((&Workspace::default(), None, "s"), Outcome::Refused, 2);
    send(&gateway, vec![event("s", 1, 0).into()])
        .await
        .unwrap_err();
    tokio::time::sleep(Duration::from_secs(3)).await;
    store.set_available(true);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(booked().await.refused, 6);

    send(&gateway, vec![event("s", 1, 0).into()]).await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(store.count(1).await.unwrap(), Counted::All);

    gateway.tallies().count(
        (&Workspace::default(), Some(Uuid::nil()), "s"),
        Outcome::Repeated,
        1,
    );
    stop.send(()).unwrap();
    keeping.await.unwrap();
    assert_eq!(booked().await.repeated, 1);
}

#[tokio::test]
async fn an_account_is_in_whole_days() {
    let (gateway, _) = in_memory();
    send(&gateway, vec![event("a", 1, 0).into()]).await.unwrap();
    let moment = |text: &str| Some(text.to_owned().try_into().unwrap());
    let check = async |since, until, received| {
        let input = GetAccountingInput {
            since,
            until,
            token: Some(Uuid::from_u128(1)),
            source: Some("a".into()),
            limit: None,
        };
        assert_eq!(report(&gateway, input).await.totals.received, received);
    };
    check(moment("2026-03-01T23:00:00Z"), None, 1).await;
    check(moment("2026-03-02T00:00:00Z"), None, 0).await;
    check(None, moment("2026-03-01T00:00:00Z"), 0).await;
    check(moment("1h"), moment("now"), 1).await;
}

#[tokio::test]
async fn accounts_are_for_whoever_reads_the_metrics() {
    let (gateway, _) = in_memory();
    let reader = principal(&[Scope::EventsRead, Scope::EventsWrite]);
    let input = GetAccountingInput::default();
    let denied = gateway
        .call::<GetAccounting>(&reader, input, CallOptions::default())
        .await;
    assert!(matches!(
        denied,
        Err(ActionError::Denied {
            scope: Scope::MetricsRead
        })
    ));
}
