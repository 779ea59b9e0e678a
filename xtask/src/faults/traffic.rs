//! What is sent: events that move every kind of projection, repeats, contradictions of earlier
//! ones, and some that are no good. Each carries a mark by which it is known again.

use serde_json::{Value, json};

use super::{chance::Chance, ledger::Identity};

/// What must become of something that is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expected {
    /// It is stored, or was already.
    Stored,
    /// It was acknowledged before: nothing is stored.
    Repeat,
    /// Its identity stands for another event.
    Conflict,
    /// It cannot be accepted.
    Invalid,
}

/// An event to be sent.
#[derive(Debug, Clone)]
pub(super) struct Parcel {
    pub(super) identity: Identity,
    pub(super) mark: String,
    pub(super) event: Value,
    pub(super) expected: Expected,
}

/// A good event of an identity. The same identity and number make the same event.
pub(super) fn good(identity: Identity, number: u64) -> Parcel {
    let mark = format!("{}/{}", identity.source, identity.id);
    let (event_type, mut data) = content(number);
    data["mark"] = json!(mark);
    let mut event = json!({
        "type": event_type, "source": identity.source, "id": identity.id, "data": data,
    });
    // What a sender's own clock says is part of the event; others leave it to the service.
    if number.is_multiple_of(3) {
        event["time"] = json!(format!(
            "2026-03-01T12:{:02}:{:02}Z",
            number / 60 % 60,
            number % 60
        ));
    }
    if number.is_multiple_of(4) {
        event["subject"] = json!(format!("subject-{}", number % 7));
    }
    Parcel {
        identity,
        mark,
        event,
        expected: Expected::Stored,
    }
}

/// An earlier event, sent again.
pub(super) fn repeat(identity: Identity, number: u64) -> Parcel {
    Parcel {
        expected: Expected::Repeat,
        ..good(identity, number)
    }
}

/// Another event under an earlier one's identity.
pub(super) fn conflict(identity: Identity, number: u64) -> Parcel {
    let mut parcel = good(identity, number);
    parcel.event["data"]["mark"] = json!("another");
    parcel.expected = Expected::Conflict;
    parcel
}

/// Something that is no event.
pub(super) fn invalid(identity: Identity, chance: &mut Chance) -> Parcel {
    let mut parcel = good(identity, 0);
    match chance.below(3) {
        0 => parcel.event["type"] = json!("deployment.strated"),
        1 => parcel.event = json!({"type": "deployment.started", "source": "nobody", "data": {}}),
        _ => parcel.event["time"] = json!("yesterday"),
    }
    parcel.expected = Expected::Invalid;
    parcel
}

/// Several in one body.
pub(super) fn batch(parcels: &[Parcel]) -> String {
    let events = parcels.iter().map(|parcel| parcel.event.clone());
    events.collect::<Value>().to_string()
}

fn content(number: u64) -> (&'static str, Value) {
    let service = format!("service-{}", number / 8 % 5);
    let environment = if number.is_multiple_of(5) {
        "staging"
    } else {
        "production"
    };
    let deployment = format!("d-{}", number / 8);
    match number % 8 {
        0 => (
            "deployment.started",
            json!({"service": service, "environment": environment, "deployment_id": deployment,
                "version": format!("1.{}", number / 8)}),
        ),
        1 => (
            "deployment.succeeded",
            json!({"service": service, "environment": environment, "deployment_id": deployment}),
        ),
        2 => (
            "service.heartbeat",
            json!({"service": service, "environment": environment, "ttl_s": 60,
                "instance": format!("i-{}", number % 3), "version": format!("1.{}", number / 8)}),
        ),
        3 => (
            "state.changed",
            json!({"component": format!("component-{}", number % 11), "to": "up"}),
        ),
        4 => (
            "incident.opened",
            json!({"incident_id": format!("i-{}", number / 16), "severity": "SEV3",
                "title": "Slow", "service": service, "environment": environment}),
        ),
        5 => (
            "image.built",
            json!({"image": format!("acme/{service}"), "tag": format!("1.{}", number / 8)}),
        ),
        6 => (
            "platform.notice",
            json!({"message": "x".repeat(usize::try_from(number % 500).unwrap_or(0) + 1)}),
        ),
        _ => (
            "orders.placed",
            json!({"amount": number, "currency": "EUR"}),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity() -> Identity {
        Identity {
            source: "w1".into(),
            id: "7".into(),
        }
    }

    #[test]
    fn an_event_sent_again_is_the_same_and_a_conflict_is_another() {
        for number in 0..24 {
            let event = good(identity(), number);
            assert_eq!(event.mark, "w1/7");
            assert_eq!(repeat(identity(), number).event, event.event);
            assert_ne!(conflict(identity(), number).event, event.event);
        }
    }

    #[test]
    fn what_is_no_event_lacks_something_that_events_have() {
        let mut chance = Chance::new(1, 0);
        for _ in 0..20 {
            let parcel = invalid(identity(), &mut chance);
            assert_ne!(parcel.event, good(identity(), 0).event);
            assert_eq!(parcel.expected, Expected::Invalid);
        }
    }
}
