//! A small platform at one noon: the store that the examples of the actions are carried out against.
//! Whatever an example names is there.

use std::collections::BTreeSet;

use chrono::Duration;
use pts_domain::access::{Scope, Token, TokenKind};
use pts_domain::blind::{Expectation, Reporter};
use pts_domain::event::{Form, NewEvent, read};
use pts_domain::quarantine::NewItem;
use pts_domain::{FieldError, Timestamp, time};
use pts_ports::{Appended, BlindSpots, EventLog, Quarantine, TokenStore};
use serde_json::{Value, json};
use uuid::Uuid;

/// When it is: half an hour after noon.
pub fn now() -> Timestamp {
    time::parse("2026-03-01T12:30:00Z").expect("a time")
}

/// The event that examples look up.
pub const EVENT: Uuid = Uuid::from_u128(0x019c_aa3c_5e80_7000_8000_0000_0000_0001);
/// The quarantined item that examples look up.
pub const ITEM: Uuid = Uuid::from_u128(0x019c_aa3c_5e80_7000_8000_0000_0000_0002);
/// The token that everything came with.
pub const TOKEN: Uuid = Uuid::from_u128(0x019c_aa3c_5e80_7000_8000_0000_0000_ffff);

/// Fills a store with it.
///
/// # Panics
/// If the store does not take it.
pub async fn seed(log: &dyn EventLog, quarantine: &dyn Quarantine, blind_spots: &dyn BlindSpots) {
    let appended = log.append(events()).await.expect("the events are stored");
    for one in appended {
        assert!(matches!(one, Appended::Stored { .. }), "{one:?}");
    }
    let within = std::time::Duration::from_secs(10);
    let kept = quarantine.keep(vec![item()], within).await;
    kept.expect("the item is kept");
    let (nightly, heard) = backup();
    let declared = blind_spots.expect(&nightly, 1).await;
    assert!(declared.expect("it is declared"));
    let kept = blind_spots.keep_reporters(&[heard]).await;
    kept.expect("the source is kept");
}

/// The session that examples end.
pub const SESSION: Uuid = Uuid::from_u128(0x019c_aa3c_5e80_7000_8000_0000_0000_0003);

/// Lets somebody be signed in on it.
///
/// # Panics
/// If the store does not take it.
pub async fn seed_sessions(tokens: &dyn TokenStore) {
    let session = Token {
        id: SESSION,
        name: "ada@acme.example".into(),
        kind: TokenKind::Session,
        hash: [3; 32],
        scopes: BTreeSet::new(),
        roles: ["viewer".to_owned()].into(),
        workspace: None,
        networks: Vec::new(),
        subject: Some("https://login.acme.example#ada".into()),
        issued_by: None,
        created_at: now() - Duration::minutes(20),
        last_used_at: Some(now() - Duration::minutes(5)),
        expires_at: Some(now() + Duration::hours(8)),
        revoked_at: None,
    };
    tokens.insert(session).await.expect("the session is kept");
}

/// Keeps the token that everything came with.
///
/// # Panics
/// If the store does not take it.
pub async fn seed_tokens(tokens: &dyn TokenStore) {
    let token = Token {
        id: TOKEN,
        name: "ci".to_owned(),
        kind: TokenKind::Bearer,
        hash: [0x19; 32],
        scopes: [Scope::EventsRead].into(),
        roles: ["emitter".to_owned()].into(),
        workspace: None,
        networks: Vec::new(),
        subject: None,
        issued_by: None,
        created_at: now() - Duration::days(30),
        last_used_at: Some(now() - Duration::minutes(2)),
        expires_at: None,
        revoked_at: None,
    };
    tokens.insert(token).await.expect("the token is kept");
}

/// Its history, in the order in which it was received.
pub fn events() -> Vec<NewEvent> {
    let payments = |more: Value| {
        let mut data = json!({ "service": "payments", "environment": "production" });
        for (name, value) in more.as_object().into_iter().flatten() {
            data[name] = value.clone();
        }
        data
    };
    let deployment = |id: &str, version: &str, more: Value| {
        let mut data = payments(json!({
            "deployment_id": id,
            "version": version,
            "image": format!("ghcr.io/acme/payments:{version}"),
        }));
        for (name, value) in more.as_object().into_iter().flatten() {
            data[name] = value.clone();
        }
        data
    };
    let commit = json!({ "commit_time": "2026-03-01T08:00:00Z", "actor": "alice" });
    let image = json!({
        "image": "ghcr.io/acme/payments", "tag": "1.4.1", "service": "payments",
        "digest": format!("sha256:{}", "a".repeat(64)),
    });
    let beat = |version: &str| {
        payments(json!({ "instance": "payments-7f9c", "version": version, "ttl_s": 300 }))
    };
    let state = payments(json!({
        "component": "payments-db", "from": "primary", "to": "read-only", "reason": "disk full",
    }));
    let incident = payments(json!({
        "incident_id": "INC-7", "severity": "SEV2", "title": "Payments time out",
        "deployment_id": "d-42",
    }));
    let never_opened = json!({ "incident_id": "INC-8" });
    let story = [
        ("ci", "image.built", "08:30", image),
        (
            "ci",
            "deployment.started",
            "09:00",
            deployment("d-41", "1.4.1", commit.clone()),
        ),
        (
            "ci",
            "deployment.succeeded",
            "09:05",
            deployment("d-41", "1.4.1", commit.clone()),
        ),
        ("node-3", "service.started", "09:05", beat("1.4.1")),
        (
            "ci",
            "deployment.started",
            "12:00",
            deployment("d-42", "1.4.2", commit),
        ),
        (
            "ci",
            "deployment.failed",
            "12:04",
            deployment("d-42", "1.4.2", json!({ "reason": "probe" })),
        ),
        ("pager", "incident.opened", "12:05", incident),
        ("pager", "incident.resolved", "12:06", never_opened),
        ("db", "state.changed", "12:10", state),
        ("node-3", "service.heartbeat", "12:29", beat("1.4.1")),
    ];
    let events = story.into_iter().enumerate();
    events
        .map(|(index, (source, event_type, at, data))| {
            let at = time::parse(&format!("2026-03-01T{at}:00Z")).expect("a time");
            let event = json!({
                "type": event_type,
                "source": source,
                "id": format!("{source}-{index}"),
                "time": time::to_micros(at),
                "data": data,
            });
            let id = Uuid::from_u128(EVENT.as_u128() - (1 << 80) + index as u128);
            let id = if index == 0 { EVENT } else { id };
            let mut received = read(event, Form::Lenient, id, at + Duration::seconds(1))
                .unwrap_or_else(|errors| panic!("{event_type}: {errors:?}"))
                .event;
            received.sender = Some(TOKEN);
            received
        })
        .collect()
}

/// A source that should report every night, and was last heard four nights ago.
fn backup() -> (Expectation, Reporter) {
    let last = time::parse("2026-02-26T03:00:00Z").expect("a time");
    let event = json!({
        "type": "com.acme.backup.done", "source": "backup", "id": "backup-57",
        "time": time::to_micros(last),
    });
    let heard = read(event, Form::Lenient, Uuid::from_u128(57), last)
        .unwrap_or_else(|errors| panic!("the backup: {errors:?}"))
        .event;
    let nightly = Expectation {
        source: "backup".into(),
        every_s: 86_400,
        since: last - Duration::days(10),
    };
    (nightly, Reporter::new(&heard.event, last))
}

/// What came when this version of the service did not know better: it is an event by now.
fn item() -> NewItem {
    let text = json!({
        "type": "deployment.requested",
        "source": "ci",
        "id": "run-44",
        "data": { "service": "payments", "environment": "staging", "deployment_id": "d-44", "version": "1.5.0" },
    });
    let errors = [FieldError::missing(
        "data.commit",
        "deployment.requested needs it",
    )];
    let received = (ITEM, now() - Duration::minutes(10), TOKEN);
    NewItem::new(received, Form::Lenient, text.to_string(), &errors)
}
