//! What the audit promises: one chain of everything that was appended, read as it was written.

use std::time::Duration;

use pts_domain::Timestamp;
use pts_domain::audit::{
    Actor, ActorKind, AuditFilter, Checkpoint, Effect, Entry, Hash, Head, Outcome, Record,
    SigningKey, Stored, Verifier,
};
use pts_domain::filter::{Cursor, TypePattern};
use uuid::Uuid;

use super::Harness;
use crate::generate::minute;

/// Far longer than an append takes.
const WITHIN: Duration = Duration::from_secs(10);

/// A record with as little in it as there can be.
pub fn bare(n: u32) -> Record {
    let at = minute(i64::from(n));
    Record {
        id: Uuid::from_u128(0x1000 + u128::from(n)),
        at,
        last_at: at,
        times: 1,
        actor: Actor::unknown(),
        action: "access.authenticate".into(),
        input: None,
        effect: Effect::Read,
        outcome: Outcome::Denied,
        reason: None,
        request_id: None,
        address: None,
        workspace: None,
        intent: None,
    }
}

/// A record with everything that can be in one.
pub fn full(n: u32) -> Record {
    Record {
        last_at: minute(i64::from(n)) + chrono::Duration::microseconds(1),
        times: 3,
        actor: Actor {
            kind: ActorKind::Bearer,
            id: Some(Uuid::from_u128(u128::from(n % 3))),
            name: format!("tökén {} \"x\"", n % 3),
            subject: Some("alice@example.com".into()),
        },
        action: "platform.quarantine.discard".into(),
        input: Some(Hash([7; 32])),
        effect: Effect::Control,
        outcome: Outcome::Allowed,
        reason: Some("line\nbreak, \u{1F980}, \t and \\".into()),
        request_id: Some(format!("r-{n}")),
        address: Some("2001:db8::7".parse().expect("an address")),
        workspace: Some("default".into()),
        intent: Some(Uuid::from_u128(9)),
        ..bare(n)
    }
}

async fn everything(store: &Harness) -> Vec<Stored> {
    let mut all: Vec<Stored> = Vec::new();
    loop {
        let behind = all.last().map(|last| last.sequence);
        let some = store.audit.stretch(behind, 7).await.unwrap();
        if some.is_empty() {
            return all;
        }
        all.extend(some);
    }
}

/// Reads all of it as somebody would who suspects everybody; returns how many entries there are.
async fn sound(store: &Harness) -> u64 {
    let mut verifier = Verifier::new(Vec::new());
    for row in everything(store).await {
        verifier.look(row);
    }
    let report = verifier.finish(store.audit.end().await.unwrap());
    assert!(report.is_sound(), "{report:?}");
    report.entries
}

/// Numbers count from one, each entry names the one before it, and the end is known.
pub async fn what_is_appended_is_one_chain_from_its_first_entry_on(store: Harness) {
    assert_eq!(store.audit.end().await.unwrap(), Some(Head::START));
    let nothing = store.audit.append(Vec::new(), WITHIN).await.unwrap();
    assert_eq!(nothing, Head::START);
    let mut model = Head::START;
    let mut sealed: Vec<Entry> = Vec::new();
    for batch in [
        vec![bare(1)],
        vec![full(2), bare(3), full(4)],
        vec![bare(5)],
    ] {
        sealed.extend(batch.iter().cloned().map(|record| model.seal(record)));
        let end = store.audit.append(batch, WITHIN).await.unwrap();
        assert_eq!(end, model);
    }
    assert_eq!(store.audit.end().await.unwrap(), Some(model));
    let all = everything(&store).await;
    assert_eq!(all.len(), sealed.len());
    for (stored, entry) in all.iter().zip(&sealed) {
        assert_eq!(stored.sequence, entry.sequence);
        assert_eq!(stored.record.as_ref(), Some(&entry.record));
        assert_eq!(
            (stored.previous, stored.hash),
            (Some(entry.previous), Some(entry.hash))
        );
    }
    assert_eq!(sound(&store).await, 5);
    assert_eq!(store.audit.unguarded().await.unwrap(), [""; 0]);
}

/// After an answer that was lost, the same again changes nothing, whatever is new beside it.
pub async fn a_record_is_in_the_chain_once_however_often_it_is_handed_over(store: Harness) {
    let first = store.audit.append(vec![bare(1), full(2)], WITHIN).await;
    let first = first.unwrap();
    let again = store.audit.append(vec![full(2), bare(1)], WITHIN).await;
    assert_eq!(again.unwrap(), first);
    let more = vec![bare(1), bare(3), full(2), bare(3)];
    let end = store.audit.append(more, WITHIN).await.unwrap();
    assert_eq!(end.sequence, 3);
    assert_eq!(sound(&store).await, 3);
}

/// Everything and nothing, in any text, to the microsecond.
pub async fn whatever_is_recorded_is_read_as_it_was_written(store: Harness) {
    let odd = Record {
        reason: Some("é'\"%_\\\u{fffd}\u{7f}".repeat(50)),
        request_id: Some(String::new()),
        address: Some("192.0.2.255".parse().unwrap()),
        at: Timestamp::from_timestamp_micros(1).unwrap(),
        times: i64::MAX as u64,
        ..full(3)
    };
    let mut kinds = Vec::new();
    for (n, kind) in (10..).zip(ActorKind::ALL) {
        let mut record = full(n);
        record.actor.kind = kind;
        kinds.push(record);
    }
    let written: Vec<_> = [bare(1), full(2), odd]
        .into_iter()
        .chain(kinds)
        .map(Record::tidy)
        .collect();
    store.audit.append(written.clone(), WITHIN).await.unwrap();
    let all = AuditFilter::default();
    let page = store.audit.entries(&all, None, 100).await.unwrap();
    let mut read: Vec<_> = page.items.into_iter().map(|entry| entry.record).collect();
    read.reverse();
    assert_eq!(read, written);
    sound(&store).await;
}

/// Several at once, in groups: every record once, in one chain.
pub async fn all_who_append_at_once_append_one_chain(store: Harness) {
    let appending = (0..8_u32).map(|who| {
        let audit = &store.audit;
        async move {
            for n in 0..5 {
                let first = who * 100 + n * 3;
                let batch = (first..first + 3).map(full).collect();
                audit.append(batch, WITHIN).await.unwrap();
            }
        }
    });
    futures::future::join_all(appending).await;
    assert_eq!(sound(&store).await, 120);
    assert_eq!(store.audit.end().await.unwrap().unwrap().sequence, 120);
}

/// Each filter alone, and all pages together are what one page gives.
pub async fn entries_are_found_by_every_filter_newest_first_in_pages(store: Harness) {
    let mut records: Vec<_> = (1..=9).map(full).collect();
    records.extend((10..=12).map(bare));
    records[2].outcome = Outcome::Failed;
    records[3].workspace = Some("team-7".into());
    records[4].action = "platform.expectations.set".into();
    let mut head = Head::START;
    let model: Vec<_> = records.iter().cloned().map(|one| head.seal(one)).collect();
    store.audit.append(records, WITHIN).await.unwrap();
    let text = |text: &str| Some(text.to_owned());
    let plain = AuditFilter::default;
    let filters = [
        plain(),
        AuditFilter {
            principal: text("tökén 1 \"x\""),
            ..plain()
        },
        AuditFilter {
            principal: text("alice@example.com"),
            ..plain()
        },
        AuditFilter {
            principal: text("a\0b"),
            ..plain()
        },
        AuditFilter {
            token: Some(Uuid::from_u128(2)),
            ..plain()
        },
        AuditFilter {
            actions: vec![TypePattern::from("platform.expectations.set")],
            ..plain()
        },
        AuditFilter {
            actions: vec![TypePattern::from("platform.*"), "a\0*".into()],
            ..plain()
        },
        AuditFilter {
            outcomes: vec![Outcome::Failed, Outcome::Denied],
            ..plain()
        },
        AuditFilter {
            workspace: text("team-7"),
            ..plain()
        },
        AuditFilter {
            request_id: text("r-8"),
            ..plain()
        },
        AuditFilter {
            since: Some(minute(5)),
            until: Some(minute(8)),
            ..plain()
        },
    ];
    for filter in filters {
        let fitting = model.iter().rev().filter(|entry| filter.fits(entry));
        let wanted: Vec<_> = fitting.cloned().collect();
        for limit in [1, 2, wanted.len().max(1), 100] {
            let (mut found, mut cursor): (Vec<Entry>, Option<Cursor>) = (Vec::new(), None);
            loop {
                let page = store.audit.entries(&filter, cursor, limit).await.unwrap();
                assert!(page.items.len() <= limit);
                found.extend(page.items);
                cursor = page.next;
                if cursor.is_none() {
                    break;
                }
            }
            assert_eq!(found, wanted, "{filter:?} by {limit}");
        }
    }
}

/// One of each key about an entry, the first; and the last of all.
pub async fn checkpoints_are_kept_once_and_read_in_order(store: Harness) {
    let keys = [1, 2].map(|n| SigningKey::from_seed(&[n; 32]).expect("a seed"));
    let sign = |sequence: i64, minutes: i64, key: &SigningKey| {
        let head = Head {
            sequence,
            hash: Hash([u8::try_from(sequence).unwrap_or(0); 32]),
        };
        Checkpoint::sign(head, minute(minutes), key).expect("it is signed")
    };
    assert_eq!(store.audit.last_checkpoint(None).await.unwrap(), None);
    let mut kept = vec![
        sign(2, 1, &keys[0]),
        sign(5, 2, &keys[0]),
        sign(5, 2, &keys[1]),
    ];
    for one in kept.iter().rev().chain([&sign(5, 9, &keys[0])]) {
        store.audit.keep_checkpoint(one).await.unwrap();
    }
    let mut read = Vec::new();
    let mut behind = None;
    loop {
        let some = store.audit.checkpoints(behind, 1).await.unwrap();
        let Some(last) = some.last() else { break };
        behind = Some(last.sequence);
        read.extend(some.into_iter().filter_map(|one| one.checkpoint));
    }
    for checkpoints in [&mut kept, &mut read] {
        checkpoints.sort_by_key(|one| (one.sequence, one.key.clone()));
    }
    assert_eq!(read, kept);
    for key in &keys {
        let id = key.public().id();
        let last = store.audit.last_checkpoint(Some(id)).await.unwrap();
        assert_eq!(last, Some(sign(5, 2, key)));
        assert!(last.unwrap().is_by(&key.public()));
    }
    let last = store.audit.last_checkpoint(None).await.unwrap();
    assert_eq!(last.unwrap().sequence, 5);
}
