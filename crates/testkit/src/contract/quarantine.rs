//! What quarantine promises: what came is kept as it came, once, within bounds, and every change is
//! in the accounts.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use pts_domain::accounting::{Counts, Line};
use pts_domain::blind::{Concern, Window};
use pts_domain::event::{Form, NewEvent};
use pts_domain::quarantine::{
    Item, MOST_LATELY, NewItem, REMEMBERED, State, Text, Verdict, WAITED_TOO_LONG, WAITS,
};
use pts_domain::{FieldError, Timestamp};
use pts_ports::{AccountQuery, Finding, QuarantineQuery};
use serde_json::json;
use uuid::Uuid;

use super::Harness;
use crate::generate::{Sender, minute, now};

const WITHIN: Duration = Duration::from_secs(20);

fn item(n: u128, text: &str) -> NewItem {
    received(n, text, now())
}

fn received(n: u128, text: &str, at: Timestamp) -> NewItem {
    let errors = [FieldError::missing("data.environment", "it is needed")];
    let named = (Uuid::from_u128(n), at, Uuid::from_u128(1));
    NewItem::new(named, Form::Lenient, text.to_owned(), &errors)
}

fn named(source: &str, event_type: &str, n: u128) -> String {
    json!({"source": source, "type": event_type, "n": n.to_string()}).to_string()
}

async fn keep(store: &Harness, batch: Vec<NewItem>) -> Vec<Verdict> {
    store.quarantine.keep(batch, WITHIN).await.unwrap()
}

async fn one(store: &Harness, n: u128) -> Item {
    let found = store.quarantine.get(&[Uuid::from_u128(n)]).await.unwrap();
    assert_eq!(found.len(), 1, "item {n}");
    found.into_iter().next().unwrap()
}

async fn lines(store: &Harness) -> Vec<Line> {
    let query = AccountQuery::default();
    let account = store.accounting.account(&query, 1_000).await.unwrap();
    account.lines
}

async fn counts(store: &Harness) -> Counts {
    lines(store).await.iter().map(|line| line.counts).sum()
}

async fn ids(store: &Harness, query: &QuarantineQuery) -> Vec<u128> {
    let page = store.quarantine.items(query, None, 1_000).await.unwrap();
    page.items.iter().map(|item| item.id.as_u128()).collect()
}

/// Whatever was sent comes back as it was sent, with everything that is known of it.
pub async fn an_item_is_kept_as_it_came(store: Harness) {
    let texts = [
        r#"{"source":"ä \"s\"","type":"deployment.strated","data":{"a\u0000b":"\u0000\ud83d\ude00"}}"#,
        r#"{"data":"\ud800"}"#,
        "{\"nul\":\"\0\u{1}\"} {",
        " [1, 2 ,\"ü\"]\r",
        "\u{fffd}\u{fffd}",
    ];
    let mut batch: Vec<_> = (1..).zip(texts).map(|(n, text)| item(n, text)).collect();
    batch[1].form = Form::CloudEvents;
    batch[2].errors = pts_domain::quarantine::tidy(&[
        FieldError::invalid("a\0key", "ä\"", "b"),
        FieldError::missing("", ""),
    ]);
    let verdicts = keep(&store, batch.clone()).await;
    assert_eq!(verdicts, [Verdict::Kept; 5]);
    for (n, new) in (1..).zip(batch) {
        assert_eq!(one(&store, n).await, Item::from(new));
    }
    assert_eq!(store.quarantine.get(&[Uuid::nil()]).await.unwrap(), []);
    assert_eq!(keep(&store, Vec::new()).await, []);
}

/// The same again is kept once, in one request and in several, and says which one it is.
pub async fn the_same_again_is_kept_once_and_counted_as_a_repeat(store: Harness) {
    let text = named("s", "t", 0);
    let (first, again) = (Uuid::from_u128(1), Verdict::Again(Uuid::from_u128(1)));
    let verdicts = keep(&store, vec![item(1, &text), item(2, &text), item(3, "7")]).await;
    assert_eq!(verdicts, [Verdict::Kept, again, Verdict::Kept]);
    let later = now() + chrono::Duration::days(1);
    assert_eq!(keep(&store, vec![received(4, &text, later)]).await, [again]);
    let mut of_another = item(5, &text);
    of_another.sender = Uuid::from_u128(2);
    assert_eq!(keep(&store, vec![of_another]).await, [Verdict::Kept]);

    let kept = one(&store, 1).await;
    assert_eq!(
        (kept.times, kept.received_at, kept.last_at),
        (3, now(), later)
    );
    let line = |sender: u128, source: &str, quarantined, repeated| Line {
        sender: Some(Uuid::from_u128(sender)),
        source: source.to_owned(),
        counts: Counts {
            quarantined,
            repeated,
            ..Counts::default()
        },
    };
    let expected = [
        line(1, "s", 1, 2),
        line(1, "(unknown)", 1, 0),
        line(2, "s", 1, 0),
    ];
    assert_eq!(lines(&store).await, expected);

    // Once it no longer waits, the same is another one.
    let reason = || "a test".to_owned();
    let gone = store.quarantine.discard(vec![first], reason(), later).await;
    assert_eq!(gone.unwrap(), [first]);
    assert_eq!(keep(&store, vec![item(6, &text)]).await, [Verdict::Kept]);
}

/// One token cannot fill the quarantine within a minute, and keeps nobody else out.
pub async fn one_sender_has_a_bound_within_a_minute(store: Harness) {
    let many = |from: u128, count: u64, at: Timestamp| -> Vec<NewItem> {
        let all = (from..).take(usize::try_from(count).unwrap());
        all.map(|n| received(n, &n.to_string(), at)).collect()
    };
    let kept = |verdicts: &[Verdict]| {
        let kept = verdicts.iter().filter(|verdict| **verdict == Verdict::Kept);
        kept.count() as u64
    };
    let verdicts = keep(&store, many(1_000, MOST_LATELY - 5, now())).await;
    assert_eq!(kept(&verdicts), MOST_LATELY - 5);
    let verdicts = keep(&store, many(10_000, 10, now())).await;
    assert_eq!(verdicts[4..6], [Verdict::Kept, Verdict::NoRoom]);
    assert_eq!(kept(&verdicts), 5);
    let mut of_another = item(1, "1");
    of_another.sender = Uuid::from_u128(2);
    assert_eq!(keep(&store, vec![of_another]).await, [Verdict::Kept]);
    // What there was no room for is counted by whoever refuses it.
    assert_eq!(counts(&store).await.received(), MOST_LATELY + 1);
    let later = now() + chrono::Duration::seconds(61);
    assert_eq!(kept(&keep(&store, many(20_000, 10, later)).await), 10);
}

/// A list is narrowed by everything, holds no texts, and its pages neither skip nor repeat.
pub async fn items_are_listed_in_pages_by_every_filter(store: Harness) {
    for n in 1..=12_u128 {
        let source = ["a", "b"][usize::from(n % 2 == 0)];
        let kind = ["deployment.x", "service.y", "deploy"][usize::try_from(n % 3).unwrap()];
        let at = now() + chrono::Duration::minutes(i64::try_from(n).unwrap());
        let mut new = received(n, &named(source, kind, n), at);
        new.sender = Uuid::from_u128(u128::from(n > 6));
        keep(&store, vec![new]).await;
    }
    let twelfth = vec![Uuid::from_u128(12)];
    let (at, reason) = (now(), "no".to_owned());
    store.quarantine.discard(twelfth, reason, at).await.unwrap();
    let base = QuarantineQuery::default;
    let minute = |n: i64| Some(now() + chrono::Duration::minutes(n));
    let queries = [
        base(),
        QuarantineQuery {
            sender: Some(Uuid::from_u128(1)),
            ..base()
        },
        QuarantineQuery {
            source: Some("a".into()),
            ..base()
        },
        QuarantineQuery {
            source: Some("no\0pe".into()),
            ..base()
        },
        QuarantineQuery {
            types: vec!["deployment.*".into()],
            ..base()
        },
        QuarantineQuery {
            types: vec!["deploy".into(), "service.y".into()],
            ..base()
        },
        QuarantineQuery {
            types: vec!["100%".into(), "_*".into(), "\0".into()],
            ..base()
        },
        QuarantineQuery {
            state: Some(State::Waiting),
            ..base()
        },
        QuarantineQuery {
            state: Some(State::Discarded),
            ..base()
        },
        QuarantineQuery {
            since: minute(4),
            until: minute(9),
            ..base()
        },
        QuarantineQuery {
            ids: [3, 12, 99].map(Uuid::from_u128).into(),
            ..base()
        },
        QuarantineQuery {
            source: Some("b".into()),
            state: Some(State::Waiting),
            ..base()
        },
    ];
    let all: Vec<Uuid> = (1..=12).map(Uuid::from_u128).collect();
    let all = store.quarantine.get(&all).await.unwrap();
    for mut query in queries {
        for oldest_first in [false, true] {
            query.oldest_first = oldest_first;
            let fits = all.iter().filter(|item| query.fits(item));
            let mut expected: Vec<_> = fits.map(|item| item.id.as_u128()).collect();
            expected.sort_unstable();
            if !oldest_first {
                expected.reverse();
            }
            assert_eq!(ids(&store, &query).await, expected, "{query:?}");
            let (mut paged, mut cursor) = (Vec::new(), None);
            loop {
                let page = store.quarantine.items(&query, cursor, 2).await.unwrap();
                assert!(page.items.iter().all(|item| item.text.is_none()));
                paged.extend(page.items.iter().map(|item| item.id.as_u128()));
                cursor = page.next;
                if cursor.is_none() {
                    break;
                }
            }
            assert_eq!(paged, expected, "{query:?} in pages");
        }
    }
}

/// Replaying moves an event within the account: what was received stays the same.
pub async fn a_replay_changes_what_became_of_an_event_and_not_how_many_came(store: Harness) {
    let texts = [1, 2, 3].map(|n| named("s", "t", n));
    let batch: Vec<_> = (1..).zip(&texts).map(|(n, text)| item(n, text)).collect();
    keep(&store, batch).await;
    keep(&store, vec![item(4, &texts[0])]).await;
    let before = counts(&store).await;
    assert_eq!((before.quarantined, before.repeated), (3, 1));

    // The first becomes an event, the second was one already, the third is still none.
    let event = NewEvent {
        id: Uuid::from_u128(1),
        sender: Some(Uuid::from_u128(1)),
        ..Sender::named("s").event("com.acme.x", minute(0), json!({}))
    };
    store.append(vec![event]).await;
    let still = FieldError::invalid("id", "\0", "another");
    let findings = vec![
        (
            Uuid::from_u128(1),
            Finding::Stored {
                event: Uuid::from_u128(1),
            },
        ),
        (
            Uuid::from_u128(2),
            Finding::Repeated {
                event: Uuid::from_u128(9),
            },
        ),
        (
            Uuid::from_u128(3),
            Finding::Bad {
                errors: vec![still],
            },
        ),
        (Uuid::from_u128(99), Finding::Stored { event: Uuid::nil() }),
    ];
    let at = now() + chrono::Duration::days(1);
    for _ in 0..2 {
        store.quarantine.settle(findings.clone(), at).await.unwrap();
        let after = counts(&store).await;
        let expected = Counts {
            stored: 1,
            repeated: 2,
            quarantined: 1,
            refused: 0,
        };
        assert_eq!(after, expected);
        assert_eq!(after.received(), before.received());
    }
    let settled = one(&store, 1).await;
    assert_eq!(settled.state, State::Replayed);
    assert_eq!(
        (settled.replayed_as, settled.changed_at),
        (Some(Uuid::from_u128(1)), at)
    );
    assert_eq!(settled.text, None);
    assert_eq!(one(&store, 2).await.replayed_as, Some(Uuid::from_u128(9)));
    let waits = one(&store, 3).await;
    assert_eq!((waits.state, waits.changed_at), (State::Waiting, at));
    assert_eq!(
        waits.errors,
        [FieldError::invalid("id", "\u{fffd}", "another")]
    );
    assert!(matches!(waits.text, Some(Text { text, readable: true }) if text == texts[2]));
}

/// What was given up is gone but for its record, unless its event turns out to be in the log.
pub async fn what_is_discarded_loses_its_text_and_keeps_its_record(store: Harness) {
    keep(
        &store,
        (1..=3).map(|n| item(n, &named("s", "t", n))).collect(),
    )
    .await;
    let at = now() + chrono::Duration::minutes(5);
    let wanted: Vec<_> = [1, 2, 99].map(Uuid::from_u128).into();
    let discard = async |ids: &[Uuid], reason: &str| {
        let mut gone = store
            .quarantine
            .discard(ids.to_vec(), reason.to_owned(), at)
            .await
            .unwrap();
        gone.sort_unstable();
        gone
    };
    assert_eq!(discard(&wanted, "a tést").await, wanted[..2]);
    assert!(discard(&wanted, "again").await.is_empty());
    let gone = one(&store, 1).await;
    assert_eq!(
        (gone.state, gone.changed_at, gone.text),
        (State::Discarded, at, None)
    );
    assert_eq!(gone.reason.as_deref(), Some("a tést"));
    assert_eq!(gone.errors, item(1, "").errors);
    assert_eq!(counts(&store).await.quarantined, 3);

    let found = Finding::Repeated {
        event: Uuid::from_u128(9),
    };
    store
        .quarantine
        .settle(vec![(wanted[0], found)], at)
        .await
        .unwrap();
    let found = one(&store, 1).await;
    assert_eq!((found.state, found.reason), (State::Replayed, None));
    let counts = counts(&store).await;
    assert_eq!((counts.quarantined, counts.repeated), (2, 1));
    let errors = Vec::new();
    let bad = vec![(wanted[1], Finding::Bad { errors })];
    store.quarantine.settle(bad, at).await.unwrap();
    assert_eq!(one(&store, 2).await.errors.len(), 1, "it no longer waits");
}

/// What nobody looks after is discarded, and what was settled long ago is forgotten.
pub async fn what_waits_too_long_is_discarded_and_later_forgotten(store: Harness) {
    let day = chrono::Duration::days(1);
    for n in 0..4_u128 {
        let at = now() + day * i32::try_from(n).unwrap();
        keep(&store, vec![received(n, &named("s", "t", n), at)]).await;
    }
    let expire = async |at: Timestamp| {
        let quarantine = &store.quarantine;
        quarantine
            .expire(at - WAITS, at - REMEMBERED, at)
            .await
            .unwrap()
    };
    let at = now() + WAITS + day * 2;
    assert_eq!(expire(at).await, 2);
    assert_eq!(expire(at).await, 0);
    let waiting = QuarantineQuery {
        state: Some(State::Waiting),
        ..QuarantineQuery::default()
    };
    assert_eq!(ids(&store, &waiting).await, [3, 2]);
    let gone = one(&store, 0).await;
    assert_eq!(
        (gone.state, gone.changed_at, gone.text),
        (State::Discarded, at, None)
    );
    assert_eq!(gone.reason.as_deref(), Some(WAITED_TOO_LONG));
    // The others are settled by then, but not for long enough.
    assert_eq!(expire(at + REMEMBERED + day).await, 2);
    assert_eq!(ids(&store, &QuarantineQuery::default()).await, [3, 2]);
    assert_eq!(
        counts(&store).await.quarantined,
        4,
        "what was counted stays counted"
    );
}

/// Many who send the same at the same time keep it once, and every one of them is counted.
pub async fn concurrent_senders_of_the_same_keep_it_once(store: Harness) {
    let keeps = (1..=12_u128).map(|n| {
        let quarantine = Arc::clone(&store.quarantine);
        let batch = vec![
            item(n, &named("s", "t", 0)),
            item(100 + n, &named("u", "t", n % 3)),
        ];
        tokio::spawn(async move { quarantine.keep(batch, WITHIN).await.unwrap() })
    });
    let verdicts: Vec<_> = join_all(keeps).await;
    let kept = verdicts.iter().flat_map(|done| done.as_ref().unwrap());
    let kept = kept.filter(|verdict| **verdict == Verdict::Kept).count();
    assert_eq!(kept, 4);
    let counts = counts(&store).await;
    assert_eq!((counts.quarantined, counts.repeated), (4, 20));
    let page = store
        .quarantine
        .items(&QuarantineQuery::default(), None, 10)
        .await
        .unwrap();
    assert_eq!(page.items.iter().map(|item| item.times).sum::<u64>(), 24);
}

/// What waits is counted for questions that it may concern, up to a bound; what says nothing of its
/// source or type may concern any.
pub async fn what_waits_for_a_question_is_counted(store: Harness) {
    let hour = chrono::Duration::hours(1);
    let batch = vec![
        received(1, &named("a", "deployment.started", 1), now()),
        received(2, &named("a", "incident.opened", 2), now() + hour),
        received(3, &named("b", "deployment.started", 3), now() + hour),
        received(4, "{", now() + hour),
        received(5, &named("b", "incident.opened", 5), now() + hour),
    ];
    assert_eq!(keep(&store, batch).await, [Verdict::Kept; 5]);
    let gone = vec![Uuid::from_u128(5)];
    let discarding = store.quarantine.discard(gone, "a test".into(), now());
    discarding.await.unwrap();
    let check = async |concern: Concern, most, expected| {
        let found = store.quarantine.waiting(&concern, most).await.unwrap();
        assert_eq!(found, expected, "{concern:?}");
    };
    let window = |since: Option<Timestamp>, until: Option<Timestamp>| Concern {
        window: Window { since, until },
        ..Concern::default()
    };
    let of_source = |source: &str| Concern {
        source: Some(source.into()),
        ..Concern::default()
    };
    let of_type = |pattern: &str| Concern {
        types: vec![pattern.into()],
        ..Concern::default()
    };
    check(Concern::default(), 10, 4).await;
    check(Concern::default(), 3, 3).await;
    check(window(Some(now() + hour), None), 10, 3).await;
    check(window(None, Some(now() + hour)), 10, 1).await;
    check(of_source("a"), 10, 3).await;
    check(of_source("no"), 10, 1).await;
    check(of_type("deployment.*"), 10, 3).await;
    check(of_type("incident.opened"), 10, 2).await;
    check(of_type("no\0type"), 10, 1).await;
}
