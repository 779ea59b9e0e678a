//! What the accounts promise: every event is counted once, at any moment, whoever counts.

use std::sync::Arc;

use chrono::{Duration, NaiveDate};
use futures::future::join_all;
use pts_domain::access::Workspace;
use pts_domain::accounting::{Counts, Days, Line, day_of};
use pts_domain::event::NewEvent;
use pts_ports::{Account, AccountQuery, Accounting, Counted, Handover};
use serde_json::json;
use uuid::Uuid;

use super::Harness;
use crate::generate::{Sender, minute, now};

const SENDERS: [Option<Uuid>; 3] = [
    Some(Uuid::from_u128(100)),
    Some(Uuid::from_u128(101)),
    Some(Uuid::from_u128(102)),
];

fn events(source: &str, from: Option<Uuid>, count: usize) -> Vec<NewEvent> {
    let mut sender = Sender::named(source);
    let event = |_| NewEvent {
        sender: from,
        ..sender.event("com.acme.x", minute(0), json!({}))
    };
    (0..count).map(event).collect()
}

fn line(sender: Option<Uuid>, source: &str, counts: Counts) -> Line {
    Line {
        sender,
        source: source.to_owned(),
        counts,
    }
}

fn stored(number: u64) -> Counts {
    Counts {
        stored: number,
        ..Counts::default()
    }
}

fn refused(number: u64) -> Counts {
    Counts {
        refused: number,
        ..Counts::default()
    }
}

fn handover(number: i64, day: NaiveDate, lines: Vec<Line>) -> Handover {
    Handover {
        process: Uuid::from_u128(77),
        number,
        day,
        lines: lines
            .into_iter()
            .map(|line| (Workspace::default(), line))
            .collect(),
    }
}

async fn account(store: &dyn Accounting) -> Account {
    let query = AccountQuery::default();
    store.account(&query, 1_000).await.unwrap()
}

/// Nothing has been sent, and nothing is counted.
pub async fn the_account_of_an_empty_store_is_empty(store: Harness) {
    let expected = Account {
        totals: Counts::default(),
        lines: Vec::new(),
        all_lines: 0,
        uncounted: 0,
    };
    assert_eq!(account(&*store.accounting).await, expected);
    assert_eq!(store.accounting.count(10).await.unwrap(), Counted::All);
    assert_eq!(account(&*store.accounting).await, expected);
}

/// However far the log has been counted, what is stored is what is in it.
pub async fn what_is_stored_is_exact_however_far_the_log_is_counted(store: Harness) {
    for (source, from, count) in [("a", 1, 5), ("b", 1, 3), ("a", 2, 2)] {
        let mut batch = events(source, SENDERS[from], count);
        for event in &mut batch {
            event.event.identity.id += &from.to_string();
        }
        store.append(batch).await;
    }
    store.append(events("c", None, 1)).await;
    let expected = [
        line(SENDERS[1], "a", stored(5)),
        line(SENDERS[1], "b", stored(3)),
        line(SENDERS[2], "a", stored(2)),
        line(None, "c", stored(1)),
    ];
    for counted in [
        Counted::Further,
        Counted::Further,
        Counted::All,
        Counted::All,
    ] {
        let account = account(&*store.accounting).await;
        assert_eq!(account.lines, expected);
        assert_eq!((account.totals, account.uncounted), (stored(11), 0));
        assert_eq!(store.accounting.count(4).await.unwrap(), counted);
    }
    // A repeat and a conflict are not in the log: whoever sees them counts them.
    let mut again = events("a", SENDERS[1], 1);
    again[0].event.identity.id += "1";
    store.append(again.clone()).await;
    again[0].event.data = json!({"changed": true});
    store.append(again).await;
    assert_eq!(account(&*store.accounting).await.lines, expected);
}

/// A handover whose answer was lost is given again, and is added once.
pub async fn what_a_process_counted_is_added_once(store: Harness) {
    let day = day_of(now());
    let first = handover(1, day, vec![line(SENDERS[1], "a", refused(3))]);
    let second = handover(
        2,
        day,
        vec![
            line(SENDERS[1], "a", refused(1)),
            line(SENDERS[1], "b", refused(1)),
            line(None, "a", refused(1)),
        ],
    );
    let of_another = Handover {
        process: Uuid::from_u128(78),
        ..first.clone()
    };
    for handover in [&first, &first, &second, &first, &second, &of_another] {
        store.accounting.add(handover).await.unwrap();
    }
    let account = account(&*store.accounting).await;
    let expected = [
        line(SENDERS[1], "a", refused(7)),
        line(SENDERS[1], "b", refused(1)),
        line(None, "a", refused(1)),
    ];
    assert_eq!(account.lines, expected);
    assert_eq!(account.totals, refused(9));
}

/// An account is narrowed to days, to a sender and to a source, counted or not.
pub async fn an_account_is_narrowed_by_every_filter(store: Harness) {
    let today = day_of(now());
    let yesterday = today.pred_opt().unwrap();
    let mut old = events("a", SENDERS[1], 2);
    for event in &mut old {
        event.received_at -= Duration::days(1);
    }
    store.append(old).await;
    let mut fresh = events("a", SENDERS[2], 4);
    fresh.extend(events("ä \"\\{}", SENDERS[2], 1));
    for event in &mut fresh {
        event.event.identity.id.push('x');
    }
    store.append(fresh).await;
    let lines = vec![line(SENDERS[1], "a", refused(1))];
    store
        .accounting
        .add(&handover(1, yesterday, lines))
        .await
        .unwrap();
    let check = async |days: Days, from: Option<usize>, source: Option<&str>, received: u64| {
        let query = AccountQuery {
            days,
            sender: from.and_then(|n| SENDERS[n]),
            source: source.map(ToOwned::to_owned),
        };
        let account = store.accounting.account(&query, 100).await.unwrap();
        assert_eq!(account.totals.received(), received, "{query:?}");
        let sum: Counts = account.lines.iter().map(|line| line.counts).sum();
        assert_eq!(sum, account.totals, "{query:?}");
    };
    let days = |first, last| Days { first, last };
    for _ in 0..2 {
        check(Days::default(), None, None, 8).await;
        check(days(Some(today), None), None, None, 5).await;
        check(days(None, Some(yesterday)), None, None, 3).await;
        check(days(Some(yesterday), Some(yesterday)), Some(2), None, 0).await;
        check(Days::default(), Some(2), None, 5).await;
        check(Days::default(), None, Some("a"), 7).await;
        check(Days::default(), Some(2), Some("ä \"\\{}"), 1).await;
        check(Days::default(), None, Some("no\0source"), 0).await;
        store.accounting.count(1_000).await.unwrap();
    }
}

/// A short account has the busiest lines, and the totals of all.
pub async fn a_short_account_has_the_totals_of_all(store: Harness) {
    let mut lines = Vec::new();
    for n in 1..=9 {
        lines.push(line(SENDERS[1], &format!("s{n}"), refused(n)));
    }
    let today = day_of(now());
    store
        .accounting
        .add(&handover(1, today, lines))
        .await
        .unwrap();
    let query = AccountQuery::default();
    let account = store.accounting.account(&query, 2).await.unwrap();
    let shown: Vec<_> = account.lines.iter().map(|line| &*line.source).collect();
    assert_eq!(shown, ["s9", "s8"]);
    assert_eq!((account.all_lines, account.totals), (9, refused(45)));
}

/// While several append and several count, no account shows less than an earlier one or more than
/// was appended, and in the end it is exact.
pub async fn accounts_are_exact_while_others_append_and_count(store: Harness) {
    const EACH: u64 = 40;
    let appends = (0..3_usize).map(|n| {
        let log = Arc::clone(&store.log);
        tokio::spawn(async move {
            for event in events(&format!("s{n}"), SENDERS[n], usize::try_from(EACH).unwrap()) {
                log.append(vec![event]).await.unwrap();
            }
        })
    });
    let counting = (0..2).map(|_| {
        let accounting = Arc::clone(&store.accounting);
        tokio::spawn(async move {
            let mut seen = 0;
            while seen < 3 * EACH {
                accounting.count(7).await.unwrap();
                let now = account(&*accounting).await.totals.stored;
                assert!((seen..=3 * EACH).contains(&now), "{seen}, then {now}");
                seen = now;
            }
        })
    });
    let work: Vec<_> = appends.chain(counting).collect();
    for done in join_all(work).await {
        done.unwrap();
    }
    while store.accounting.count(7).await.unwrap() == Counted::Further {}
    let account = account(&*store.accounting).await;
    let expected = [0, 1, 2].map(|n| line(SENDERS[n], &format!("s{n}"), stored(EACH)));
    assert_eq!(account.lines, expected);
}
