//! A small platform at one noon: the store that the examples of the actions are carried out against.
//! Whatever an example names is there.

use std::collections::BTreeSet;

use chrono::Duration;
use pts_domain::access::{Elevation, Holder, Scope, Token, TokenKind, Workspace};
use pts_domain::audit::{Actor, ActorKind, Effect, Outcome, Record, input_digest};
use pts_domain::blind::{Expectation, Reporter};
use pts_domain::event::{Form, NewEvent, read};
use pts_domain::quarantine::NewItem;
use pts_domain::{FieldError, Timestamp, time};
use pts_ports::{Appended, AuditLog, BlindSpots, Elevations, EventLog, Quarantine, TokenStore};
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
/// The request to be allowed more that examples decide on.
pub const ELEVATION: Uuid = Uuid::from_u128(0x019c_aa3c_5e80_7000_8000_0000_0000_0004);
/// The token that everything came with.
pub const TOKEN: Uuid = Uuid::from_u128(0x019c_aa3c_5e80_7000_8000_0000_0000_ffff);

/// Fills a store that is all of it with everything that examples speak of.
///
/// # Panics
/// If the store does not take it.
pub async fn seed_all<S>(store: &S)
where
    S: EventLog + Quarantine + BlindSpots + Elevations + TokenStore + AuditLog,
{
    seed(store, store, store).await;
    seed_elevations(store).await;
    seed_tokens(store).await;
    seed_sessions(store).await;
    seed_audit(store).await;
}

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
    let home = Workspace::default();
    let declared = blind_spots.expect(&home, &nightly, 1).await;
    assert!(declared.expect("it is declared"));
    let kept = blind_spots.keep_reporters(&[(home, heard)]).await;
    kept.expect("the source is kept");
}

/// Fills a store with who asked to be allowed more there.
///
/// # Panics
/// If the store does not take it.
pub async fn seed_elevations(elevations: &dyn Elevations) {
    let requested_at = now() - Duration::minutes(5);
    let asked = Elevation {
        id: ELEVATION,
        holder: Holder::Person("bob@acme.example".to_owned()),
        name: "bob".to_owned(),
        workspace: None,
        scopes: [Scope::Operate].into(),
        reason: "INC-7: the quarantine fills up".to_owned(),
        minutes: 30,
        needed: 1,
        requested_at,
        decide_by: requested_at + Duration::hours(1),
        steps: Vec::new(),
    };
    let kept = elevations.request(asked).await;
    kept.expect("the request is kept");
}

/// Fills an audit with what was done there: somebody gave an item up, and somebody else might not.
///
/// # Panics
/// If the audit does not take it.
pub async fn seed_audit(audit: &dyn AuditLog) {
    let at = now() - Duration::minutes(5);
    let input = json!({ "ids": [Uuid::from_u128(43)], "reason": "a typing error" });
    let record = |number: u128, outcome| Record {
        id: Uuid::from_u128(ITEM.as_u128() + number),
        at,
        last_at: at,
        times: 1,
        actor: Actor {
            kind: ActorKind::Bearer,
            id: Some(TOKEN),
            name: "ci".into(),
            subject: None,
        },
        action: "platform.quarantine.discard".into(),
        input: Some(input_digest(&input)),
        effect: Effect::Control,
        outcome,
        reason: None,
        request_id: Some("4bf92f3577b34da6a3ce929d0e0e4736".into()),
        address: Some("192.0.2.7".parse().expect("an address")),
        workspace: Some("default".into()),
        intent: None,
    };
    let intended = record(1, Outcome::Intended);
    let allowed = Record {
        intent: Some(intended.id),
        ..record(2, Outcome::Allowed)
    };
    let denied = Record {
        times: 3,
        reason: Some("needs the scope operate".into()),
        ..record(3, Outcome::Denied)
    };
    let within = std::time::Duration::from_secs(10);
    let appended = audit.append(vec![intended, allowed, denied], within).await;
    appended.expect("the audit takes it");
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

/// The same platform as somebody else has it in a workspace of their own: of the same names, and with
/// `mark` in everything that can say something. What it is known by inside is another's, unless
/// `examples` look it up here.
///
/// # Panics
/// If the store does not take it.
pub async fn seed_in(
    workspace: &Workspace,
    (mark, examples): (&str, bool),
    log: &dyn EventLog,
    quarantine: &dyn Quarantine,
    blind_spots: &dyn BlindSpots,
) {
    let id = |id: Uuid| if examples { id } else { elsewhere(id) };
    let mut batch = events();
    let last = batch.last().expect("it has a history").received_at;
    let kinds = [
        "platform.notice",
        "service.registered",
        "state.changed",
        // It never began: a contradiction.
        "deployment.succeeded",
    ];
    for (n, kind) in kinds.into_iter().enumerate() {
        let json = json!({
            "type": kind, "source": mark, "id": format!("{mark}-{n}"), "subject": mark,
            "data": {
                "message": mark, "service": mark, "environment": mark, "instance": mark,
                "component": mark, "from": mark, "to": mark, "version": mark,
                "deployment_id": mark,
            },
        });
        let read = read(
            json,
            Form::Lenient,
            Uuid::from_u128(9_000 + n as u128),
            last,
        );
        batch.push(
            read.unwrap_or_else(|errors| panic!("{kind}: {errors:?}"))
                .event,
        );
    }
    for new in &mut batch {
        new.workspace = workspace.clone();
        new.id = id(new.id);
        if let Some(data) = new.event.data.as_object_mut() {
            for name in MARKED {
                if data.contains_key(name) {
                    data.insert(name.to_owned(), mark.into());
                }
            }
            data.insert("mark".to_owned(), mark.into());
        }
    }
    let appended = log.append(batch).await.expect("the events are stored");
    for one in appended {
        assert!(matches!(one, Appended::Stored { .. }), "{one:?}");
    }
    let text = item().text.text.replace("1.5.0", mark);
    let errors = [FieldError::missing(mark, "it is needed")];
    let received = (id(ITEM), now() - Duration::minutes(10), TOKEN);
    let item = NewItem::new(received, Form::Lenient, text, &errors);
    let within = std::time::Duration::from_secs(10);
    let kept = quarantine.within(workspace).keep(vec![item], within).await;
    kept.expect("the item is kept");
    let (mut nightly, mut heard) = backup();
    for source in ["backup", mark] {
        nightly.source = source.to_owned();
        heard.source = source.to_owned();
        let declared = blind_spots.expect(workspace, &nightly, 1_000).await;
        assert!(declared.expect("it is declared"));
        let known = [(workspace.clone(), heard.clone())];
        let kept = blind_spots.keep_reporters(&known).await;
        kept.expect("the source is kept");
    }
}

/// What may say anything.
const MARKED: [&str; 8] = [
    "actor",
    "reason",
    "title",
    "message",
    "host",
    "pipeline_url",
    "commit",
    "severity",
];

/// What something of the examples is known by inside where it is somebody else's.
pub fn elsewhere(id: Uuid) -> Uuid {
    Uuid::from_u128(id.as_u128() ^ 0xe15e)
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
